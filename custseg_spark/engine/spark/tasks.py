"""Kernels as Spark tasks: Spark schedules, retries and moves them; the kernel does the work.

A task is a small picklable object (a stretch of a file, a date's files, a bucket of customers).
What a kernel returns is small too: counts, and the files that it has written. Rows stay where
they are made. Files that a kernel writes lack what the umask of the driver withholds.
"""

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.engine.permissions import current, withheld

T = TypeVar("T")
R = TypeVar("R")

_RESULT = "number bigint, result binary"
# As many tasks run on a machine as Spark gives it cores: a kernel that took more would only be in
# the others' way. Read when Polars and the linear algebra are first imported.
ONE_THREAD = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def run(spark: SparkSession, kernel: Callable[[T], R], tasks: Sequence[T]) -> list[R]:
    """The kernel's result for each task, in the order of the tasks; a Spark task each.

    A task may be run more than once (a retry, speculation): its result counts once.
    """
    if not tasks:
        return []
    # Unpacked in the worker, after it was told to take one thread.
    packed_kernel, packed = _dumps(kernel), [_dumps(t) for t in tasks]
    umask = current()

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        _one_thread()
        called = pickle.loads(packed_kernel)
        with withheld(umask):
            for batch in batches:
                for number in batch.column(0).to_pylist():
                    yield _result(number, called(pickle.loads(packed[number])))

    frame = spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(work, _RESULT)
    rows = sorted(frame.collect(), key=lambda row: row["number"])
    return [pickle.loads(row["result"]) for row in rows]


def together(parts: Sequence[T], rows: Callable[[T], int], most: int) -> list[list[T]]:
    """Small parts in groups of at most so many rows, in their order; a larger one by itself.

    A task of Spark's costs as much as a thousand events do.
    """
    groups: list[list[T]] = []
    filled = 0
    for part in parts:
        if not groups or filled + rows(part) > most:
            groups.append([])
            filled = 0
        groups[-1].append(part)
        filled += rows(part)
    return groups


def run_on_partitions(frame: DataFrame, kernel: Callable[[Iterator[pa.RecordBatch]], R]) -> list[R]:
    """The kernel's result for each partition of a frame that holds rows, in their order."""
    packed, umask = _dumps(kernel), current()

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        _one_thread()
        first = next(filter(_has_rows, batches), None)
        if first is not None:
            called = pickle.loads(packed)
            with withheld(umask):
                yield _result(_partition(), called(_with_first(first, batches)))

    rows = sorted(frame.mapInArrow(work, _RESULT).collect(), key=lambda row: row["number"])
    return [pickle.loads(row["result"]) for row in rows]


def flat_map(
    spark: SparkSession, kernel: Callable[[T], Iterator[pa.Table]], tasks: Sequence[T], ddl: str
) -> DataFrame:
    """The rows that the kernel makes of each task, as a frame: for a writer of Spark's."""
    packed_kernel, packed = _dumps(kernel), [_dumps(t) for t in tasks]

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        _one_thread()
        called = pickle.loads(packed_kernel)
        for batch in batches:
            for number in batch.column(0).to_pylist():
                for table in called(pickle.loads(packed[number])):
                    yield from table.to_batches(max_chunksize=ROWS_PER_BATCH)

    return spark.range(0, len(tasks), 1, max(1, len(tasks))).mapInArrow(work, ddl)


def map_partitions(
    frame: DataFrame, kernel: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.Table]], ddl: str
) -> DataFrame:
    """The rows that the kernel makes of each partition of a frame."""
    packed = _dumps(kernel)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        _one_thread()
        first = next(filter(_has_rows, batches), None)
        if first is not None:
            for table in pickle.loads(packed)(_with_first(first, batches)):
                yield from table.to_batches(max_chunksize=ROWS_PER_BATCH)

    return frame.mapInArrow(work, ddl)


# Spark copies a batch into its own memory: a large one whole.
ROWS_PER_BATCH = 20_000


def _one_thread() -> None:
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    pa.set_cpu_count(1)


def _has_rows(batch: pa.RecordBatch) -> bool:
    return bool(batch.num_rows)


def _with_first(
    first: pa.RecordBatch, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    yield first
    yield from filter(_has_rows, batches)


def _partition() -> int:
    from pyspark import TaskContext

    context = TaskContext.get()
    return context.partitionId() if context else 0


def _result(number: int, value: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "number": pa.array([number], pa.int64()),
            "result": pa.array([pickle.dumps(value, protocol=5)], pa.binary()),
        }
    )


def _dumps(value: Any) -> bytes:
    packed: bytes = cloudpickle.dumps(value)  # type: ignore[no-untyped-call]
    return packed
