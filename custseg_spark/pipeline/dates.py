"""The run date that follows from a lake's events."""

from datetime import date, timedelta

from pyspark.sql import functions as F

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS


def day_after_last_event(lake: Lake) -> date | None:
    """Return the day after the last event; None for a lake without events."""
    last: date | None
    if lake.native is not None:
        last = max((f.day for f in lake.files(EVENTS) if f.day and f.rows), default=None)
    else:
        last = lake.read(EVENTS).agg(F.max("event_date")).collect()[0][0]
    return last + timedelta(days=1) if last else None
