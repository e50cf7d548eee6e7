"""How widely a customer explores products, categories and brands."""

from custseg_spark.core.features.feature import Family, Feature, ratio

EXPLORATION = Family(
    "exploration",
    (
        Feature(
            "product_count",
            "bigint",
            "Distinct products.",
            lambda totals: totals.items.product.distinct(),
            log1p=True,
        ),
        Feature(
            "category_count",
            "bigint",
            "Distinct category ids; a null category is none.",
            lambda totals: totals.items.category.distinct(),
            log1p=True,
        ),
        Feature(
            "brand_count",
            "bigint",
            "Distinct brands; a null brand is none.",
            lambda totals: totals.items.brand.distinct(),
            log1p=True,
        ),
        Feature(
            "exploration_ratio",
            "double",
            "product_count / view_count; above 1 where products are bought unseen.",
            lambda totals: ratio(totals.items.product.distinct(), totals.total("view_count")),
            rate=True,
        ),
        Feature(
            "top_category_share",
            "double",
            "Events of the most frequent category / events with a category id.",
            lambda totals: ratio(totals.items.category.largest(), totals.items.category.total()),
        ),
        Feature(
            "category_entropy",
            "double",
            "Shannon entropy, in nats, of the events' shares by category id.",
            lambda totals: totals.items.category.entropy(),
            rate=True,
        ),
        Feature(
            "top_brand_share",
            "double",
            "Events of the most frequent brand / events with a brand.",
            lambda totals: ratio(totals.items.brand.largest(), totals.items.brand.total()),
        ),
    ),
)
