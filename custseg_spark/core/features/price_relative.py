"""Prices against the market: an optional family, the only one that reads events.

A product's usual price is known only after all events, so there are three steps: sums over views by
product (`product_sums`, of any slice of the events), the products' tiers over all slices
(`product_tiers`), and sums by customer (`customer_sums`, of any slice). Each step adds up the
slices of the one before.
"""

from datetime import date

import numpy as np
import polars as pl

from custseg_spark.core.features.exact import MISSING, Doubles, Whole, as_doubles
from custseg_spark.core.features.feature import Family, Feature, ratio
from custseg_spark.core.features.totals import Totals

PRICE_RELATIVE = "price_relative"

_DISCOUNTED_BELOW_PERCENT = 95
_PRODUCT = ["product_id", "category_id"]
# Tiers are added as whole numbers of this unit, so that the order of adding doesn't matter.
_TIER_UNITS = 10**18
_WHOLE = pl.Decimal(38, 0)
# Mean prices are compared with this many more digits than prices have.
_MEAN_UNITS = 10**10


def product_sums(events: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return one row per product viewed before `as_of`: `price_sum` in 1/10,000, and `views`.

    `events` are rows of the table `events`. A product in two categories counts as two products,
    even if one of the categories is null.
    """
    views = _before(events, as_of).filter(event_type="view")
    return views.group_by(_PRODUCT).agg(
        pl.col("unit_price").to_physical().cast(_WHOLE).sum().alias("price_sum"),
        pl.len().cast(pl.Int64).alias("views"),
    )


def product_tiers(sums: pl.DataFrame) -> pl.DataFrame:
    """Return one row per product of all slices' `product_sums`, with its `tier`.

    The tier is the percent rank of its mean viewed price among the products of its category: 0 for
    the cheapest or an only product, 1 for the dearest, in units of 10^-18; null without a category.
    """
    products = sums.group_by(_PRODUCT).agg(pl.col("price_sum", "views").sum())
    price_sum, views = pl.col("price_sum").to_physical(), pl.col("views").cast(pl.Int128)
    # Half up. As doubles, the means of a price seen once and seen three times would differ.
    mean = (2 * price_sum * _MEAN_UNITS + views) // (2 * views)
    rank = mean.rank("min").over("category_id").cast(pl.Int64) - 1
    other_products = pl.len().over("category_id").cast(pl.Int64) - 1
    share = pl.when(other_products > 0).then(rank / other_products).otherwise(0.0)
    tier = pl.when(pl.col("category_id").is_not_null()).then(_as_tier(share))
    return products.with_columns(tier.alias("tier"))


def customer_sums(events: pl.DataFrame, tiers: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return one row per customer before `as_of`: `tier_sum`, `tier_count`, `discounted_purchases`.

    The sums are over the tiers of viewed products (in their units). A discounted purchase cost less
    than 95% of the product's mean viewed price. `tiers` come from `product_tiers` over all events.
    """
    priced = _before(events, as_of).join(tiers, on=_PRODUCT, how="left", nulls_equal=True)
    is_view, is_purchase = (pl.col("event_type") == kind for kind in ("view", "purchase"))
    viewed_tier = pl.when(is_view).then(pl.col("tier"))
    price = pl.col("unit_price").to_physical()
    usual = pl.col("price_sum").to_physical() * _DISCOUNTED_BELOW_PERCENT
    is_discounted = is_purchase & (price * pl.col("views").cast(pl.Int128) * 100 < usual)
    return priced.group_by("customer_id").agg(
        viewed_tier.sum().alias("tier_sum"),
        viewed_tier.count().cast(pl.Int64).alias("tier_count"),
        is_discounted.sum().cast(pl.Int64).alias("discounted_purchases"),
    )


def added_customer_sums(sums: pl.DataFrame) -> pl.DataFrame:
    """Add up several slices' `customer_sums`, one row per customer."""
    return sums.group_by("customer_id").agg(pl.exclude("customer_id").sum())


def _before(events: pl.DataFrame, as_of: date) -> pl.DataFrame:
    return events.filter(pl.col("event_date") < as_of).select(
        "customer_id", "event_type", *_PRODUCT, "unit_price"
    )


def _as_tier(share: pl.Expr) -> pl.Expr:
    """Convert a double's shortest decimal digits to tier units, rounded half up."""
    digits = share.cast(pl.String).cast(pl.Decimal(38, 28)).to_physical()
    finer = 10**28 // _TIER_UNITS
    return ((digits + finer // 2) // finer).cast(_WHOLE)


def _present(totals: Totals, name: str) -> Whole:
    """Return a joined sum, 0 for customers without events."""
    sums = totals.joined[name]
    return np.where(sums == MISSING, 0, sums)


def _price_tier(totals: Totals) -> Doubles:
    tiers = as_doubles(_present(totals, "tier_sum"), _TIER_UNITS)
    return ratio(tiers, _present(totals, "tier_count"))


def _discount_share(totals: Totals) -> Doubles:
    return ratio(_present(totals, "discounted_purchases"), totals.total("purchase_count"))


# `price_tier` and `discount_share`, from `customer_sums`.
FAMILY = Family(
    PRICE_RELATIVE,
    (
        Feature(
            "price_tier",
            "double",
            "Mean over view events of the percent rank (0-1) of the product's mean viewed price"
            " among its category's products; 0 without views of a known category.",
            _price_tier,
        ),
        Feature(
            "discount_share",
            "double",
            "Purchases at less than 95% of the product's mean viewed price (the product within"
            " its category; none if nobody viewed it) / purchase_count.",
            _discount_share,
        ),
    ),
)
