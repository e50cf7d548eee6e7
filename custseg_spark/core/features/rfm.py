"""Recency, frequency and monetary value; `scores` compares customers by them."""

from custseg_spark.core.features.exact import MONEY_UNITS, Doubles, Ints, as_doubles
from custseg_spark.core.features.feature import Family, Feature, ratio, whole_days_since
from custseg_spark.core.features.totals import Totals


def recency_days(totals: Totals) -> Ints:
    """Return whole days since the last purchase; MISSING for customers who never bought."""
    return whole_days_since(totals.largest("last_purchase_at"), totals)


def frequency(totals: Totals) -> Ints:
    """Count distinct orders."""
    return totals.items.order.distinct()


def _average_order_value(totals: Totals) -> Doubles:
    return ratio(as_doubles(totals.net_spend(), MONEY_UNITS), frequency(totals))


RFM = Family(
    "rfm",
    (
        Feature(
            "recency_days",
            "int",
            "Whole days from the last purchase to the run date (00:00 UTC). Null: never bought.",
            recency_days,
            log1p=True,
            null="max",
        ),
        Feature(
            "frequency",
            "bigint",
            "Distinct orders: order ids, else sessions with a purchase.",
            frequency,
            log1p=True,
        ),
        Feature(
            "monetary",
            "decimal(28,4)",
            "Sum of purchases (unit price x quantity - discount) less returns, in the source's"
            " currency. 0: neither bought nor returned; negative where returns outweigh.",
            lambda totals: totals.net_spend(),
            log1p=True,
        ),
        Feature(
            "average_order_value",
            "double",
            "monetary / frequency; 0 without an order.",
            _average_order_value,
            log1p=True,
        ),
        Feature(
            "purchase_days",
            "bigint",
            "Distinct UTC days with a purchase.",
            lambda totals: totals.purchase_days,
            log1p=True,
        ),
    ),
)
