"""The number of events in a lake, and the run date that follows from them."""

from datetime import date, timedelta

from pyspark.sql import functions as F

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS


def number_of_events(lake: Lake) -> int:
    """The number of a lake's events, natively by its log alone."""
    if lake.native is not None:
        return sum(f.rows for f in lake.files(EVENTS))
    return lake.read(EVENTS).count()


def day_after_last_event(lake: Lake) -> date | None:
    """Return the day after the last event; None for a lake without events."""
    last: date | None
    if lake.native is not None:
        last = max((f.day for f in lake.files(EVENTS) if f.day and f.rows), default=None)
    else:
        last = lake.read(EVENTS).agg(F.max("event_date")).collect()[0][0]
    return last + timedelta(days=1) if last else None
