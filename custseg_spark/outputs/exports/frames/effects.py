"""`campaign_lift`: purchases after a campaign, of treated and of held-back customers."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.engine.lake.ddl import MONEY, MONEY_SQUARES, MONEY_SUM
from custseg_spark.outputs.exports.frames.purchases import amount
from custseg_spark.outputs.exports.layout import ReportTable

_OF_A_CUSTOMER = ("is_buyer", "spend", "is_buyer_before", "spend_before")
# No segment has this id.
EVERYBODY = 0

CAMPAIGN_LIFT = ReportTable(
    "campaign_lift",
    f"""segment_id int, segment string, change string, treated bigint, control bigint,
    treated_buyers bigint, control_buyers bigint, treated_rate double, control_rate double,
    rate_difference double, rate_low double, rate_high double, treated_mean_spend {MONEY_SUM},
    control_mean_spend {MONEY_SUM}, spend_difference {MONEY_SUM}, spend_low {MONEY_SUM},
    spend_high {MONEY_SUM}, confidence double, campaign string, purchases_from date,
    purchases_until date, rate_adjusted double, rate_adjusted_low double,
    rate_adjusted_high double, rate_variance_left double, spend_adjusted {MONEY_SUM},
    spend_adjusted_low {MONEY_SUM}, spend_adjusted_high {MONEY_SUM}, spend_variance_left double,
    rate_detectable double, spend_detectable {MONEY_SUM}, look_confidence double, looks string""",
    key=("segment_id", "change"),
)


@dataclass(frozen=True)
class Days:
    """The days from `begin` to before `end`."""

    begin: date
    end: date

    def __len__(self) -> int:
        return (self.end - self.begin).days


def outcomes(changes: DataFrame, events: DataFrame, days: Days, before: Days) -> DataFrame:
    """Return one row per segment and change of `segment_changes`, and one for everybody.

    For each group, with the group's name as prefix: `customers`; `buyers`, who have a purchase in
    `days`; the sums of net spend in these and of its squares, as decimals, so that the order of
    adding doesn't matter. The same of the days `before` the campaign, as `buyers_before`, `before`
    and `squares_before`, and what both have together: `buyers_both` and the sum of `products`. In
    the row for everybody a customer counts once.
    """
    customer = ("customer_id", "is_control", *_OF_A_CUSTOMER)
    per_customer = (
        changes.join(_spent(events, days, ""), "customer_id", how="left")
        .join(_spent(events, before, "_before"), "customer_id", how="left")
        .select("segment_id", "segment", "change", *customer)
    )
    all_ = {"segment_id": EVERYBODY, "segment": "everybody", "change": "any"}
    everybody = per_customer.select(*customer).distinct()
    labelled = everybody.withColumns({name: F.lit(value) for name, value in all_.items()})
    sums = [*_sums("treated", ~F.col("is_control")), *_sums("control", F.col("is_control"))]
    return per_customer.unionByName(labelled).groupBy("segment_id", "segment", "change").agg(*sums)


def _sums(group: str, is_its: Column) -> list[Column]:
    def of_group(name: str) -> Column:
        return F.when(is_its, F.coalesce(name, F.lit(0))).otherwise(0).cast(MONEY)

    def added(first: Column, second: Column) -> Column:
        return F.sum((first * second).cast(MONEY_SQUARES))

    spend, earlier = of_group("spend"), of_group("spend_before")
    buys, bought = is_its & F.col("is_buyer"), is_its & F.col("is_buyer_before")
    sums = {
        "customers": F.count_if(is_its),
        "buyers": F.count_if(buys),
        "spend": F.sum(spend),
        "squares": added(spend, spend),
        "buyers_before": F.count_if(bought),
        "buyers_both": F.count_if(buys & bought),
        "before": F.sum(earlier),
        "squares_before": added(earlier, earlier),
        "products": added(spend, earlier),
    }
    return [column.alias(f"{group}_{name}") for name, column in sums.items()]


def _spent(events: DataFrame, days: Days, suffix: str) -> DataFrame:
    """Return one row per customer with a purchase or return on these days."""
    is_purchase = F.col("event_type") == "purchase"
    sold = events.where(F.col("event_type").isin("purchase", "return"))
    is_then = (F.col("event_date") >= F.lit(days.begin)) & (F.col("event_date") < F.lit(days.end))
    net = F.sum(F.when(is_purchase, amount()).otherwise(-amount())).cast(MONEY)
    return (
        sold.where(is_then)
        .groupBy("customer_id")
        .agg(F.max(is_purchase).alias(f"is_buyer{suffix}"), net.alias(f"spend{suffix}"))
    )
