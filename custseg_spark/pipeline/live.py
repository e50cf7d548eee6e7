"""A few customers' events to their features, without Spark: the kernels one after the other."""

from collections.abc import Mapping
from datetime import date

import polars as pl
import pyarrow as pa

from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.features.learned import Learned
from custseg_spark.core.sessions.gaps import chain, gap_edges
from custseg_spark.core.sessions.parts import session_parts


def features_of_events(events: pl.DataFrame, *, as_of: date, learned: Learned) -> pa.Table:
    """One row a customer with an event before `as_of` (exclusive, UTC), sorted by customer_id.

    `events` are rows of the table `events`, all of these customers' and each there once. The
    columns are those of `customer_features`, null where another table than `events` has them.
    """
    days = _by_day(events.filter(pl.col("event_date") < as_of))
    carried = chain({day: gap_edges(rows) for day, rows in days.items()})
    parts = []
    for day, rows in days.items():
        of_day = session_parts(rows, carried=carried[day])
        dates = pa.repeat(pa.scalar(day, pa.date32()), len(of_day))
        parts.append(of_day.append_column("session_date", dates))
    if not parts:
        return customer_features(_no_parts(), as_of=as_of)
    return customer_features(
        pa.concat_tables(parts), as_of=as_of, levels=learned.levels, cutoffs=learned.cutoffs
    )


def _by_day(events: pl.DataFrame) -> Mapping[date, pl.DataFrame]:
    """The events by date, ascending."""
    split = events.partition_by("event_date", as_dict=True)
    return {day: split[(day,)] for (day,) in sorted(split)}


def _no_parts() -> pa.Table:
    empty = session_parts(pl.DataFrame())
    return empty.append_column("session_date", pa.array([], pa.date32()))
