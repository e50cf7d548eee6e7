"""Tables of a run's insights beside its segments; `schemas` declares the others."""

import pyarrow as pa

from custseg_spark.engine.lake.columns import (
    DOUBLE,
    INT,
    LONG,
    PARTNER,
    REVENUE,
    TEXT,
    by_run,
    each,
)

_AFFINITY = {
    **each(LONG, "customers segment_buyers all_customers all_buyers"),
    **each(DOUBLE, "support lift lift_low lift_high"),
}

SEGMENT_PRODUCTS = by_run(
    "segment_products",
    {
        "algorithm": TEXT,
        **each(INT, "segment_id rank"),
        **each(TEXT, "product_id category_code brand"),
        **_AFFINITY,
        "bought_together": pa.list_(PARTNER),
    },
)

SEGMENT_CATEGORIES = by_run(
    "segment_categories",
    {
        "algorithm": TEXT,
        "segment_id": INT,
        "kind": TEXT,
        "rank": INT,
        **each(TEXT, "name category_code"),
        **_AFFINITY,
    },
)

SEGMENT_SEASONS = by_run(
    "segment_seasons",
    {
        "algorithm": TEXT,
        "segment_id": INT,
        "period": TEXT,
        **each(INT, "number years"),
        **each(LONG, "days purchases"),
        "revenue": REVENUE,
        **each(DOUBLE, "purchase_index revenue_index"),
    },
)

EVENT_SUMMARY = by_run(
    "event_summary",
    {
        **each(TEXT, "kind event_type name label"),
        **each(DOUBLE, "lower upper"),
        "count": LONG,
    },
)
