"""When a customer is active: hours, weekends, rhythm, and the last 30, 90 and 365 days.

Hours and weekdays are in UTC. Windows have whole days and end at the run date.
"""

from custseg_spark.core.features.exact import Doubles
from custseg_spark.core.features.feature import Family, Feature, ratio, ratio_or_null, total
from custseg_spark.core.features.totals import DAY_MICROS, Totals

WINDOWS_DAYS = (30, 90, 365)


def _days_between_sessions(totals: Totals) -> Doubles:
    # The mean of consecutive differences telescopes to last minus first.
    span = totals.visits.last_began() - totals.smallest("first_event_at")
    return ratio_or_null(span, (totals.visits.count() - 1) * DAY_MICROS)


def _window(days: int) -> tuple[Feature, ...]:
    when = f"in the {days} days before the run date"
    return (
        Feature(
            f"events_{days}d", "bigint", f"Events {when}.", total("event_count", days), log1p=True
        ),
        Feature(
            f"purchases_{days}d",
            "bigint",
            f"Purchase events {when}.",
            total("purchase_count", days),
            log1p=True,
        ),
        Feature(
            f"spend_{days}d",
            "decimal(28,4)",
            f"Purchases less returns {when}.",
            lambda totals: totals.net_spend(days),
            log1p=True,
        ),
    )


TEMPORAL = Family(
    "temporal",
    (
        Feature(
            "peak_hour",
            "int",
            "The UTC hour (0-23) with the most events, the lowest at a tie.",
            lambda totals: totals.items.hour.most_frequent(),
        ),
        Feature(
            "hour_entropy",
            "double",
            "Shannon entropy, in nats, of the events' shares by UTC hour.",
            lambda totals: totals.items.hour.entropy(),
        ),
        Feature(
            "evening_share",
            "double",
            "Events from 18:00 to 23:59 UTC / event_count.",
            lambda totals: ratio(totals.total("evening_event_count"), totals.total("event_count")),
            rate=True,
        ),
        Feature(
            "weekend_share",
            "double",
            "Events on Saturday or Sunday (UTC) / event_count.",
            lambda totals: ratio(totals.weekend_events(), totals.total("event_count")),
        ),
        Feature(
            "days_between_sessions_mean",
            "double",
            "Mean days from a session's first event to the next one's. Null: one session.",
            _days_between_sessions,
            log1p=True,
            null="max",
        ),
        *(feature for days in WINDOWS_DAYS for feature in _window(days)),
    ),
)
