"""Prices against the market: an optional family, the one that reads events.

It needs a pass over products first, which the session parts can't answer.
"""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from custseg_spark.features.feature import Family, Feature, ratio

_DISCOUNTED_BELOW_PERCENT = 95
# Shares are added as decimals, so that no order of adding changes the sum.
_SHARE = "decimal(28,18)"


def customer_totals(events: DataFrame, as_of: date) -> DataFrame:
    """One row a customer: sums over viewed tiers and discounted purchases before `as_of`.

    A product's tier is the percent rank of its mean viewed price among the products of its
    category (0 the cheapest, 1 the dearest, 0 for an only one). A product that is listed in two
    categories is two products here.
    """
    before = events.where(F.col("event_date") < F.lit(as_of)).select(
        "customer_id", "event_type", "product_id", "category_id", "unit_price"
    )
    is_view = F.col("event_type") == "view"
    products = (
        before.where(is_view)
        .groupBy("product_id", "category_id")
        .agg(F.sum("unit_price").alias("price_sum"), F.count("*").alias("views"))
        # A quotient of decimals: in doubles one price seen once and seen thrice are two means.
        .withColumn("mean_price", F.col("price_sum") / F.col("views"))
    )
    within_category = Window.partitionBy("category_id").orderBy("mean_price")
    tier = F.when(F.col("category_id").isNotNull(), F.percent_rank().over(within_category))
    products = products.withColumn("tier", tier.cast(_SHARE)).withColumnsRenamed(
        {"product_id": "viewed_product", "category_id": "viewed_category"}
    )
    same = F.col("product_id").eqNullSafe(F.col("viewed_product")) & F.col(
        "category_id"
    ).eqNullSafe(F.col("viewed_category"))
    priced = before.join(products, same, how="left")
    viewed_tier = F.when(is_view, F.col("tier"))
    is_purchase = F.col("event_type") == "purchase"
    discounted = is_purchase & (
        F.col("unit_price") * F.col("views") * 100 < F.col("price_sum") * _DISCOUNTED_BELOW_PERCENT
    )
    return priced.groupBy("customer_id").agg(
        F.sum(viewed_tier).alias("tier_sum"),
        F.count(viewed_tier).alias("tier_count"),
        F.count(F.when(discounted, True)).alias("discounted_purchases"),
    )


def family(as_of: date) -> Family:
    """`price_tier` and `discount_share`, over `customer_totals`."""
    del as_of

    def discount_share() -> Column:
        return ratio("discounted_purchases", "purchase_count")

    return Family(
        "price_relative",
        (
            Feature(
                "price_tier",
                "double",
                "Mean over view events of the percent rank (0-1) of the product's mean viewed price"
                " among its category's products; 0 without views of a known category.",
                lambda: ratio("tier_sum", "tier_count"),
            ),
            Feature(
                "discount_share",
                "double",
                "Purchases at less than 95% of the product's mean viewed price (the product within"
                " its category; none if nobody viewed it) / purchase_count.",
                discount_share,
            ),
        ),
    )
