"""Typed columns as text."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from event_cases import codes_of, mapping, validated

from custseg_spark.core.events.tables import table_records

AT = datetime(2024, 3, 1, 1, 2, 3, 450_000)


def texts(array: pa.Array) -> list[str | None]:
    table = pa.table({"c": array})
    records = table_records(table, np.arange(1, len(table) + 1))
    assert records.values.schema == {"c": pl.String}
    assert records.physical == len(array)
    return records.values["c"].to_list()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (
            pa.array([17850.0, None, float("nan"), 1e20, 0.1 + 0.2, float("inf"), -0.0, 1e-7]),
            ["17850", None, None, "1.0E20", "0.30000000000000004", "Infinity", "0", "1.0E-7"],
        ),
        (
            pa.array([12.99, 0.1, 1e-7, 2.5e9, -500, 12345678.5], pa.float32()),
            ["12.99", "0.1", "1.0E-7", "2500000000", "-500", "12345678"],
        ),
        (pa.array([12345678.25, 1.5e16, 2.0**53]), ["1.234567825E7", "1.5E16", f"{2**53}"]),
        (pa.array([2, -2, None], pa.int8()), ["2", "-2", None]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([Decimal("12.50"), Decimal("0.00"), None]), ["12.50", "0.00", None]),
        (pa.array([Decimal("0.00000001")]), ["0.00000001"]),
        (pa.array([date(2024, 3, 1), None]), ["2024-03-01", None]),
        (
            pa.array([AT, datetime(2024, 3, 1), None], pa.timestamp("ms")),
            ["2024-03-01 01:02:03.450000", "2024-03-01 00:00:00", None],
        ),
        (
            pa.array(
                [datetime(2024, 3, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))],
                pa.timestamp("ns", "Europe/Berlin"),
            ),
            ["2024-03-01 00:00:00"],
        ),
        (pa.array([b"o1", b"\xff\x01", None, b""]), ["o1", "FF01", None, ""]),
        (pa.array([["a", "b"], [], None]), ['["a","b"]', "[]", None]),
        (pa.array([{"a": 1, "b": None}, None]), ['{"a":1}', None]),
        (pa.array(["x", "x", None]).dictionary_encode(), ["x", "x", None]),
        (pa.array(["x"], pa.large_string()), ["x"]),
        (pa.nulls(2), [None, None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_a_value_is_the_text_that_one_would_type(
    array: pa.Array, expected: list[str | None]
) -> None:
    assert texts(array) == expected


def test_a_duration_is_text_too() -> None:
    assert texts(pa.array([1_000_000], pa.duration("us"))) == ["0:00:01"]
    assert texts(pa.array([1, None], pa.duration("ns"))) == ["1ns", None]
    assert texts(pa.array([2**62], pa.duration("s"))) == [f"{2**62}s"]


def test_a_time_of_day_is_text_too() -> None:
    assert texts(pa.array([45_000_000_000], pa.time64("us"))) == ["12:30:00"]
    assert texts(pa.array([45_000], pa.time32("s"))) == ["12:30:00"]
    assert texts(pa.array([1, None], pa.time64("ns"))) == ["00:00:00.000000001", None]


def test_text_that_is_no_utf8_spoils_its_record() -> None:
    bad = pa.array([b"ok", b"\xfcb", None]).view(pa.string())
    table = pa.table({"a": bad, "n": pa.array([1.0, 2.0, None])})
    records = table_records(table, np.array([7, 8, 9]))
    assert records.values.rows() == [("ok", "1"), (None, None)]
    assert records.rows.tolist() == [7, 9]
    assert records.malformed.rows() == [(8, '{"a":"\ufffdb","n":"2"}', "invalid_utf8")]


def test_a_row_of_a_sheet_may_have_too_many_values() -> None:
    table = pa.table({"a": ["x", "y"]})
    records = table_records(table, np.array([2, 3]), too_wide=np.array([False, True]))
    assert records.malformed.rows() == [(3, '{"a":"y"}', "wrong_field_count")]
    assert records.raw_text(np.array([0])) == ['{"a":"x"}']


def test_a_table_without_rows_is_no_records() -> None:
    table = pa.table({"a": pa.array([], pa.string()), "b": pa.array([], pa.float64())})
    records = table_records(table, np.zeros(0, np.int64))
    assert (records.physical, records.values.columns) == (0, ["a", "b"])


def test_rows_of_a_table_are_events_or_refused_as_json() -> None:
    table = pa.table(
        {
            "customer_id": [17850.0, None],
            "order_date": pa.array([datetime(2024, 3, 1)] * 2, pa.timestamp("us", "UTC")),
            "order_id": [1.0, 2.0],
            "product_id": [b"77", b"78"],
            "quantity": pa.array([2, 2], pa.float32()),
            "unit_price": [12.5, 12.5],
            "net_amount": [25.0, 25.0],
            "channel": ["web", "größer"],
        }
    )
    found = validated(table_records(table, np.array([1, 2])), mapping("sales_facts"))
    kept = ("customer_id", "order_id", "product_id", "quantity", "unit_price")
    assert found.events.select(kept).rows() == [("17850", "1", "77", 2, Decimal("12.5"))]
    assert codes_of(found) == {2: ["missing_customer"]}
    assert found.rejected["raw_record"].to_list() == [
        '{"order_date":"2024-03-01 00:00:00","order_id":"2","product_id":"78","quantity":"2",'
        '"unit_price":"12.5","net_amount":"25","channel":"größer"}'
    ]


def test_typed_numbers_are_written_with_the_decimal_sign_of_the_mapping() -> None:
    table = pa.table(
        {
            "double": [1.234, 12.0, None],
            "decimal": pa.array([Decimal("1.50"), Decimal("2"), None], pa.decimal128(10, 2)),
            "whole": [1000, 2, 3],
            "text": ["1.234", "a.b", None],
        }
    )
    values = table_records(table, np.arange(3), decimal=",").values
    assert values.to_dicts() == [
        {"double": "1,234", "decimal": "1,50", "whole": "1000", "text": "1.234"},
        {"double": "12", "decimal": "2,00", "whole": "2", "text": "a.b"},
        {"double": None, "decimal": None, "whole": "3", "text": None},
    ]
