"""Volume, engagement and the way from view to purchase."""

from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F

from custseg_spark.features.feature import (
    MICROS_PER_DAY,
    Family,
    Feature,
    plain,
    ratio,
    whole_days_until,
)

_COUNTS = ("event_count", "view_count", "cart_count", "purchase_count")


def _totals(as_of: date) -> dict[str, Column]:
    del as_of
    return {
        **{name: F.sum(name) for name in _COUNTS},
        "first_event_at": F.min("first_event_at"),
        "last_event_at": F.max("last_event_at"),
    }


def _loyalty() -> Column:
    repeats = F.when(F.col("order_count") > 0, 1 - 1 / F.col("order_count")).otherwise(0.0)
    micros_active = F.unix_micros("last_event_at") - F.unix_micros("first_event_at")
    micros_known = F.unix_micros(F.col("as_of").cast("timestamp")) - F.unix_micros("first_event_at")
    return (repeats + ratio(micros_active, micros_known)) / 2


def family(as_of: date) -> Family:
    """Counts of events, sessions and days, and the rates between them."""
    return Family(
        "behaviour",
        (
            Feature("event_count", "bigint", "Events of any type.", plain("event_count"), True),
            Feature("view_count", "bigint", "View events.", plain("view_count"), True),
            Feature("cart_count", "bigint", "Cart events.", plain("cart_count"), True),
            Feature("purchase_count", "bigint", "Purchase events.", plain("purchase_count"), True),
            Feature("session_count", "bigint", "Sessions.", plain("session_count"), True),
            Feature(
                "active_days",
                "bigint",
                "Distinct UTC days with an event.",
                plain("active_day_count"),
                True,
            ),
            Feature(
                "days_since_first_event",
                "int",
                "Whole days from the first event to the run date.",
                lambda: whole_days_until(as_of, "first_event_at"),
            ),
            Feature(
                "days_since_last_event",
                "int",
                "Whole days from the last event to the run date.",
                lambda: whole_days_until(as_of, "last_event_at"),
            ),
            Feature(
                "active_span_days",
                "double",
                "Days from the first to the last event.",
                lambda: ratio(
                    F.unix_micros("last_event_at") - F.unix_micros("first_event_at"),
                    F.lit(MICROS_PER_DAY),
                ),
                True,
            ),
            Feature(
                "events_per_session",
                "double",
                "event_count / session_count.",
                lambda: ratio("event_count", "session_count"),
                True,
                rate=True,
            ),
            Feature(
                "session_duration_mean_s",
                "double",
                "Mean over sessions of last less first event, in seconds.",
                lambda: ratio("duration_micros", F.col("session_count") * 1_000_000),
                True,
            ),
            Feature(
                "bounce_rate",
                "double",
                "Sessions of one event / session_count.",
                lambda: ratio("bounced_sessions", "session_count"),
            ),
            Feature(
                "cart_share",
                "double",
                "cart_count / event_count.",
                lambda: ratio("cart_count", "event_count"),
                sqrt=True,
                rate=True,
            ),
            Feature(
                "uncompleted_cart_share",
                "double",
                "(cart_count - purchase_count, at least 0) / event_count.",
                lambda: ratio(
                    F.greatest(F.col("cart_count") - F.col("purchase_count"), F.lit(0)),
                    "event_count",
                ),
                sqrt=True,
                rate=True,
            ),
            Feature(
                "view_to_cart_rate",
                "double",
                "cart_count / view_count; above 1 where carts outnumber views.",
                lambda: ratio("cart_count", "view_count"),
            ),
            Feature(
                "cart_to_purchase_rate",
                "double",
                "purchase_count / cart_count; above 1 where purchases skip the cart.",
                lambda: ratio("purchase_count", "cart_count"),
            ),
            Feature(
                "view_to_purchase_rate",
                "double",
                "purchase_count / view_count.",
                lambda: ratio("purchase_count", "view_count"),
            ),
            Feature(
                "cart_abandonment_rate",
                "double",
                "Sessions with a cart and no purchase / sessions with a cart.",
                lambda: ratio("abandoned_sessions", "cart_sessions"),
            ),
            Feature(
                "engagement_intensity",
                "double",
                "event_count / active_days.",
                lambda: ratio("event_count", "active_day_count"),
                True,
            ),
            Feature(
                "loyalty_score",
                "double",
                "Mean of two shares from 0 to 1: repeat orders (1 - 1 / frequency; 0 without an"
                " order), and the part of the time since the first event during which the customer"
                " was seen ((last - first event) / (run date - first event)).",
                _loyalty,
            ),
        ),
        _totals,
    )
