"""What the peers share before any clustering: the log's columns, words and limits."""

# Of scripts/generate_events.py; types in Arrow's names.
LOG_TYPES = {
    "event_time": "timestamp[s]",
    "event_type": "string",
    "product_id": "int64",
    "category_id": "int64",
    "category_code": "string",
    "brand": "string",
    "price": "double",
    "user_id": "int64",
    "user_session": "string",
}
TIME_FORMAT = "%Y-%m-%d %H:%M:%S UTC"
KINDS = ("view", "cart", "purchase")

EVENING_FROM_HOUR = 18
WINDOWS_DAYS = (30, 90, 365)
DAY_SECONDS = 86_400
QUINTILES = 5

# Recency score 1 to 5, and within it the rounded mean of frequency and monetary score 1 to 5.
RFM_GROUPS = (
    *("Dormant", "Dormant", "At Risk", "Previously Loyal", "Previously Loyal"),
    *("Almost Lost", "Almost Lost", "At Risk", "At Risk", "Previously Loyal"),
    *("Promising", "Needs Attention", "Needs Attention", "Active", "Loyal"),
    *("New", "Promising", "Active", "Loyal", "Champions"),
    *("New", "Promising", "Active", "Loyal", "Champions"),
)
PROSPECTS = "Prospects"

# Every feature of the data dictionary but the lifetime values, the optional families, that of
# discounts, which the log doesn't have, and baskets, which only ours adds.
FEATURES = (
    *("recency_days", "frequency", "monetary", "average_order_value", "purchase_days"),
    *("event_count", "view_count", "cart_count", "purchase_count", "session_count"),
    *("active_days", "days_since_first_event", "days_since_last_event", "active_span_days"),
    *("events_per_session", "session_duration_mean_s", "bounce_rate", "cart_share"),
    *("uncompleted_cart_share", "view_to_cart_rate", "cart_to_purchase_rate"),
    *("view_to_purchase_rate", "cart_abandonment_rate", "engagement_intensity", "loyalty_score"),
    *("product_count", "category_count", "brand_count", "exploration_ratio"),
    *("top_category_share", "category_entropy", "top_brand_share"),
    *("peak_hour", "hour_entropy", "evening_share", "weekend_share"),
    "days_between_sessions_mean",
    *(f"{what}_{d}d" for d in WINDOWS_DAYS for what in ("events", "purchases", "spend")),
    *("avg_viewed_price", "avg_purchased_price", "price_ratio", "price_stddev"),
    *("price_tolerance", "max_viewed_price", "relative_price"),
    *("rfm_r", "rfm_f", "rfm_m", "rfm_score", "rfm_group"),
)
