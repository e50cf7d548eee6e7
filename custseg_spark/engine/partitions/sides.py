"""Kernels over several tables at once: the rows that each bucket of customers has in them.

Session parts are a table of dates, the others have a row a customer of a run date.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Generic, Protocol, TypeVar

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import SESSIONS
from custseg_spark.engine.partitions.native_files import customer_readers, session_readers
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
    def table(self, columns: Sequence[str]) -> pa.Table: ...


def map_sides(sides: Sequence[Side], kernel: SidesKernel[R], groups: int) -> list[R]:
    """The kernel's result of the rows that each bucket of customers has in several tables."""
    readers = [_readers(side, groups) for side in sides if side.lake.native]
    if len(readers) < len(sides):
        return _map_frames(sides, kernel, groups)
    together = list(zip(*readers, strict=True))
    return tasks.run(sides[0].lake.spark, _OverSides(kernel, [s.columns for s in sides]), together)


def _readers(side: Side, groups: int) -> Sequence[_Reader]:
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


def _map_frames(sides: Sequence[Side], kernel: SidesKernel[R], groups: int) -> list[R]:
    frames = [
        _frame(side).select(F.lit(number).alias("side"), "customer_id", *_others(side))
        for number, side in enumerate(sides)
    ]
    together = reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), frames)
    apart = _Apart(kernel, tuple(side.columns for side in sides))
    return SparkPortions(sides[0].lake, together, groups, "customer_id").map(
        apart, together.columns
    )


def _frame(side: Side) -> DataFrame:
    frame = side.lake.read(side.table)
    if side.table != SESSIONS:
        return frame.where(F.col("run_date") == F.lit(side.run_date))
    before = frame.where(F.col("session_date") < F.lit(side.run_date))
    return before if side.since is None else before.where(F.col("session_date") >= side.since)


def _others(side: Side) -> list[Column]:
    return [column_of(name) for name in side.columns if name != "customer_id"]


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
