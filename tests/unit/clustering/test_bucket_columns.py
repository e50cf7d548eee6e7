"""Columns of a bucket as doubles."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from custseg_spark.core.clustering.buckets import nothing, numbers, packed, unpacked


def test_decimals_become_the_nearest_double_as_in_spark() -> None:
    rng = np.random.default_rng(1)
    digits = [int(d) for e in (3, 6, 11, 15, 18) for d in rng.integers(-(10**e), 10**e, 500)]
    digits += [10**27 + 7, -(2**53) - 1, 2**60 + 1]
    values = [Decimal(d).scaleb(-4) for d in digits]
    column = pa.chunked_array(
        [pa.array(values[:9], pa.decimal128(28, 4)), pa.array(values[9:], pa.decimal128(28, 4))]
    )
    assert numbers(column).tolist() == [float(value) for value in values]


@pytest.mark.parametrize(
    "type_", [pa.int8(), pa.int32(), pa.int64(), pa.float64(), pa.decimal128(28, 4)], ids=str
)
def test_null_is_nan(type_: pa.DataType) -> None:
    values = numbers(pa.chunked_array([pa.array([1, None, 3], pa.int64()).cast(type_)]))
    np.testing.assert_array_equal(values, [1.0, np.nan, 3.0])


def test_partials_travel_with_all_their_bits_and_empty_buckets_have_none() -> None:
    values = np.random.default_rng(1).normal(size=9)
    [back] = unpacked([nothing(), packed(values), nothing()])
    assert back.tobytes() == values.tobytes()
