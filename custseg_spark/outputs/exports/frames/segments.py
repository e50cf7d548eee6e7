"""`segment_metrics`: a comparison of the segments."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.outputs.exports.layout import ReportTable, Run

SEGMENT_METRICS = ReportTable(
    "segment_metrics",
    """segment_id int, segment string, total_spend decimal(38,4), num_customers bigint,
    num_buyers bigint, customer_share double, avg_clv decimal(28,4), avg_purchases double,
    avg_spending_score double, age double, income decimal(18,4), run_date date""",
    key=("segment_id",),
)


def rows(run: Run) -> DataFrame:
    """Return one row per living segment, including segments without customers.

    Means are over the segment's customers with the value: lifetime value (`avg_clv`), age, income.
    `customer_share` is of all customers of the run.
    """
    # Money is averaged as decimals, the others are integers, so the order of adding doesn't matter.
    metrics = run.metrics.groupBy("segment_id").agg(
        F.sum("total_spend").alias("total_spend"),
        F.count("*").alias("num_customers"),
        F.count_if(F.col("num_purchases") > 0).alias("num_buyers"),
        F.avg("clv").alias("avg_clv"),
        F.avg("num_purchases").alias("avg_purchases"),
        F.avg("spending_score").alias("avg_spending_score"),
        F.avg("age").alias("age"),
        F.avg("income").alias("income"),
    )
    living = run.named.select(
        "segment_id", F.col("segment_name").alias("segment"), "customer_share", "run_date"
    )
    counts = ("total_spend", "num_customers", "num_buyers")
    return living.join(metrics, "segment_id", how="left").fillna(0, counts)
