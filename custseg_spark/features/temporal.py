"""When a customer is there: hours, weekends, rhythm, and the last 30, 90 and 365 days."""

from collections.abc import Callable
from datetime import date, timedelta

from pyspark.sql import Column
from pyspark.sql import functions as F

from custseg_spark.features.feature import (
    MICROS_PER_DAY,
    Family,
    Feature,
    plain,
    ratio,
    ratio_or_null,
)

WINDOWS_DAYS = (30, 90, 365)
_SATURDAY, _SUNDAY = 7, 1


def _totals(as_of: date) -> dict[str, Column]:
    weekend = F.dayofweek("session_date").isin(_SATURDAY, _SUNDAY)
    totals = {
        "evening_events": F.sum("evening_event_count"),
        "weekend_events": F.sum(F.when(weekend, F.col("event_count")).otherwise(0)),
    }
    for days in WINDOWS_DAYS:
        totals |= _window_totals(as_of, days)
    return totals


def _window_totals(as_of: date, days: int) -> dict[str, Column]:
    inside = F.col("session_date") >= F.lit(as_of - timedelta(days=days))
    spend = F.col("purchase_amount") - F.col("return_amount")
    values = {
        "events": F.col("event_count"),
        "purchases": F.col("purchase_count"),
        "spend": spend,
    }
    return {
        f"{name}_{days}d": F.sum(F.when(inside, value).otherwise(0))
        for name, value in values.items()
    }


def _days_between_sessions() -> Column:
    # The mean of consecutive differences telescopes to last less first.
    span = F.col("last_session_micros") - F.unix_micros("first_event_at")
    return ratio_or_null(span, (F.col("session_count") - 1) * MICROS_PER_DAY)


def _window_features(days: int) -> list[Feature]:
    when = f"in the {days} days before the run date"
    return [
        Feature(f"events_{days}d", "bigint", f"Events {when}.", _named("events", days), True),
        Feature(
            f"purchases_{days}d",
            "bigint",
            f"Purchase events {when}.",
            _named("purchases", days),
            True,
        ),
        Feature(
            f"spend_{days}d",
            "decimal(28,4)",
            f"Purchases less returns {when}.",
            _named("spend", days),
            True,
        ),
    ]


def _named(name: str, days: int) -> Callable[[], Column]:
    return plain(f"{name}_{days}d")


def family(as_of: date) -> Family:
    """Hours and weekdays in UTC; windows of whole days that end at the run date."""
    del as_of
    windows = [feature for days in WINDOWS_DAYS for feature in _window_features(days)]
    return Family(
        "temporal",
        (
            Feature(
                "peak_hour",
                "int",
                "The UTC hour (0-23) with the most events, the lowest at a tie.",
                plain("busiest_hour"),
            ),
            Feature(
                "hour_entropy",
                "double",
                "Shannon entropy, in nats, of the events' shares by UTC hour.",
                plain("hour_entropy"),
            ),
            Feature(
                "evening_share",
                "double",
                "Events from 18:00 to 23:59 UTC / event_count.",
                lambda: ratio("evening_events", "event_count"),
                rate=True,
            ),
            Feature(
                "weekend_share",
                "double",
                "Events on Saturday or Sunday (UTC) / event_count.",
                lambda: ratio("weekend_events", "event_count"),
            ),
            Feature(
                "days_between_sessions_mean",
                "double",
                "Mean days from a session's first event to the next one's. Null: one session.",
                _days_between_sessions,
                True,
                "max",
            ),
            *windows,
        ),
        _totals,
    )
