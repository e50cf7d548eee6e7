"""Amounts: exact, or rounded half-even and told."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from custseg_spark.core.events.amounts import amount_of, amounts

PRICES = [
    ("0", "0.0000", False),
    ("-0.00", "0.0000", False),
    ("+5", "5.0000", False),
    ("007", "7.0000", False),
    (".5", "0.5000", False),
    ("5.", "5.0000", False),
    ("1e3", "1000.0000", False),
    ("1E-4", "0.0001", False),
    ("1.0e+05", "100000.0000", False),
    ("33.20000", "33.2000", False),
    ("99999999999999.9999", "99999999999999.9999", False),
    ("99999999999999.99994", "99999999999999.9999", True),
    ("12.989999771", "12.9900", True),
    ("12.9899997711182", "12.9900", True),
    ("0.00005", "0.0000", True),
    ("0.00015", "0.0002", True),
    ("0.00025", "0.0002", True),
    ("0.000250001", "0.0003", True),
    ("0.00025" + "0" * 40 + "1", "0.0003", True),
    ("1e-9", "0.0000", True),
]


def of(*texts: str | None) -> pl.DataFrame:
    return amounts(pl.Series(texts, dtype=pl.String))


def test_amounts_are_exact_or_rounded_half_even() -> None:
    found = of(*(text for text, *_ in PRICES))
    assert found["value"].to_list() == [Decimal(value) for _, value, _ in PRICES]
    assert found["is_rounded"].to_list() == [is_rounded for *_, is_rounded in PRICES]
    assert found["problem"].null_count() == len(PRICES)


def test_digits_lost_by_rounding_are_kept_in_ten_thousandths() -> None:
    texts = ["12.98999", "012.9899900", "1298.999e-2", "1e-9", "12.9"]
    assert of(*texts)["exact"].to_list() == [*["1298999e-1"] * 3, "1e-5", None]


@pytest.mark.parametrize(
    ("text", "problem", "is_negative"),
    [
        ("free", "not_a_number", False),
        ("١٢", "not_a_number", False),
        ("1e1000", "not_a_number", False),
        ("-inf", "not_finite", False),
        ("1e14", "out_of_range", False),
        ("-1e400", "out_of_range", True),
        ("99999999999999.99995", "out_of_range", False),
        ("1\n", "not_a_number", False),
    ],
)
def test_a_text_that_is_no_amount_has_a_problem(text: str, problem: str, is_negative: bool) -> None:
    found = of("1", text, None).row(1, named=True)
    assert found["value"] is None
    assert (found["problem"], found["is_negative"]) == (problem, is_negative)


def test_a_missing_amount_is_nothing() -> None:
    assert of(None, "x", None).row(2) == (None, None, False, False, None)


@given(st.lists(st.from_regex(r"\A[+-]?[0-9]{0,16}\.?[0-9]{1,7}([eE][+-]?[0-9])?\Z"), max_size=20))
@example(
    texts=["0.00025000", "12.989999771118164", "99999999999999.99995", "00.12345678901234567890"]
)
@settings(deadline=None)
def test_every_number_is_rounded_as_decimal_does(texts: list[str]) -> None:
    for text, row in zip(texts, of(*texts).iter_rows(named=True), strict=True):
        exact = Decimal(text)
        rounded = exact.quantize(Decimal("0.0001"), ROUND_HALF_EVEN, Context(prec=99))
        if abs(rounded) < 10**14:
            assert (row["value"], row["is_rounded"]) == (rounded, rounded != exact)
            assert row["exact"] == amount_of(text).exact
        else:
            assert (row["value"], row["problem"]) == (None, "out_of_range")
