"""One pass over all events for features and report: price levels and counts."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.features.levels import Levels
from custseg_spark.core.insights import raw_events
from custseg_spark.core.sessions.levels import category_sums, price_levels
from custseg_spark.engine.lake.insight_tables import EVENT_SUMMARY
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import RunPublication
from custseg_spark.engine.partitions import event_slices

_COLUMNS = ("category_id", "unit_price")


@dataclass(frozen=True)
class EventsPass:
    """The categories' price levels, and the rows of `event_summary` that need only events."""

    levels: Levels
    summary: pl.DataFrame


def over_events(lake: Lake, run_date: date, *, summarised: bool) -> EventsPass:
    """Read the events before a run date once; without `summarised` the summary is empty."""
    columns = raw_events.EVENT_COLUMNS if summarised else _COLUMNS
    results = event_slices(lake, run_date).map(_Sums(summarised), columns)
    summary = raw_events.summary(counts for _, counts in results)
    if not results:
        return EventsPass(Levels(np.empty(0, np.int64), np.empty(0, np.int64)), summary)
    return EventsPass(Levels(*price_levels(pl.concat([sums for sums, _ in results]))), summary)


def summary_rows(publication: RunPublication, summary: pl.DataFrame) -> pa.Table:
    """Return a run's rows of `event_summary`."""
    keys = {"run_date": publication.run_date, "run_id": publication.run_id}
    whole = summary.with_columns(pl.lit(value).alias(name) for name, value in keys.items())
    return whole.select(EVENT_SUMMARY.schema.names).to_arrow().cast(EVENT_SUMMARY.schema)


@dataclass(frozen=True)
class _Sums:
    summarised: bool

    def __call__(self, slice_: pa.Table) -> tuple[pl.DataFrame, pl.DataFrame]:
        events = pl.DataFrame(pl.from_arrow(slice_))
        counts = raw_events.event_counts(events) if self.summarised else raw_events.NOTHING
        return category_sums(events), counts
