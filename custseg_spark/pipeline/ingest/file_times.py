"""The times that files of events cover and share: copies can only be within shared times."""

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from custseg_spark.engine.lake.files import DataFile

Span = tuple[datetime, datetime]
EVERY_TIME: Span = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def span(file: DataFile) -> Span:
    """Return the first and the last time of a file's events; all times if the file doesn't say."""
    bounds = file.columns.get("event_at")
    if bounds is None or bounds.smallest is None:
        return EVERY_TIME
    return bounds.smallest, bounds.largest


def shared_times(spans: Sequence[Span]) -> list[Span]:
    """Return the times that two or more of the spans cover, as disjoint spans in order."""
    shared: list[Span] = []
    reach: datetime | None = None
    for first, last in sorted(spans):
        if reach is not None and first <= reach:
            until = min(last, reach)
            if shared and first <= shared[-1][1]:
                shared[-1] = (shared[-1][0], max(shared[-1][1], until))
            else:
                shared.append((first, until))
        reach = max(reach, last) if reach else last
    return shared


def meets(times_of_file: Span, times: Sequence[Span]) -> bool:
    """Whether a span overlaps one of several."""
    return any(first <= times_of_file[1] and times_of_file[0] <= last for first, last in times)


def is_within(times: Sequence[Span]) -> pl.Expr:
    """Whether an event is in one of these spans."""
    at = pl.col("event_at")
    return pl.any_horizontal(*(at.is_between(first, last) for first, last in times))
