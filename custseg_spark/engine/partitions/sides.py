"""Kernels over several tables at once: the rows that each bucket of customers has in them.

Session parts are a table of dates, the others have a row a customer of a run date.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Generic, Protocol, TypeVar

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.files import DataFile
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import RunPublication
from custseg_spark.engine.lake.schemas import SESSIONS
from custseg_spark.engine.partitions.native_files import (
    Target,
    customer_readers,
    session_readers,
    target,
)
from custseg_spark.engine.partitions.portions import named
from custseg_spark.engine.partitions.spark_frames import SparkPortions, column_of
from custseg_spark.engine.spark import tasks

R = TypeVar("R")
SidesKernel = Callable[[Sequence[pa.Table]], R]


@dataclass(frozen=True)
class Side:
    """One of several tables that a kernel takes together: a date of it in a lake, and columns.

    Of session parts all dates before `run_date`, from `since` on where it is set.
    """

    lake: Lake
    table: Table
    run_date: date
    columns: tuple[str, ...]
    since: date | None = None


class _Reader(Protocol):
    """The rows of the buckets from `low` to before `high`."""

    @property
    def low(self) -> int: ...
    @property
    def high(self) -> int: ...
    def table(self, columns: Sequence[str]) -> pa.Table: ...


def map_sides(sides: Sequence[Side], kernel: SidesKernel[R], groups: int) -> list[R]:
    """The kernel's result of the rows that each bucket of customers has in several tables."""
    together = _readers(sides, groups)
    if together is None:
        portions, apart = _frames(sides, kernel, groups)
        return portions.map(apart, portions.frame.columns)
    return tasks.run(sides[0].lake.spark, _OverSides(kernel, [s.columns for s in sides]), together)


def write_sides(
    sides: Sequence[Side],
    kernel: SidesKernel[pa.Table],
    table: Table,
    publication: RunPublication,
    groups: int,
) -> int:
    """Add the rows by the kernel for each bucket to a publication; return their number."""
    together = _readers(sides, groups)
    files: list[DataFile | None]
    if together is not None:
        over = _OverSides(kernel, [s.columns for s in sides])
        written = _WrittenSides(over, target(table, publication))
        files = tasks.run(sides[0].lake.spark, written, together)
    else:
        portions, apart = _frames(sides, kernel, groups)
        names = portions.frame.columns
        if publication.lake.native is None:
            return portions.write(apart, names, table, publication)
        # A side of another lake, as when a lake's segments go on in a new one.
        files = portions.map(_WrittenApart(apart, target(table, publication)), names)
    written_files = [f for f in files if f]
    publication.append(written_files, table)
    return sum(f.rows for f in written_files)


def _readers(sides: Sequence[Side], groups: int) -> list[tuple[_Reader, ...]] | None:
    """Return each bucket's readers of the sides; None where Spark has to read one of them."""
    if not all(side.lake.native for side in sides):
        return None
    return list(zip(*(_readers_of(side, groups) for side in sides), strict=True))


def _readers_of(side: Side, groups: int) -> Sequence[_Reader]:
    if side.table == SESSIONS:
        return session_readers(side.lake, side.run_date, groups, side.since)
    return customer_readers(side.lake, side.table, side.run_date, groups)


@dataclass(frozen=True)
class _OverSides(Generic[R]):
    kernel: SidesKernel[R]
    columns: Sequence[Sequence[str]]

    def __call__(self, readers: Sequence[_Reader]) -> R:
        return self.kernel(
            [reader.table(columns) for reader, columns in zip(readers, self.columns, strict=True)]
        )


@dataclass(frozen=True)
class _WrittenSides:
    over: _OverSides[pa.Table]
    target: Target

    def __call__(self, readers: Sequence[_Reader]) -> DataFile | None:
        return self.target.write(self.over(readers), [readers[0].low, readers[0].high])


def _frames(
    sides: Sequence[Side], kernel: SidesKernel[R], groups: int
) -> "tuple[SparkPortions, _Apart[R]]":
    """Return the rows of all sides in one frame, and the kernel that takes them apart again."""
    frames = [_numbered(number, side) for number, side in enumerate(sides)]
    together = reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), frames)
    apart = _Apart(kernel, tuple(side.columns for side in sides))
    return SparkPortions(sides[0].lake, together, groups, "customer_id"), apart


def _numbered(number: int, side: Side) -> DataFrame:
    rows = _rows(side)
    others = [name for name in side.columns if name != "customer_id"]
    columns = [column_of(name) for name in others]
    return rows.select(F.lit(number).alias("side"), "customer_id", *columns)


def _rows(side: Side) -> DataFrame:
    rows = side.lake.read(side.table)
    if side.table != SESSIONS:
        return rows.where(F.col("run_date") == F.lit(side.run_date))
    before = rows.where(F.col("session_date") < F.lit(side.run_date))
    return before if side.since is None else before.where(F.col("session_date") >= side.since)


@dataclass(frozen=True)
class _Apart(Generic[R]):
    """Rows of several tables in one, taken apart for a kernel."""

    kernel: SidesKernel[R]
    columns: tuple[tuple[str, ...], ...]

    def __call__(self, rows: pa.Table) -> R:
        sides = rows["side"].to_numpy()
        return self.kernel(
            [
                rows.filter(pa.array(sides == number)).select(named(names))
                for number, names in enumerate(self.columns)
            ]
        )


@dataclass(frozen=True)
class _WrittenApart:
    apart: _Apart[pa.Table]
    target: Target

    def __call__(self, rows: pa.Table) -> DataFile | None:
        return self.target.write(self.apart(rows), [])
