"""Metrics of a customer for several reporting tables: value, purchases, spending score."""

from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from custseg_spark.engine.lake.ddl import MONEY_SUM

# Orders per so many days. A customer known for fewer days counts as known for so many: one order on
# the first day isn't thirty a month.
FREQUENCY_DAYS = 30
_SCORES = 100
_ATTRIBUTES = ("name", "age", "income", "gender", "education", "occupation", "zip_code")


def customer_metrics(
    segments: DataFrame, features: DataFrame, attributes: DataFrame, run_date: date
) -> DataFrame:
    """Return one row per customer of a run: segment, attributes, metrics, features by name.

    `clv`, `avg_purchase_amount` and `last_purchase_days_ago` are null for customers who never
    bought.
    """
    is_buyer = F.col("frequency") > 0
    known_days = F.greatest("days_since_first_event", F.lit(FREQUENCY_DAYS))
    metrics = features.drop("run_date").withColumns(
        {
            "spent": F.when(is_buyer, F.col("monetary")),
            "total_spend": F.col("monetary"),
            "clv": F.col("clv_12m").cast(MONEY_SUM),
            "num_purchases": F.col("frequency"),
            "avg_purchase_frequency": F.col("frequency") * float(FREQUENCY_DAYS) / known_days,
            "avg_purchase_amount": F.when(is_buyer, F.col("monetary") / F.col("frequency")),
            "last_purchase_days_ago": F.col("recency_days"),
        }
    )
    named = segments.select(
        "customer_id",
        "segment_id",
        F.col("segment_name").alias("segment"),
        "prediction_timestamp",
    )
    return (
        named.join(metrics, "customer_id", how="left")
        .join(attributes.select("customer_id", *_ATTRIBUTES), "customer_id", how="left")
        .join(spending_scores(features), "spent", how="left")
        .withColumn("spending_score", F.coalesce("spending_score", F.lit(0)))
        .withColumn("run_date", F.lit(run_date))
    )


def spending_scores(features: DataFrame) -> DataFrame:
    """Return one row per distinct `monetary` of buyers (column `spent`), with its `spending_score`.

    1 + floor(100 x share of buyers who spent less), so 1 to 100: equal spend has equal scores, and
    `rfm_m` is the score's fifth. The floor is exact, because the quotient of two counts is a whole
    number only if the division leaves no remainder.
    """
    buyers = features.where(F.col("frequency") > 0)
    counts = buyers.groupBy(F.col("monetary").alias("spent")).agg(F.count("*").alias("n"))
    less = Window.orderBy("spent").rowsBetween(Window.unboundedPreceding, -1)
    all_ = Window.orderBy("spent").rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    spent_less = F.coalesce(F.sum("n").over(less), F.lit(0))
    score = 1 + F.floor(_SCORES * spent_less / F.sum("n").over(all_))
    return counts.select("spent", score.cast("int").alias("spending_score"))
