"""Whole numbers of any size in numpy, converted from decimals and to doubles.

Money, squares of prices and logarithms are summed as whole numbers of their smallest unit. An array
holds 64-bit integers while all of them are below 2^62, so that two can be added or subtracted;
otherwise it holds Python integers. So no sum overflows or is rounded, and only absurd amounts are
slow.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
# An array of int64, or of objects that are Python integers.
Whole = npt.NDArray[Any]

MONEY_UNITS = 10**4
LOG_PRICE_UNITS = 10**12
# Stands for null among whole numbers, as NaN among doubles. No count, day or amount is that small.
MISSING = int(np.iinfo(np.int64).min)

NARROW = 2.0**62
# Doubles represent all whole numbers up to here.
_DOUBLE = 2**53
_LOW = 2**64 - 1


def whole_numbers(column: pa.Array) -> Whole:
    """Convert counts, decimals and times (microseconds) to whole numbers, MISSING for null."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    filled = column.fill_null(0) if column.null_count else column
    if pa.types.is_decimal(column.type):
        values = _decimal_units(filled)
    else:
        values = filled.to_numpy().astype(np.int64, copy=False)
    if column.null_count:
        is_null = column.is_null().to_numpy(zero_copy_only=False)
        values = np.where(is_null, MISSING, values)
    return values


def _decimal_units(decimals: pa.Array) -> Whole:
    """Convert a decimal128 array without nulls to whole numbers of its last digit."""
    limbs = np.frombuffer(decimals.buffers()[1], np.int64).reshape(-1, 2)
    low, high = limbs[decimals.offset : decimals.offset + len(decimals)].T
    if bool((high == low >> 63).all()) and largest(low) < NARROW:
        return np.ascontiguousarray(low)
    units: Whole = (high.astype(object) << 64) + low.view(np.uint64).astype(object)
    return units


def unit_decimals(units: Whole, type_: pa.Decimal128Type) -> pa.Array:
    """Convert whole numbers of the last digit to decimals; OverflowError for too many digits."""
    present = units != MISSING
    limbs = np.empty((len(units), 2), np.int64)
    if units.dtype == object:
        limbs[:, 0] = (units & _LOW).astype(np.uint64).view(np.int64)
        limbs[:, 1] = units >> 64
    else:
        limbs[:, 0] = units
        limbs[:, 1] = units >> 63
    if bool((np.abs(units[present]) >= 10**type_.precision).any()):
        raise OverflowError(f"a sum has more digits than {type_}")
    validity = None if present.all() else pa.array(present).buffers()[1]
    return pa.Array.from_buffers(type_, len(units), [validity, pa.py_buffer(limbs)])


def as_doubles(units: Whole, one: int) -> Doubles:
    """Return `units / one`, each the double nearest to the true quotient."""
    doubles: Doubles = units.astype(np.float64) / one
    if largest(units) >= _DOUBLE:
        large = np.flatnonzero(np.abs(units) >= _DOUBLE)
        # Python divides integers to the nearest double.
        doubles[large] = units[large].astype(object) / one
    return doubles


def difference_of_products(a: Whole, b: Whole, c: Whole, d: Whole, one: int) -> Doubles:
    """Return `(a b - c d) / one` as the nearest double, without overflow or lost digits."""
    narrow = (_product_bound(a, b) < NARROW) & (_product_bound(c, d) < NARROW)
    doubles = np.empty(len(a))
    for which, type_ in ((narrow, np.int64), (~narrow, object)):
        left = a[which].astype(type_) * b[which].astype(type_)
        right = c[which].astype(type_) * d[which].astype(type_)
        doubles[which] = as_doubles(left - right, one)
    return doubles


def products(a: Whole, b: Whole) -> Whole:
    """Return `a b` without overflow."""
    if len(a) and float(_product_bound(a, b).max()) >= NARROW:
        a, b = a.astype(object), b.astype(object)
    product: Whole = a * b
    return product


def narrowed(values: Whole) -> Whole:
    """Convert the values back to 64-bit integers, if all of them are small enough."""
    if values.dtype == object and largest(values) < NARROW:
        return values.astype(np.int64)
    return values


def _product_bound(a: Whole, b: Whole) -> Doubles:
    """Return an upper bound of all products and factors."""
    factors = [np.maximum(np.abs(factor.astype(np.float64)), 1) for factor in (a, b)]
    bound: Doubles = factors[0] * factors[1]
    return bound


def largest(values: Whole) -> float:
    """Return the largest magnitude as a double; 0 for an empty array."""
    if not len(values):
        return 0.0
    return max(abs(float(values.min())), abs(float(values.max())))
