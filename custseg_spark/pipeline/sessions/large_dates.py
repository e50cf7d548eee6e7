"""Divide the events of a large date by their customers, so that several tasks can build sessions.

Each of the date's files is read once and written again, with a row group for each range of customer
buckets. A session task then reads its range alone. The new files lie in the table's folder but are
never committed. The driver removes them once sessions are built; after a kill the next run does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from custseg_spark.core.sessions.buckets import customer_bucket, group_bounds
from custseg_spark.engine.lake import damage
from custseg_spark.engine.lake.files import DataFile, PartWriter
from custseg_spark.engine.lake.native import read_pieces
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.engine.spark import tasks

# The columns that sessions are built from.
EVENT_SCHEMA = pa.schema(
    [
        EVENTS.schema.field(name)
        for name in (
            "customer_id",
            "event_type",
            "product_id",
            "category_id",
            "brand",
            "session_id",
            "order_id",
            "event_at",
            "unit_price",
            "quantity",
            "discount",
        )
    ]
)
_DIVIDED = replace(
    EVENTS,
    schema=EVENT_SCHEMA.append(EVENTS.schema.field(EVENTS.partitioned_by[0])),
    statistics=(),
)
_EVENTS_SORTED = 500_000
# The fewer files there are, the quicker a range is read.
EVENTS_PER_FILE = 2_000_000


@dataclass(frozen=True)
class Division:
    """Some files of a large date, and the number of ranges of buckets that they are written by."""

    root: Path
    run_id: str
    day: date
    files: tuple[DataFile, ...]
    ranges: int


def divisions(
    root: Path, run_id: str, day: date, files: Sequence[DataFile], ranges: int
) -> list[Division]:
    """Return the tasks that divide a date's files."""
    groups = tasks.together(files, lambda file: file.rows, EVENTS_PER_FILE)
    return [Division(root, run_id, day, tuple(group), ranges) for group in groups]


def divide(division: Division) -> DataFile:
    """Write the files' events to one file, a row group for each range, some events at a time."""
    folder = division.root / EVENTS.name
    bounds = group_bounds(division.ranges)
    with PartWriter(_DIVIDED, folder, division.day, run_id=division.run_id, task=0) as part:
        for file in division.files:
            for events in read_pieces(folder, file, EVENTS, EVENT_SCHEMA, _EVENTS_SORTED):
                _write_ranges(events, bounds, part)
    return part.file()


def read_range(folder: Path, file: DataFile, number: int, ranges: int) -> pa.Table:
    """Read a range of customers from a file that `divide` has written."""
    path = folder / file.path
    with damage.named(path), pq.ParquetFile(path) as parquet:
        groups = range(number, parquet.num_row_groups, ranges)
        return parquet.read_row_groups(groups, use_threads=False).select(EVENT_SCHEMA.names)


def _write_ranges(events: pa.Table, bounds: npt.NDArray[np.int64], part: PartWriter) -> None:
    buckets = customer_bucket(pl.Series(pl.from_arrow(events["customer_id"]))).to_numpy()
    order = np.argsort(buckets, kind="stable")
    ordered = events.take(order)
    ends = np.searchsorted(buckets[order], bounds)
    for start, end in pairwise(ends):
        part.write(ordered.slice(start, end - start))
