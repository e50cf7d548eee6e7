"""How widely a customer looks around: products, categories, brands."""

from datetime import date

from custseg_spark.features.feature import Family, Feature, plain, ratio


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
                plain("category_entropy"),
                rate=True,
            ),
            Feature(
                "top_brand_share",
                "double",
                "Events of the most frequent brand / events with a brand.",
                lambda: ratio("top_brand_events", "brand_events"),
            ),
        ),
    )
