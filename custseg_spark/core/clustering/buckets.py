"""Buckets of customers' features, one Arrow table each: the places where kernels run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
import pyarrow as pa

# Doubles represent all whole numbers up to here.
_EXACT_WHOLE = 2.0**53

Kernel = Callable[[pa.Table], pa.Table]


class Buckets(Protocol):
    """All customers of a run, in buckets that the data determines, each sorted by `customer_id`."""

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
    """Convert a numeric column to doubles, NaN for null; decimals to the nearest, as Spark casts
    them.
    """
    if pa.types.is_decimal(column.type):
        return _of_decimals(column)
    doubles = pl.Series(column.cast(pa.float64(), safe=False))
    return np.asarray(doubles.to_numpy())


def _of_decimals(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    # Arrow's own cast multiplies by 0.0001, which is no double: a third of the results are a digit
    # off.
    values = pl.Series(column).cast(pl.Float64).to_numpy()
    largest = _EXACT_WHOLE / 10.0**column.type.scale
    for row in np.flatnonzero(np.abs(values) >= largest):
        values = values if values.flags.writeable else values.copy()
        values[row] = float(column[int(row)].as_py())
    return np.asarray(values)


def packed(values: np.ndarray) -> pa.Table:
    """Return one row with an array of doubles: a bucket's partial result."""
    return pa.table({"values": pa.array([values], pa.list_(pa.float64()))})


def unpacked(partials: Sequence[pa.Table]) -> list[np.ndarray]:
    """Return the arrays of `packed`, in bucket order; buckets without customers have none."""
    return [
        np.asarray(row.values, dtype=float) for table in partials for row in table.column("values")
    ]


def nothing() -> pa.Table:
    """Return the partial result of a bucket without customers."""
    return pa.table({"values": pa.array([], pa.list_(pa.float64()))})
