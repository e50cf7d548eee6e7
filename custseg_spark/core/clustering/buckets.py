"""Where kernels run: the customers' features in buckets, one Arrow table each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

Kernel = Callable[[pa.Table], pa.Table]


class Buckets(Protocol):
    """All customers of a run, in buckets that the data fixes, each sorted by `customer_id`."""

    def map(self, kernel: Kernel, columns: Sequence[str]) -> list[pa.Table]:
        """Run `kernel` on the named columns of each bucket; results in bucket order."""
        ...


@dataclass(frozen=True)
class LocalBuckets:
    """Buckets in memory: for tests, samples and services without Spark."""

    tables: Sequence[pa.Table]

    def map(self, kernel: Kernel, columns: Sequence[str]) -> list[pa.Table]:
        """Run `kernel` on each bucket, one after the other."""
        return [kernel(table.select(list(columns))) for table in self.tables]


def numbers(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Doubles of a numeric column, NaN for null; decimals and whole numbers to the nearest."""
    doubles = column.cast(pa.float64(), safe=False)
    values: np.ndarray = (
        doubles.to_numpy()
        if isinstance(column, pa.ChunkedArray)
        else (doubles.to_numpy(zero_copy_only=False))
    )
    return values


def packed(values: np.ndarray) -> pa.Table:
    """One row that holds an array of doubles: a bucket's partial result."""
    return pa.table({"values": pa.array([values], pa.list_(pa.float64()))})


def unpacked(partials: Sequence[pa.Table]) -> list[np.ndarray]:
    """The arrays of `packed`, in bucket order; buckets without customers have none."""
    return [
        np.asarray(row.values, dtype=float) for table in partials for row in table.column("values")
    ]


def nothing() -> pa.Table:
    """The partial result of a bucket without customers."""
    return pa.table({"values": pa.array([], pa.list_(pa.float64()))})
