"""Discount sensitivity: the share of spend on reduced items, and the depth of the reductions."""

from custseg_spark.core.features.exact import MONEY_UNITS, Doubles, as_doubles
from custseg_spark.core.features.feature import Family, Feature, ratio, ratio_or_null
from custseg_spark.core.features.totals import Totals


def _discounted_spend_share(totals: Totals) -> Doubles:
    discounted, bought = (
        as_doubles(totals.total(name), MONEY_UNITS)
        for name in ("discounted_amount", "purchase_amount")
    )
    return ratio(discounted, bought)


def _mean_discount_depth(totals: Totals) -> Doubles:
    discount = totals.total("discount_amount")
    full_price = totals.total("discounted_amount") + discount
    return ratio_or_null(as_doubles(discount, MONEY_UNITS), as_doubles(full_price, MONEY_UNITS))


# Features from the discounts in the source; all 0 or null without discounts.
DISCOUNT = Family(
    "discount",
    (
        Feature(
            "discounted_spend_share",
            "double",
            "Spend on purchases with a discount / spend on all purchases (both after discounts,"
            " returns not taken off).",
            _discounted_spend_share,
            sqrt=True,
        ),
        Feature(
            "mean_discount_depth",
            "double",
            "Mean share of the price that was taken off, over purchases with a discount, each"
            " by its price: discounts / (unit price x quantity). Null: none with a discount.",
            _mean_discount_depth,
        ),
    ),
)
