"""Discount sensitivity: how much of the spend goes on what is reduced, and by how much it is."""

from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F

from custseg_spark.features.feature import Family, Feature, ratio, ratio_or_null


def _totals(as_of: date) -> dict[str, Column]:
    del as_of
    return {
        "discount_amount": F.sum("discount_amount"),
        "discounted_amount": F.sum("discounted_amount"),
        "bought_amount": F.sum("purchase_amount"),
    }


def family(as_of: date) -> Family:
    """Of purchases by what their source says was taken off; all 0 or null where none says it."""
    del as_of
    return Family(
        "discount",
        (
            Feature(
                "discounted_spend_share",
                "double",
                "Spend on purchases with a discount / spend on all purchases (both after discounts,"
                " returns not taken off).",
                lambda: ratio("discounted_amount", "bought_amount"),
                sqrt=True,
            ),
            Feature(
                "mean_discount_depth",
                "double",
                "Mean share of the price that was taken off, over purchases with a discount, each"
                " by its price: discounts / (unit price x quantity). Null: none with a discount.",
                lambda: ratio_or_null(
                    "discount_amount", F.col("discounted_amount") + F.col("discount_amount")
                ),
            ),
        ),
        _totals,
    )
