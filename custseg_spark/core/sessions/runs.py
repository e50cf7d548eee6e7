"""Runs of neighbouring rows with equal keys, and exact sums over each run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_INT64_LIMIT = 2**63
# Below 2^63 by more than the rounding error of adding doubles.
_INT64_SAFE = 9.2e18
_MOST_DIGITS = 38


@dataclass(frozen=True)
class Runs:
    """Runs of rows: `starts` holds the first row of each run, `rows` the number of all rows (above
    0).
    """

    starts: Ints
    rows: int

    @staticmethod
    def of(sorted_rows: pl.DataFrame, keys: Sequence[str]) -> "Runs":
        """Find the runs of equal values of `keys`, columns of integers without nulls."""
        is_start = np.zeros(len(sorted_rows), np.bool_)
        is_start[:1] = True
        for key in keys:
            values = sorted_rows[key].to_numpy()
            is_start[1:] |= values[1:] != values[:-1]
        return Runs(np.flatnonzero(is_start), len(sorted_rows))

    def sizes(self) -> Ints:
        """Count the rows of each run."""
        return np.diff(self.starts, append=self.rows)

    def counts(self, mask: Mask) -> Ints:
        """Count the rows of each run where `mask` is true."""
        return self.added(mask.astype(np.int64))

    def added(self, values: Ints) -> Ints:
        """Sum numbers over each run; the caller knows that the sums fit."""
        result: Ints = np.add.reduceat(values, self.starts)
        return result

    def smallest(self, values: Ints) -> Ints:
        """Return the smallest value of each run."""
        result: Ints = np.minimum.reduceat(values, self.starts)
        return result

    def largest(self, values: Ints) -> Ints:
        """Return the largest value of each run."""
        result: Ints = np.maximum.reduceat(values, self.starts)
        return result

    def sums(self, values: pl.Series) -> pl.Series:
        """Sum Int64 or Int128 values exactly over each run: Int64 if all sums fit, otherwise
        Int128.
        """
        largest_sum = largest_magnitude(values) * int(self.sizes().max())
        if values.dtype == pl.Int64 and largest_sum < _INT64_LIMIT:
            return pl.Series(self.added(values.to_numpy()))
        return self._wide_sums(values)

    def square_sums(self, values: pl.Series) -> tuple[pl.Series, Mask]:
        """Sum the squares of Int64 values exactly over each run, and say where the sum is valid.

        A sum of more than 38 digits is not valid.
        """
        numbers = values.to_numpy()
        estimates = np.add.reduceat(numbers.astype(np.float64) ** 2, self.starts)
        if estimates.max() < _INT64_SAFE:
            return pl.Series(self.added(numbers * numbers)), np.ones(len(estimates), np.bool_)
        wide = values.cast(pl.Int128)
        return valid_sums(self._wide_sums(wide * wide), estimates)

    def _wide_sums(self, values: pl.Series) -> pl.Series:
        # A running sum may leave 128 bits and wrap; its differences are still exact.
        running = values.cast(pl.Int128).cum_sum().gather(self.starts + self.sizes() - 1)
        return running - running.shift(1, fill_value=0)


def largest_magnitude(values: pl.Series) -> int:
    """Return the largest absolute value as a Python number; 0 without values."""
    smallest, largest = values.min(), values.max()
    return max(-int(smallest), int(largest)) if smallest is not None else 0  # type: ignore[arg-type]


def valid_sums(sums: pl.Series, estimates: npt.NDArray[np.float64]) -> tuple[pl.Series, Mask]:
    """Return `sums` with 0 where they have over 38 digits, and a mask of the others.

    Sums aren't negative. `estimates` are the same sums as doubles; they reveal a sum beyond 128
    bits.
    """
    # 10^38 has 39 digits and fits into 128 bits (1.7 x 10^38), so the sum is exact near it.
    valid = _below(sums, 10**_MOST_DIGITS) & (estimates < 1.5 * 10.0**_MOST_DIGITS)
    return sums.zip_with(pl.Series(valid), pl.zeros(len(sums), sums.dtype, eager=True)), valid


def _below(values: pl.Series, limit: int) -> Mask:
    frame = values.to_frame("value")
    mask: Mask = frame.select(pl.col("value") < pl.lit(limit, pl.Int128)).to_series().to_numpy()
    return mask


def decimal_array(
    units: pl.Series, type_: pa.Decimal128Type, valid: Mask | None = None
) -> pa.Array:
    """Convert Int64 or Int128 values to decimals whose last digit is one unit; null where not
    `valid`.
    """
    if largest_magnitude(units) >= 10**type_.precision:
        raise OverflowError(f"a sum of more than {type_.precision} digits")
    bits = None if valid is None or valid.all() else pa.py_buffer(_packed(valid))
    return pa.Array.from_buffers(type_, len(units), [bits, pa.py_buffer(_halves(units))])


def _packed(mask: Mask) -> npt.NDArray[np.uint8]:
    return np.packbits(mask, bitorder="little")


def _halves(units: pl.Series) -> Ints:
    """Return the low and the high 64 bits of each value."""
    if units.dtype == pl.Int64:
        low = units.to_numpy()
        return np.column_stack([low, low >> 63])
    decimals = units.cast(pl.Decimal(_MOST_DIGITS, 0)).to_arrow()
    stored = np.frombuffer(decimals.buffers()[1], np.int64).reshape(-1, 2)
    return stored[decimals.offset : decimals.offset + len(decimals)]


def units_of(decimals: pl.Series) -> pl.Series:
    """Return the whole numbers behind decimals: Int64 if all fit, otherwise Int128."""
    units = decimals.to_physical().cast(pl.Int128)
    return units.cast(pl.Int64) if largest_magnitude(units) < _INT64_LIMIT else units
