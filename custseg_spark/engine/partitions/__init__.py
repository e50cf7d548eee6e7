"""A lake's large tables in the portions that kernels take: slices of events, buckets of customers.

Which customers are a bucket follows from their ids alone, and a bucket's rows come in one order,
so that no result depends on cores, partitions or the way of IO.
"""

from datetime import date

from pyspark.sql import functions as F

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS, SESSIONS
from custseg_spark.engine.partitions import native_files
from custseg_spark.engine.partitions.native_files import NativePortions
from custseg_spark.engine.partitions.portions import (
    ORDER_KEYS,
    FramedPortions,
    Kernel,
    Portions,
    Slices,
)
from custseg_spark.engine.partitions.sides import Side, map_sides, write_sides
from custseg_spark.engine.partitions.spark_frames import SparkPortions, SparkSlices

__all__ = [
    "ORDER_KEYS",
    "FramedPortions",
    "Kernel",
    "Portions",
    "Side",
    "Slices",
    "customer_buckets",
    "event_slices",
    "map_sides",
    "session_buckets",
    "write_sides",
]


def event_slices(lake: Lake, before: date, since: date | None = None) -> Slices:
    """Return the events before a date, from `since` on where it is set."""
    if lake.native is None:
        frame = lake.read(EVENTS).where(F.col("event_date") < F.lit(before))
        return SparkSlices(frame if since is None else frame.where(F.col("event_date") >= since))
    return NativePortions(lake, native_files.event_readers(lake, before, since))


def session_buckets(lake: Lake, before: date, groups: int) -> Portions:
    """Return the session parts before a date, by range of customers' buckets."""
    if lake.native is None:
        frame = lake.read(SESSIONS).where(F.col("session_date") < F.lit(before))
        return SparkPortions(lake, frame, groups, None)
    return NativePortions(lake, native_files.session_readers(lake, before, groups))


def customer_buckets(lake: Lake, table: Table, run_date: date, groups: int) -> FramedPortions:
    """Return the rows of a run date by range of customers' buckets, sorted by customer id."""
    if lake.native is None:
        frame = lake.read(table).where(F.col("run_date") == F.lit(run_date))
        return SparkPortions(lake, frame, groups, "customer_id")
    return NativePortions(lake, native_files.customer_readers(lake, table, run_date, groups))
