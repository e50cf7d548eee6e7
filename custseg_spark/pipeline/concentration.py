"""Warn of one customer id that stands for many customers: a rounded id, or that of guests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.core.insights import raw_events
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.partitions import Portions, session_buckets
from custseg_spark.pipeline.features import customer_groups

# With fewer events, one customer naturally has a large share.
FEWEST_EVENTS = 100
_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Largest:
    """The customer with the most events (ties by id), with `of`, the number of all events."""

    customer_id: str
    events: int
    of: int

    def problem(self, most: float) -> str | None:
        """Return a warning if the customer has more than this share of the events."""
        if self.of < FEWEST_EVENTS or self.events <= most * self.of:
            return None
        shown = self.customer_id[:_LONGEST_SHOWN]
        return (
            f"customer '{shown}' has {self.events:,} of {self.of:,} events"
            f" ({self.events / self.of:.1%}, at most {most:.1%} expected: gate.max_customer_share);"
            " does its id stand for many, as one that lost its digits or a guest's does?"
        )


def of_events(events: DataFrame) -> Largest | None:
    """Return the largest customer of a table of events, by one scan of one column."""
    counts = events.groupBy("customer_id").count()
    [row] = counts.agg(
        F.max(F.struct("count", "customer_id")).alias("largest"), F.sum("count").alias("of")
    ).collect()
    if row.largest is None:
        return None
    return Largest(row.largest["customer_id"], row.largest["count"], row.of)


@dataclass(frozen=True)
class Sizes:
    """The largest customer of a run by events, and customers by their number of events.

    `activity` are rows of `event_summary`; events before the run date count.
    """

    largest: Largest | None
    activity: pl.DataFrame


def of_customers(customers: Portions) -> Sizes:
    """Return the sizes of a run's customers, by one scan of one column."""
    sizes = customers.map(_sizes, _COLUMNS)
    activity = raw_events.summary(size.activity for size in sizes)
    return Sizes(_top([size.largest for size in sizes if size.largest is not None]), activity)


def of_lake(lake: Lake) -> Largest | None:
    """Return the largest customer of a lake, by the session parts."""
    parts = session_buckets(lake, date.max, customer_groups(lake))
    return _top([part for part in parts.map(_largest_of_parts, _COLUMNS) if part is not None])


def _top(largest: Sequence[Largest]) -> Largest | None:
    if not largest:
        return None
    top = max(largest, key=lambda customer: (customer.events, customer.customer_id))
    return Largest(top.customer_id, top.events, sum(customer.of for customer in largest))


def _largest_of_parts(parts: pa.Table) -> Largest | None:
    counts = parts.group_by("customer_id").aggregate([("event_count", "sum")])
    return _largest(counts.rename_columns(["customer_id", "event_count"]))


_COLUMNS: Sequence[str] = ("customer_id", "event_count")


def _sizes(customers: pa.Table) -> Sizes:
    counts = pl.Series(pl.from_arrow(customers["event_count"]))
    return Sizes(_largest(customers), raw_events.activity_counts(counts))


def _largest(customers: pa.Table) -> Largest | None:
    if not len(customers):
        return None
    most = pc.max(customers["event_count"])
    ids = customers.filter(pc.equal(customers["event_count"], most))["customer_id"]
    return Largest(pc.max(ids).as_py(), most.as_py(), pc.sum(customers["event_count"]).as_py())
