"""Portions of a frame: Spark reads and exchanges the rows, kernels take whole buckets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.core.sessions.buckets import BUCKETS
from custseg_spark.engine.lake.columns import RUN_ID, Table
from custseg_spark.engine.lake.ddl import ddl
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import RunPublication
from custseg_spark.engine.partitions.portions import Kernel, item_fields, named
from custseg_spark.engine.spark import tasks

R = TypeVar("R")


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
        self,
        kernel: Kernel[pa.Table],
        columns: Sequence[str],
        table: Table,
        publication: RunPublication,
    ) -> int:
        day = publication.run_date
        over = _RowsOverBuckets(kernel, columns, table, day, publication.run_id)
        rows = tasks.map_partitions(self._spread(columns), over, ddl(table))
        publication.append(rows, table)
        written = publication.lake.read(table).where(F.col("run_date") == F.lit(day))
        return written.count()

    def rows(self, kernel: Kernel[pa.Table], columns: Sequence[str], ddl: str) -> DataFrame:
        over = _TablesOverBuckets(kernel, columns)
        return tasks.map_partitions(self._spread(columns), over, ddl)

    def _spread(self, columns: Sequence[str]) -> DataFrame:
        # XXH64's highest bits, as `customer_bucket` has them.
        top = F.shiftrightunsigned(F.xxhash64("customer_id"), 64 - 16)
        group = F.floor(top * F.lit(self.groups) / F.lit(BUCKETS)).cast("int").alias("bucket")
        names = dict.fromkeys([*columns, *([self.order] if self.order else [])])
        selected = [column_of(n) for n in names]
        spread = self.frame.select(group, *selected).repartition(self.groups, "bucket")
        return spread.sortWithinPartitions("bucket", *([self.order] if self.order else []))


def column_of(name: str) -> Column:
    """Return a column of a frame, of items maybe some fields alone."""
    fields = item_fields(name)
    if not fields:
        return F.col(name)
    return F.transform(
        "items", lambda item: F.struct(*(item[field].alias(field) for field in fields))
    ).alias("items")


@dataclass(frozen=True)
class _OverBuckets(Generic[R]):
    kernel: Kernel[R]
    columns: Sequence[str]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> list[tuple[int, R]]:
        return [
            (number, self.kernel(rows.select(named(self.columns))))
            for number, rows in _buckets(batches)
        ]


@dataclass(frozen=True)
class _TablesOverBuckets:
    kernel: Kernel[pa.Table]
    columns: Sequence[str]

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
        for _, rows in _buckets(batches):
            yield self.kernel(rows.select(named(self.columns)))


@dataclass(frozen=True)
class _RowsOverBuckets:
    kernel: Kernel[pa.Table]
    columns: Sequence[str]
    table: Table
    day: date
    run_id: str

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
        for _, rows in _buckets(batches):
            result = self.kernel(rows.select(named(self.columns)))
            days = pa.repeat(pa.scalar(self.day, pa.date32()), len(result))
            runs = pa.repeat(pa.scalar(self.run_id, pa.string()), len(result))
            rows_of_run = result.append_column("run_date", days).append_column(RUN_ID, runs)
            yield rows_of_run.select(self.table.schema.names)


def _buckets(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each bucket of a partition that is sorted by bucket, one after the other."""
    pending: list[pa.RecordBatch] = []
    number: int | None = None
    for batch in batches:
        start, numbers = 0, batch.column(0).to_numpy()
        while start < len(numbers):
            if number is not None and numbers[start] != number:
                yield number, pa.Table.from_batches(pending)
                pending = []
            number = int(numbers[start])
            end = int(np.searchsorted(numbers, number, side="right"))
            pending.append(batch.slice(start, end - start))
            start = end
    if number is not None:
        yield number, pa.Table.from_batches(pending)


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
