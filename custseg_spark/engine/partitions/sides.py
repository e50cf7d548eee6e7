"""Kernels over several tables at once: the rows that each bucket of customers has in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Generic, TypeVar

import pyarrow as pa
from pyspark.sql import functions as F

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.partitions.native_files import CustomerBucket, customer_readers
from custseg_spark.engine.partitions.spark_frames import SparkPortions
from custseg_spark.engine.spark import tasks

R = TypeVar("R")
SidesKernel = Callable[[Sequence[pa.Table]], R]


@dataclass(frozen=True)
class Side:
    """One of several tables that a kernel takes together: a date of it in a lake, and columns."""

    lake: Lake
    table: Table
    run_date: date
    columns: tuple[str, ...]


def map_sides(sides: Sequence[Side], kernel: SidesKernel[R], groups: int) -> list[R]:
    """The kernel's result of the rows that each bucket of customers has in several tables."""
    readers = [
        customer_readers(s.lake, s.table, s.run_date, groups) for s in sides if s.lake.native
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
