"""Whole numbers beyond 64 bits: sums, products, quotients and decimals equal Python's."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custseg_spark.core.features.exact import (
    MISSING,
    as_doubles,
    difference_of_products,
    unit_decimals,
    whole_numbers,
)
from custseg_spark.core.features.groups import Groups

MOST = 10**27
WHOLE = st.one_of(
    st.integers(-1000, 1000),
    st.integers(-(2**62), 2**62),
    st.integers(-MOST, MOST),
    st.sampled_from([2**53 + 1, 2**62 - 1, 2**62, -(2**62), 2**63 - 1, 2**64, -(2**64) - 1]),
)


def units(values: list[int | None]) -> Any:
    """Whole numbers as a column of decimals is read."""
    decimals = [None if v is None else Decimal(v).scaleb(-4) for v in values]
    return whole_numbers(pa.array(decimals, pa.decimal128(38, 4)))


@given(st.lists(st.tuples(st.integers(0, 3), WHOLE), min_size=1))
def test_sums_of_owners_are_exact(rows: list[tuple[int, int]]) -> None:
    places = {owner: place for place, owner in enumerate(sorted({owner for owner, _ in rows}))}
    owner = np.array([places[owner] for owner, _ in rows])
    expected = [0] * len(places)
    for name, value in rows:
        expected[places[name]] += value
    assert Groups.of(owner).added(units([v for _, v in rows])).tolist() == expected


def test_a_sum_that_leaves_64_bits_by_many_small_values_is_exact() -> None:
    values = np.full(8, 2**61)
    assert Groups.of(np.zeros(8, np.int64)).added(values).tolist() == [2**64]


@given(st.lists(WHOLE), st.sampled_from([1, 10**4, 10**12]))
def test_quotients_are_the_nearest_doubles(values: list[int], one: int) -> None:
    assert as_doubles(units(list(values)), one).tolist() == [
        float(Fraction(v, one)) for v in values
    ]


@given(st.lists(st.tuples(WHOLE, WHOLE, WHOLE, WHOLE)))
def test_differences_of_products_lose_no_digit(rows: list[tuple[int, int, int, int]]) -> None:
    columns = [units(list(column)) for column in zip(*rows, strict=True)] or [units([])] * 4
    differences = difference_of_products(*columns, 10**12)
    assert differences.tolist() == [float(Fraction(a * b - c * d, 10**12)) for a, b, c, d in rows]


@given(st.lists(st.none() | WHOLE))
def test_decimals_are_read_and_written_as_they_are(values: list[int | None]) -> None:
    column = unit_decimals(units(values), pa.decimal128(28, 4))
    assert column.to_pylist() == [None if v is None else Decimal(v).scaleb(-4) for v in values]
    column.validate(full=True)


def test_a_slice_of_decimals_is_read_from_its_beginning() -> None:
    column = pa.array([Decimal(1), None, Decimal(3), Decimal(4)], pa.decimal128(18, 4))
    assert whole_numbers(column[1:3]).tolist() == [MISSING, 30_000]


@pytest.mark.parametrize("value", [10**28, -(10**28)])
def test_more_digits_than_a_decimal_has_are_an_error(value: int) -> None:
    with pytest.raises(OverflowError, match="28"):
        unit_decimals(units([value, 1]), pa.decimal128(28, 4))
