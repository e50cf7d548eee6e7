"""Portions of a native lake: tasks open the files themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from custseg_spark.core.sessions.buckets import customer_bucket, group_bounds
from custseg_spark.engine.lake import damage
from custseg_spark.engine.lake.bucket_files import bucket_bounds, note_buckets
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.files import DataFile, PartWriter
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.native import read_file
from custseg_spark.engine.lake.publication import RunPublication
from custseg_spark.engine.lake.schemas import EVENTS, SESSIONS
from custseg_spark.engine.partitions.portions import Kernel, item_fields, named
from custseg_spark.engine.spark import tasks

R = TypeVar("R")

_ITEM_PATH = "items.list.element."
_ITEM_TYPE = SESSIONS.schema.field("items").type.value_type

# Events that a task takes at a time, of as many files as that.
_EVENTS_PER_SLICE = 1_000_000


class _Reader(Protocol):
    """What a task reads its portion with."""

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Return the portion's rows."""


@dataclass(frozen=True)
class NativePortions:
    """Portions of a native lake, a task each."""

    lake: Lake
    readers: Sequence[_Reader]

    def map(self, kernel: Kernel[R], columns: Sequence[str]) -> list[R]:
        return tasks.run(self.lake.spark, _Mapped(kernel, columns), self.readers)

    def write(
        self,
        kernel: Kernel[pa.Table],
        columns: Sequence[str],
        table: Table,
        publication: RunPublication,
    ) -> int:
        write = _Written(kernel, columns, target(table, publication))
        files = [f for f in tasks.run(self.lake.spark, write, self.readers) if f]
        publication.append(files, table)
        return sum(f.rows for f in files)

    def rows(self, kernel: Kernel[pa.Table], columns: Sequence[str], ddl: str) -> DataFrame:
        return tasks.flat_map(self.lake.spark, _Tables(kernel, columns), self.readers, ddl)


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
    target: "Target"

    def __call__(self, reader: _Reader) -> DataFile | None:
        rows = self.kernel(reader.table(self.columns))
        if isinstance(reader, SessionBucket | CustomerBucket):
            return self.target.write(rows, [reader.low, reader.high])
        return self.target.write(rows, [])


@dataclass(frozen=True)
class Target:
    """Where the tasks of a run write their files of a table."""

    table: Table
    folder: Path
    day: date
    run_id: str

    def write(self, rows: pa.Table, bounds: Sequence[int]) -> DataFile | None:
        """Write rows of a range of buckets (any, without bounds); None without a row."""
        if not len(rows):
            return None
        with PartWriter(
            self.table, self.folder, self.day, run_id=self.run_id, task=0, of_run=self.run_id
        ) as part:
            part.write(rows)
            if bounds:
                note_buckets(part, bounds)
        return part.file()


@dataclass(frozen=True)
class _Tables:
    kernel: Kernel[pa.Table]
    columns: Sequence[str]

    def __call__(self, reader: _Reader) -> Iterator[pa.Table]:
        yield self.kernel(reader.table(self.columns))


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
        parts = [self._rows(file, buckets, schema) for file, buckets in self.files]
        rows = pa.concat_tables([schema.empty_table(), *parts])
        is_in_order = len(self.files) < 2 and all(buckets for _, buckets in self.files)
        return (rows if is_in_order else rows.sort_by("customer_id")).select(list(columns))

    def _rows(
        self, file: DataFile, file_buckets: tuple[int, int] | None, schema: pa.Schema
    ) -> pa.Table:
        rows = read_file(self.folder, file, self.of, schema)
        if (
            file_buckets is not None
            and self.low <= file_buckets[0]
            and file_buckets[1] <= self.high
        ):
            return rows
        buckets = customer_bucket(pl.Series(pl.from_arrow(rows["customer_id"])))
        return rows.filter(pa.array(buckets.is_between(self.low, self.high - 1)))


@dataclass(frozen=True)
class SessionBucket:
    """The session parts of a range of customers' buckets, over files of many dates.

    `customers`: of these alone; of row groups without any of them only the ids are read.
    """

    folder: Path
    files: tuple[DataFile, ...]
    low: int
    high: int
    customers: pa.Array | None = None

    def table(self, columns: Sequence[str]) -> pa.Table:
        names = list(dict.fromkeys(["customer_id", *columns]))
        schema = pa.schema([_part_field(name) for name in names])
        fields = [field for name in names for field in item_fields(name)]
        parts = [self._rows(file, schema, fields) for file in self.files]
        return pa.concat_tables([schema.empty_table(), *parts]).select(named(columns))

    def _rows(self, file: DataFile, schema: pa.Schema, fields: Sequence[str]) -> pa.Table:
        path = self.folder / file.path
        with (
            damage.named(path),
            pq.ParquetFile(path, coerce_int96_timestamp_unit="us") as opened,
        ):
            bounds = bucket_bounds(opened.metadata)
            groups = range(opened.metadata.num_row_groups)
            if bounds is not None:
                groups = range(
                    int(np.searchsorted(bounds, self.low, side="right")) - 1,
                    int(np.searchsorted(bounds, self.high, side="left")),
                )
            names = [n for n in schema.names if n != "session_date"]
            if fields:
                paths = [f"{_ITEM_PATH}{field}" for field in fields]
                names = [path for n in names for path in (paths if n == "items" else [n])]
            group_numbers = [group for group in groups if self._is_wanted(opened, group)]
            rows = opened.read_row_groups(group_numbers, columns=names, use_threads=False)
        if self.customers is not None and group_numbers:
            rows = rows.filter(pc.is_in(rows["customer_id"], self.customers))
        is_exact = bounds is not None and self.low in bounds and self.high in bounds
        if not is_exact and len(rows):
            buckets = customer_bucket(pl.Series(pl.from_arrow(rows["customer_id"])))
            rows = rows.filter(pa.array(buckets.is_between(self.low, self.high - 1)))
        if "session_date" in schema.names:
            days = pa.repeat(pa.scalar(file.day, pa.date32()), len(rows))
            rows = rows.append_column("session_date", days)
        return rows.select(schema.names).cast(schema)

    def _is_wanted(self, opened: pq.ParquetFile, group: int) -> bool:
        """Whether a row group has one of the customers."""
        if self.customers is None:
            return True
        ids = opened.read_row_group(group, columns=["customer_id"], use_threads=False)
        return bool(pc.any(pc.is_in(ids["customer_id"], self.customers)).as_py())


def _part_field(name: str) -> pa.Field:
    fields = item_fields(name)
    if not fields:
        return SESSIONS.schema.field(name)
    return pa.field("items", pa.list_(pa.struct([f for f in _ITEM_TYPE if f.name in fields])))


def target(table: Table, publication: RunPublication) -> Target:
    """Where a publication's files of a table go."""
    folder = _folder(publication.lake, table)
    return Target(table, folder, publication.run_date, publication.run_id)


def event_readers(lake: Lake, before: date, since: date | None = None) -> list[FileSlice]:
    """Return the events before a date (from `since` on), in slices of some million events."""
    first = since or date.min
    files = [f for f in lake.files(EVENTS) if f.day and first <= f.day < before]
    folder = _folder(lake, EVENTS)
    groups = tasks.together(files, lambda file: file.rows, _EVENTS_PER_SLICE)
    return [FileSlice(folder, EVENTS, tuple(group)) for group in groups]


def session_readers(
    lake: Lake, before: date, groups: int, since: date | None = None
) -> list[SessionBucket]:
    """Return the session parts before a date (from `since` on), by range of customers' buckets."""
    first = since or date.min
    files = tuple(f for f in lake.files(SESSIONS) if f.day and first <= f.day < before)
    folder, bounds = _folder(lake, SESSIONS), group_bounds(groups).tolist()
    return [SessionBucket(folder, files, low, high) for low, high in pairwise(bounds)]


def customer_readers(lake: Lake, table: Table, run_date: date, groups: int) -> list[CustomerBucket]:
    """Return the customers of a run date's run, by range of their buckets."""
    folder = _folder(lake, table)
    files = [(file, _buckets_of(folder, file)) for file in lake.files(table, [run_date])]
    return [
        CustomerBucket(folder, table, tuple(f for f in files if _overlaps(f[1], low, high)),
                       low, high)
        for low, high in pairwise(group_bounds(groups).tolist())
    ]  # fmt: skip


def _folder(lake: Lake, table: Table) -> Path:
    assert lake.native is not None
    return lake.native.folder(table)


def _buckets_of(folder: Path, file: DataFile) -> tuple[int, int] | None:
    with damage.named(folder / file.path):
        bounds = bucket_bounds(pq.read_metadata(folder / file.path))
    return (bounds[0], bounds[-1]) if bounds else None


def _overlaps(buckets: tuple[int, int] | None, low: int, high: int) -> bool:
    return buckets is None or (buckets[0] < high and low < buckets[1])
