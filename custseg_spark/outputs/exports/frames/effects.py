"""`campaign_lift`: purchases after a campaign, of treated and of held-back customers."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.engine.lake.ddl import MONEY, MONEY_SQUARES, MONEY_SUM
from custseg_spark.outputs.exports.frames.purchases import amount
from custseg_spark.outputs.exports.layout import ReportTable

# No segment has this id.
EVERYBODY = 0

CAMPAIGN_LIFT = ReportTable(
    "campaign_lift",
    f"""segment_id int, segment string, change string, treated bigint, control bigint,
    treated_buyers bigint, control_buyers bigint, treated_rate double, control_rate double,
    rate_difference double, rate_low double, rate_high double, treated_mean_spend {MONEY_SUM},
    control_mean_spend {MONEY_SUM}, spend_difference {MONEY_SUM}, spend_low {MONEY_SUM},
    spend_high {MONEY_SUM}, confidence double, campaign string, purchases_from date,
    purchases_until date""",
    key=("segment_id", "change"),
)


def outcomes(changes: DataFrame, events: DataFrame, begin: date, end: date) -> DataFrame:
    """Return one row per segment and change of `segment_changes`, and one for everybody.

    For each group, with the group's name as prefix: `customers`; `buyers`, who have a purchase on a
    day from `begin` to before `end`; the sums of net spend in that period and of its squares, as
    decimals, so that the order of adding doesn't matter. In the row for everybody a customer counts
    once.
    """
    customer = ("customer_id", "is_control", "is_buyer", "spend")
    known = changes.join(_spent(events, begin, end), "customer_id", how="left").select(
        "segment_id", "segment", "change", *customer
    )
    all_ = {"segment_id": EVERYBODY, "segment": "everybody", "change": "any"}
    everybody = known.select(*customer).distinct()
    labelled = everybody.withColumns({name: F.lit(value) for name, value in all_.items()})
    sums = [*_sums("treated", ~F.col("is_control")), *_sums("control", F.col("is_control"))]
    return known.unionByName(labelled).groupBy("segment_id", "segment", "change").agg(*sums)


def _sums(group: str, is_its: Column) -> list[Column]:
    spend = F.when(is_its, F.coalesce("spend", F.lit(0))).otherwise(0).cast(MONEY)
    return [
        F.count_if(is_its).alias(f"{group}_customers"),
        F.count_if(is_its & F.col("is_buyer")).alias(f"{group}_buyers"),
        F.sum(spend).alias(f"{group}_spend"),
        F.sum((spend * spend).cast(MONEY_SQUARES)).alias(f"{group}_squares"),
    ]


def _spent(events: DataFrame, begin: date, end: date) -> DataFrame:
    """Return one row per customer with a purchase or return in the period."""
    is_purchase = F.col("event_type") == "purchase"
    sold = events.where(F.col("event_type").isin("purchase", "return"))
    return (
        sold.where((F.col("event_date") >= F.lit(begin)) & (F.col("event_date") < F.lit(end)))
        .groupBy("customer_id")
        .agg(
            F.max(is_purchase).alias("is_buyer"),
            F.sum(F.when(is_purchase, amount()).otherwise(-amount())).cast(MONEY).alias("spend"),
        )
    )
