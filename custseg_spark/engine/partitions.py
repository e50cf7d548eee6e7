"""A lake's large tables in the portions that kernels take: slices of events, buckets of customers.

Which customers are a bucket follows from their ids alone, and a bucket's rows come in one order,
so that no result depends on cores, partitions or the way of IO.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.core.sessions.buckets import BUCKETS, customer_bucket, group_bounds
from custseg_spark.engine.lake.bucket_files import bucket_bounds, note_buckets
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.ddl import ddl
from custseg_spark.engine.lake.files import DataFile, PartWriter
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.native import NativeLake, read_file
from custseg_spark.engine.lake.schemas import EVENTS, SESSIONS
from custseg_spark.engine.spark import tasks

R = TypeVar("R")
Kernel = Callable[[pa.Table], R]

# Of session parts the order keys of the items alone, under the name `items`.
ORDER_KEYS = "items.order_key"
_ORDER_KEYS_PATH = "items.list.element.order_key"

# Events that a task takes at a time, of as many files as that.
_EVENTS_PER_SLICE = 1_000_000


class Portions(Protocol):
    """Portions of a table that a kernel takes one by one."""

    def map(self, kernel: Kernel[R], columns: Sequence[str]) -> list[R]:
        """The kernel's small result of each portion's rows, in the portions' order."""

    def write(
        self, kernel: Kernel[pa.Table], columns: Sequence[str], table: Table, day: date
    ) -> int:
        """Replaces a date of a table by the rows that the kernel makes; how many they are."""


class FramedPortions(Portions, Protocol):
    """Portions whose rows Spark can take as well."""

    def rows(self, kernel: Kernel[pa.Table], columns: Sequence[str], ddl: str) -> DataFrame:
        """The rows that the kernel makes of each portion, for Spark."""


class _Reader(Protocol):
    """What a task reads its portion with."""

    def table(self, columns: Sequence[str]) -> pa.Table:
        """The portion's rows."""


@dataclass(frozen=True)
class _Mapped(Generic[R]):
    kernel: Kernel[R]
    columns: Sequence[str]

    def __call__(self, reader: _Reader) -> R:
        return self.kernel(reader.table(self.columns))


@dataclass(frozen=True)
class _Written:
    kernel: Kernel[pa.Table]
    columns: Sequence[str]
    table: Table
    folder: Path
    day: date
    run_id: str

    def __call__(self, reader: _Reader) -> DataFile | None:
        rows = self.kernel(reader.table(self.columns))
        if not len(rows):
            return None
        with PartWriter(self.table, self.folder, self.day, run_id=self.run_id, task=0) as part:
            part.write(rows)
            if isinstance(reader, SessionBucket | CustomerBucket):
                note_buckets(part, [reader.low, reader.high])
        return part.file()


@dataclass(frozen=True)
class _Tables:
    kernel: Kernel[pa.Table]
    columns: Sequence[str]

    def __call__(self, reader: _Reader) -> Iterator[pa.Table]:
        yield self.kernel(reader.table(self.columns))


@dataclass(frozen=True)
class NativePortions:
    """Portions of a native lake, a task each."""

    lake: Lake
    readers: Sequence[_Reader]

    def map(self, kernel: Kernel[R], columns: Sequence[str]) -> list[R]:
        return tasks.run(self.lake.spark, _Mapped(kernel, columns), self.readers)

    def write(
        self, kernel: Kernel[pa.Table], columns: Sequence[str], table: Table, day: date
    ) -> int:
        native = self.lake.native
        assert native is not None
        write = _Written(kernel, columns, table, native.folder(table), day, self.lake.run_id)
        files = [f for f in tasks.run(self.lake.spark, write, self.readers) if f]
        self.lake.replace_dates(files, table, [day])
        return sum(f.rows for f in files)

    def rows(self, kernel: Kernel[pa.Table], columns: Sequence[str], ddl: str) -> DataFrame:
        return tasks.flat_map(self.lake.spark, _Tables(kernel, columns), self.readers, ddl)


@dataclass(frozen=True)
class FileSlice:
    """Some files of a table, whole."""

    folder: Path
    of: Table
    files: tuple[DataFile, ...]

    def table(self, columns: Sequence[str]) -> pa.Table:
        schema = pa.schema([self.of.schema.field(name) for name in columns])
        parts = [read_file(self.folder, file, self.of, schema) for file in self.files]
        return pa.concat_tables([schema.empty_table(), *parts])


@dataclass(frozen=True)
class CustomerBucket:
    """The rows of a range of customers' buckets on a date of a table, sorted by customer id.

    `files` come with the range of buckets that each holds; None: it may hold any.
    """

    folder: Path
    of: Table
    files: tuple[tuple[DataFile, tuple[int, int] | None], ...]
    low: int
    high: int

    def table(self, columns: Sequence[str]) -> pa.Table:
        names = list(dict.fromkeys(["customer_id", *columns]))
        schema = pa.schema([self.of.schema.field(name) for name in names])
        parts = [self._rows(file, held, schema) for file, held in self.files]
        rows = pa.concat_tables([schema.empty_table(), *parts])
        is_in_order = len(self.files) < 2 and all(held for _, held in self.files)
        return (rows if is_in_order else rows.sort_by("customer_id")).select(list(columns))

    def _rows(self, file: DataFile, held: tuple[int, int] | None, schema: pa.Schema) -> pa.Table:
        rows = read_file(self.folder, file, self.of, schema)
        if held is not None and self.low <= held[0] and held[1] <= self.high:
            return rows
        buckets = customer_bucket(pl.Series(pl.from_arrow(rows["customer_id"])))
        return rows.filter(pa.array(buckets.is_between(self.low, self.high - 1)))


@dataclass(frozen=True)
class SessionBucket:
    """The session parts of a range of customers' buckets, over files of many dates."""

    folder: Path
    files: tuple[DataFile, ...]
    low: int
    high: int

    def table(self, columns: Sequence[str]) -> pa.Table:
        names = list(dict.fromkeys(["customer_id", *columns]))
        schema = pa.schema([_part_field(name) for name in names])
        has_all_items = ORDER_KEYS not in names
        parts = [self._rows(file, schema, has_all_items=has_all_items) for file in self.files]
        return pa.concat_tables([schema.empty_table(), *parts]).select(_named(columns))

    def _rows(self, file: DataFile, schema: pa.Schema, *, has_all_items: bool) -> pa.Table:
        with pq.ParquetFile(self.folder / file.path, coerce_int96_timestamp_unit="us") as opened:
            bounds = bucket_bounds(opened.metadata)
            groups = range(opened.metadata.num_row_groups)
            if bounds is not None:
                groups = range(
                    int(np.searchsorted(bounds, self.low, side="right")) - 1,
                    int(np.searchsorted(bounds, self.high, side="left")),
                )
            names = [n for n in schema.names if n != "session_date"]
            if not has_all_items:
                names = [_ORDER_KEYS_PATH if n == "items" else n for n in names]
            rows = opened.read_row_groups(list(groups), columns=names, use_threads=False)
        is_exact = bounds is not None and self.low in bounds and self.high in bounds
        if not is_exact:
            buckets = customer_bucket(pl.Series(pl.from_arrow(rows["customer_id"])))
            rows = rows.filter(pa.array(buckets.is_between(self.low, self.high - 1)))
        if "session_date" in schema.names:
            days = pa.repeat(pa.scalar(file.day, pa.date32()), len(rows))
            rows = rows.append_column("session_date", days)
        return rows.select(schema.names).cast(schema)


def _named(columns: Sequence[str]) -> list[str]:
    """The columns' names in what a kernel gets."""
    return ["items" if name == ORDER_KEYS else name for name in columns]


def _part_field(name: str) -> pa.Field:
    if name != ORDER_KEYS:
        return SESSIONS.schema.field(name)
    return pa.field("items", pa.list_(pa.struct([("order_key", pa.int64())])))


def _order_keys() -> Column:
    return F.transform("items", lambda item: F.struct(item["order_key"].alias("order_key"))).alias(
        "items"
    )


@dataclass(frozen=True)
class SparkPortions:
    """Portions of a frame: rows of one bucket number, sorted by `order`, in one partition."""

    lake: Lake
    frame: DataFrame
    groups: int
    order: str | None

    def map(self, kernel: Kernel[R], columns: Sequence[str]) -> list[R]:
        parts = tasks.run_on_partitions(self._spread(columns), _OverBuckets(kernel, columns))
        numbered = [pair for part in parts for pair in part]
        return [result for _, result in sorted(numbered, key=lambda pair: pair[0])]

    def write(
        self, kernel: Kernel[pa.Table], columns: Sequence[str], table: Table, day: date
    ) -> int:
        date_column = table.partitioned_by[0]
        over = _RowsOverBuckets(kernel, columns, table, day)
        rows = tasks.map_partitions(self._spread(columns), over, ddl(table))
        self.lake.replace_dates(rows, table, [day])
        written = self.lake.read(table).where(F.col(date_column) == F.lit(day))
        return written.count()

    def rows(self, kernel: Kernel[pa.Table], columns: Sequence[str], ddl: str) -> DataFrame:
        over = _TablesOverBuckets(kernel, columns)
        return tasks.map_partitions(self._spread(columns), over, ddl)

    def _spread(self, columns: Sequence[str]) -> DataFrame:
        # XXH64's highest bits, as `customer_bucket` has them.
        top = F.shiftrightunsigned(F.xxhash64("customer_id"), 64 - 16)
        group = F.floor(top * F.lit(self.groups) / F.lit(BUCKETS)).cast("int").alias("bucket")
        names = dict.fromkeys([*columns, *([self.order] if self.order else [])])
        taken = [_order_keys() if n == ORDER_KEYS else F.col(n) for n in names]
        spread = self.frame.select(group, *taken).repartition(self.groups, "bucket")
        return spread.sortWithinPartitions("bucket", *([self.order] if self.order else []))


@dataclass(frozen=True)
class _OverBuckets(Generic[R]):
    kernel: Kernel[R]
    columns: Sequence[str]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> list[tuple[int, R]]:
        return [
            (number, self.kernel(rows.select(_named(self.columns))))
            for number, rows in _buckets(batches)
        ]


@dataclass(frozen=True)
class _TablesOverBuckets:
    kernel: Kernel[pa.Table]
    columns: Sequence[str]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
        for _, rows in _buckets(batches):
            yield self.kernel(rows.select(_named(self.columns)))


@dataclass(frozen=True)
class _RowsOverBuckets:
    kernel: Kernel[pa.Table]
    columns: Sequence[str]
    table: Table
    day: date

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
        for _, rows in _buckets(batches):
            made = self.kernel(rows.select(_named(self.columns)))
            days = pa.repeat(pa.scalar(self.day, pa.date32()), len(made))
            dated = made.append_column(self.table.partitioned_by[0], days)
            yield dated.select(self.table.schema.names)


def _buckets(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each bucket of a partition that is sorted by bucket, one after the other."""
    held: list[pa.RecordBatch] = []
    number: int | None = None
    for batch in batches:
        start, numbers = 0, batch.column(0).to_numpy()
        while start < len(numbers):
            if number is not None and numbers[start] != number:
                yield number, pa.Table.from_batches(held)
                held = []
            number = int(numbers[start])
            end = int(np.searchsorted(numbers, number, side="right"))
            held.append(batch.slice(start, end - start))
            start = end
    if number is not None:
        yield number, pa.Table.from_batches(held)


@dataclass(frozen=True)
class SparkSlices:
    """A frame's partitions, for kernels whose results add up whatever the slices are."""

    frame: DataFrame

    def map(self, kernel: Kernel[R], columns: Sequence[str]) -> list[R]:
        return tasks.run_on_partitions(self.frame.select(*columns), _OverPartition(kernel))


@dataclass(frozen=True)
class _OverPartition(Generic[R]):
    kernel: Kernel[R]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> R:
        return self.kernel(pa.Table.from_batches(list(batches)))


class Slices(Protocol):
    """Slices of a table whose results add up."""

    def map(self, kernel: Kernel[R], columns: Sequence[str]) -> list[R]:
        """The kernel's result of each slice."""


def event_slices(lake: Lake, before: date) -> Slices:
    """The events before a date."""
    if lake.native is None:
        return SparkSlices(lake.read(EVENTS).where(F.col("event_date") < F.lit(before)))
    files = [f for f in lake.native.files(EVENTS) if f.day and f.day < before]
    folder = lake.native.folder(EVENTS)
    slices = [FileSlice(folder, EVENTS, group) for group in _grouped(files, _EVENTS_PER_SLICE)]
    return NativePortions(lake, slices)


def _grouped(files: Sequence[DataFile], rows: int) -> list[tuple[DataFile, ...]]:
    groups: list[list[DataFile]] = []
    filled = 0
    for file in files:
        if not groups or filled + file.rows > rows:
            groups.append([])
            filled = 0
        groups[-1].append(file)
        filled += file.rows
    return [tuple(group) for group in groups]


def session_buckets(lake: Lake, before: date, groups: int) -> Portions:
    """The session parts before a date, by range of customers' buckets."""
    if lake.native is None:
        frame = lake.read(SESSIONS).where(F.col("session_date") < F.lit(before))
        return SparkPortions(lake, frame, groups, None)
    files = tuple(f for f in lake.native.files(SESSIONS) if f.day and f.day < before)
    folder, bounds = lake.native.folder(SESSIONS), group_bounds(groups).tolist()
    return NativePortions(
        lake,
        [SessionBucket(folder, files, low, high) for low, high in pairwise(bounds)],
    )


def customer_buckets(lake: Lake, table: Table, run_date: date, groups: int) -> FramedPortions:
    """The rows of a run date by range of customers' buckets, sorted by customer id."""
    if lake.native is None:
        frame = lake.read(table).where(F.col("run_date") == F.lit(run_date))
        return SparkPortions(lake, frame, groups, "customer_id")
    return NativePortions(lake, _customer_readers(lake.native, table, run_date, groups))


def _customer_readers(
    native: NativeLake, table: Table, run_date: date, groups: int
) -> list[CustomerBucket]:
    folder = native.folder(table)
    files = [(file, _held(folder, file)) for file in native.files(table, [run_date])]
    return [
        CustomerBucket(folder, table, tuple(f for f in files if _overlaps(f[1], low, high)),
                       low, high)
        for low, high in pairwise(group_bounds(groups).tolist())
    ]  # fmt: skip


def _held(folder: Path, file: DataFile) -> tuple[int, int] | None:
    bounds = bucket_bounds(pq.read_metadata(folder / file.path))
    return (bounds[0], bounds[-1]) if bounds else None


def _overlaps(held: tuple[int, int] | None, low: int, high: int) -> bool:
    return held is None or (held[0] < high and low < held[1])


@dataclass(frozen=True)
class Side:
    """One of several tables that a kernel takes together: a date of it in a lake, and columns."""

    lake: Lake
    table: Table
    run_date: date
    columns: tuple[str, ...]


SidesKernel = Callable[[Sequence[pa.Table]], R]


def map_sides(sides: Sequence[Side], kernel: SidesKernel[R], groups: int) -> list[R]:
    """The kernel's result of the rows that each bucket of customers has in several tables."""
    readers = [
        _customer_readers(s.lake.native, s.table, s.run_date, groups)
        for s in sides
        if s.lake.native
    ]
    if len(readers) < len(sides):
        return _map_frames(sides, kernel, groups)
    together = list(zip(*readers, strict=True))
    return tasks.run(sides[0].lake.spark, _OverSides(kernel, [s.columns for s in sides]), together)


@dataclass(frozen=True)
class _OverSides(Generic[R]):
    kernel: SidesKernel[R]
    columns: Sequence[Sequence[str]]

    def __call__(self, readers: Sequence[CustomerBucket]) -> R:
        return self.kernel(
            [reader.table(columns) for reader, columns in zip(readers, self.columns, strict=True)]
        )


def _map_frames(sides: Sequence[Side], kernel: SidesKernel[R], groups: int) -> list[R]:
    frames = [
        side.lake.read(side.table)
        .where(F.col("run_date") == F.lit(side.run_date))
        .select(F.lit(number).alias("side"), "customer_id", *_others(side))
        for number, side in enumerate(sides)
    ]
    together = reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), frames)
    apart = _Apart(kernel, tuple(side.columns for side in sides))
    return SparkPortions(sides[0].lake, together, groups, "customer_id").map(
        apart, together.columns
    )


def _others(side: Side) -> list[str]:
    return [name for name in side.columns if name != "customer_id"]


@dataclass(frozen=True)
class _Apart(Generic[R]):
    """Rows of several tables in one, taken apart for a kernel."""

    kernel: SidesKernel[R]
    columns: tuple[tuple[str, ...], ...]

    def __call__(self, rows: pa.Table) -> R:
        sides = rows["side"].to_numpy()
        return self.kernel(
            [
                rows.filter(pa.array(sides == number)).select(list(names))
                for number, names in enumerate(self.columns)
            ]
        )
