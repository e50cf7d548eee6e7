"""How widely a customer looks around: products, categories, brands."""

from datetime import date

from pyspark.sql import Column

from custseg_spark.features.feature import Family, Feature, plain, ratio
from custseg_spark.features.keys import (
    BRAND,
    CATEGORY,
    PRODUCT,
    distinct,
    entropy,
    largest,
    sum_n_log_n,
    total,
)


def _key_totals(as_of: date) -> dict[str, Column]:
    del as_of
    return {
        "product_count": distinct(PRODUCT),
        "category_count": distinct(CATEGORY),
        "brand_count": distinct(BRAND),
        "category_events": total(CATEGORY),
        "top_category_events": largest(CATEGORY),
        "category_n_log_n": sum_n_log_n(CATEGORY),
        "brand_events": total(BRAND),
        "top_brand_events": largest(BRAND),
    }


def family(as_of: date) -> Family:
    """Distinct counts and concentration, over events of every type."""
    del as_of
    return Family(
        "exploration",
        (
            Feature("product_count", "bigint", "Distinct products.", plain("product_count"), True),
            Feature(
                "category_count",
                "bigint",
                "Distinct category ids; a null category is none.",
                plain("category_count"),
                True,
            ),
            Feature(
                "brand_count",
                "bigint",
                "Distinct brands; a null brand is none.",
                plain("brand_count"),
                True,
            ),
            Feature(
                "exploration_ratio",
                "double",
                "product_count / view_count; above 1 where products are bought unseen.",
                lambda: ratio("product_count", "view_count"),
                rate=True,
            ),
            Feature(
                "top_category_share",
                "double",
                "Events of the most frequent category / events with a category id.",
                lambda: ratio("top_category_events", "category_events"),
            ),
            Feature(
                "category_entropy",
                "double",
                "Shannon entropy, in nats, of the events' shares by category id.",
                lambda: entropy("category_events", "category_n_log_n"),
                rate=True,
            ),
            Feature(
                "top_brand_share",
                "double",
                "Events of the most frequent brand / events with a brand.",
                lambda: ratio("top_brand_events", "brand_events"),
            ),
        ),
        key_totals=_key_totals,
    )
