"""`current_segments` of a native lake: tasks rewrite the files of ranges of customers.

The table has a file for each of equal ranges of customers' buckets, so a change of a few customers
writes a few files. A task reads the session parts of several ranges at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from custseg_spark.core.segments.current import CURRENT
from custseg_spark.core.sessions.buckets import BUCKETS, customer_bucket
from custseg_spark.engine.lake import commits, damage
from custseg_spark.engine.lake.bucket_files import bucket_bounds, note_buckets
from custseg_spark.engine.lake.commits import Change
from custseg_spark.engine.lake.files import DataFile, PartWriter
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.native import NativeLake, read_file
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS
from custseg_spark.engine.lake.stream_tables import CURRENT_SEGMENTS
from custseg_spark.engine.partitions.native_files import (
    CustomerBucket,
    SessionBucket,
    customer_readers,
    session_readers,
)
from custseg_spark.engine.spark import tasks
from custseg_spark.pipeline.features import customer_groups
from custseg_spark.pipeline.stream.kernel import (
    PART_COLUMNS,
    RUN_COLUMNS,
    CurrentKernel,
    Shared,
    Updated,
    counted,
    current_frame,
)

# With these numbers a file has some thousands of customers, whatever the size of the lake.
_RANGES_PER_GROUP = 8
_MOST_RANGES = 1024


@dataclass(frozen=True)
class Ranged(Shared):
    """The values that all rows share, and the table's files by the number of their range."""

    ranges: int
    files: Mapping[int, DataFile]


def is_done(native: NativeLake, transaction: tuple[str, int]) -> bool:
    """Whether the table has this transaction, or a later one of its application."""
    application, number = transaction
    latest = native.open(CURRENT_SEGMENTS).transaction_version(application)
    return latest is not None and latest >= number


def shared(native: NativeLake) -> Ranged | None:
    """Return the values that the table's rows share.

    None if the rows differ, or files don't name their ranges: then everybody's rows must be written
    again.
    """
    files = native.files(CURRENT_SEGMENTS)
    shared_by_rows = {_shared(file) for file in files}
    spans = [_span(native.folder(CURRENT_SEGMENTS) / file.path) for file in files]
    widths = {high - low for low, high in spans}
    if (
        len(shared_by_rows) != 1
        or None in shared_by_rows
        or len(widths) != 1
        or len(set(spans)) < len(files)
    ):
        return None
    [width], [(as_of, run_id)] = widths, [each for each in shared_by_rows if each]
    if not width or BUCKETS % width:
        return None
    by_range = {low // width: file for (low, _), file in zip(spans, files, strict=True)}
    return Ranged(as_of, run_id, BUCKETS // width, by_range)


def _shared(file: DataFile) -> tuple[date, str] | None:
    of_date, of_run = (file.columns.get(name) for name in ("as_of", "model_run_id"))
    if of_date is None or of_run is None:
        return None
    is_one = of_date.smallest == of_date.largest and of_run.smallest == of_run.largest
    return (of_date.smallest, of_run.smallest) if is_one else None


def _span(path: Path) -> tuple[int, int]:
    """Return the range of a file's buckets; an empty one for a file without a note of it."""
    with damage.named(path):
        bounds = bucket_bounds(pq.read_metadata(path))
    return (bounds[0], bounds[-1]) if bounds else (0, 0)


@dataclass(frozen=True)
class Written:
    """The files that a task wrote, with counts of their rows."""

    files: tuple[DataFile, ...]
    updated: Updated


@dataclass(frozen=True)
class RangesTask:
    """Consecutive ranges: session parts of customers to score, files with their rows, a run's rows.

    `width` is the number of buckets in a range.
    """

    root: Path
    run_id: str
    width: int
    sessions: SessionBucket
    files: tuple[DataFile, ...]
    of_run: CustomerBucket | None


@dataclass(frozen=True)
class WriteRanges:
    """Computes the rows of a task's customers and writes the files of their ranges."""

    kernel: CurrentKernel

    def __call__(self, task: RangesTask) -> Written:
        current = _rows_so_far(task)
        of_run = task.of_run.table(RUN_COLUMNS) if task.of_run else None
        features = self.kernel.features(task.sessions.table(PART_COLUMNS))
        rows = self.kernel.rows(features, self.kernel.latest(current, of_run))
        files = tuple(
            _written(task, number, part) for number, part in _by_range(task, rows, current)
        )
        return Written(files, counted(rows))


def _rows_so_far(task: RangesTask) -> pl.DataFrame:
    folder, schema = task.root / CURRENT_SEGMENTS.name, CURRENT_SEGMENTS.schema
    parts = [read_file(folder, file, CURRENT_SEGMENTS, schema) for file in task.files]
    rows = current_frame(pa.concat_tables([schema.empty_table(), *parts]))
    low, high = task.sessions.low, task.sessions.high
    return rows.filter(customer_bucket(rows["customer_id"]).is_between(low, high - 1))


def _by_range(
    task: RangesTask, rows: pl.DataFrame, current: pl.DataFrame
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield all rows of each range with a new row, sorted by customer."""
    stay = current.join(rows.select("customer_id"), on="customer_id", how="anti")
    both = pl.concat([rows.select(*CURRENT), stay])
    number = customer_bucket(both["customer_id"]).cast(pl.Int64) // task.width
    numbered = both.with_columns(range=number)
    touched = numbered.head(len(rows))["range"].unique()
    kept = numbered.filter(pl.col("range").is_in(touched.implode())).sort("range", "customer_id")
    for (key,), part in kept.partition_by("range", as_dict=True, maintain_order=True).items():
        yield int(str(key)), part.drop("range")


def _written(task: RangesTask, number: int, rows: pl.DataFrame) -> DataFile:
    folder = task.root / CURRENT_SEGMENTS.name
    with PartWriter(CURRENT_SEGMENTS, folder, None, run_id=task.run_id, task=number) as part:
        part.write(rows.to_arrow(compat_level=pl.CompatLevel.oldest()))
        note_buckets(part, [number * task.width, (number + 1) * task.width])
    return part.file()


def update(
    lake: Lake,
    kernel: CurrentKernel,
    ranged: Ranged | None,
    touched: pl.Series | None,
    transaction: tuple[str, int],
) -> Updated:
    """Write the touched customers' rows in one commit, under a transaction of the application.

    `touched` None stands for everybody; otherwise `ranged` is required. Raises ConflictError if
    another run wrote the table meanwhile.
    """
    native = lake.native
    assert native is not None
    version = native.version(CURRENT_SEGMENTS)
    everyone = tuple(native.files(CURRENT_SEGMENTS, version=version))
    ranges_tasks = _tasks(lake, kernel, ranged, touched, everyone)
    written = tasks.run(lake.spark, WriteRanges(kernel), ranges_tasks)
    adds = [file for part in written for file in part.files]
    updated = sum((part.updated for part in written), Updated())
    if adds:
        commit(native, version, adds, ranges_tasks, transaction)
    return updated


def commit(
    native: NativeLake,
    read_version: int,
    adds: Sequence[DataFile],
    of_tasks: Sequence[RangesTask],
    transaction: tuple[str, int],
) -> None:
    """Replace the files that tasks read by those that they wrote, in one commit.

    Raises ConflictError if the table was written since `read_version`.
    """
    gone = frozenset(file.path for task in of_tasks for file in task.files)
    change = Change(CURRENT_SEGMENTS, read_version, adds, removes=gone, transaction=transaction)
    commits.commit(native, change)


def _tasks(
    lake: Lake,
    kernel: CurrentKernel,
    ranged: Ranged | None,
    touched: pl.Series | None,
    everyone: tuple[DataFile, ...],
) -> list[RangesTask]:
    native, published = lake.native, kernel.published
    assert native is not None
    groups = customer_groups(lake)
    ranges = ranged.ranges if ranged and touched is not None else _ranges(groups)
    groups = min(groups, ranges)
    is_of_run = ranged is None or ranged.model_run_id != published.run_id
    of_run: Sequence[CustomerBucket | None] = (
        customer_readers(lake, CUSTOMER_SEGMENTS, published.run_date, groups)
        if is_of_run
        else [None] * groups
    )
    range_tasks = []
    for sessions, bucket in zip(session_readers(lake, kernel.as_of, groups), of_run, strict=True):
        task = RangesTask(native.root, lake.run_id, BUCKETS // ranges, sessions, everyone, bucket)
        range_tasks += [task] if touched is None else touched_only(task, ranged, touched)
    return range_tasks


def touched_only(task: RangesTask, ranged: Ranged | None, touched: pl.Series) -> list[RangesTask]:
    """Return the task for touched customers, with the files of their ranges; empty without any."""
    assert ranged is not None
    low, high = task.sessions.low, task.sessions.high
    in_range = touched.filter(customer_bucket(touched).is_between(low, high - 1))
    if in_range.is_empty():
        return []
    numbers = (customer_bucket(in_range).cast(pl.Int64) // task.width).unique().to_list()
    files = tuple(ranged.files[number] for number in sorted(numbers) if number in ranged.files)
    sessions = replace(task.sessions, customers=pa.array(in_range.to_list(), pa.string()))
    return [replace(task, files=files, sessions=sessions)]


def _ranges(groups: int) -> int:
    return min(_MOST_RANGES, _RANGES_PER_GROUP * groups)
