"""One scan over customers with numpy in the workers: only sums reach the driver."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame

_PARTIAL = "partition int, values array<double>"


def reduce(scan: DataFrame, step: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """The sum of `step(points, labels)` over all batches of rows.

    The first column of `scan` is an array of doubles, the others are labels. One array a partition
    reaches the driver, where they are added in the order of the partitions: equal layouts give
    equal bits.
    """

    def partial(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        total = None
        for batch in batches:
            if batch.num_rows:
                value = step(points(batch.column(0)), np.column_stack(batch.columns[1:]))
                total = value if total is None else total + value
        if total is not None:
            context = TaskContext.get()
            number = context.partitionId() if context else 0
            yield pa.RecordBatch.from_pydict(
                {"partition": pa.array([number], pa.int32()), "values": [total]}
            )

    rows = scan.mapInArrow(partial, _PARTIAL).collect()
    ordered = sorted(rows, key=lambda row: row["partition"])
    return np.asarray(np.sum([np.asarray(row["values"]) for row in ordered], axis=0))


def points(column: pa.ListArray) -> np.ndarray:
    """An array column of equal lengths as a matrix, NaN for null."""
    flat: np.ndarray = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), -1)


def one_hot(labels: np.ndarray, k: int) -> np.ndarray:
    """Membership as a matrix, rows x k."""
    members: np.ndarray = (labels[:, None] == np.arange(k)).astype(float)
    return members
