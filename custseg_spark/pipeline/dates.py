"""How many events a lake has, and the date that they lead to."""

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
    """The day after the last event's; None where the lake has no events."""
    last: date | None
    if lake.native is not None:
        last = max((f.day for f in lake.files(EVENTS) if f.day and f.rows), default=None)
    else:
        last = lake.read(EVENTS).agg(F.max("event_date")).collect()[0][0]
    return last + timedelta(days=1) if last else None
