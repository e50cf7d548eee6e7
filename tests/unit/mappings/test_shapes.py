"""What values look like: time patterns and kinds, from literal values."""

from collections import Counter

import pytest

from custseg_spark.core.mappings import shapes
from custseg_spark.core.mappings.shapes import time_patterns


@pytest.mark.parametrize(
    ("values", "patterns"),
    [
        (["2019-10-01 00:00:00 UTC"], ["yyyy-MM-dd HH:mm:ss z"]),
        (["2019-10-01T09:30:05Z", "2019-10-01T09:30:05+02:00"], ["yyyy-MM-dd'T'HH:mm:ssXXX"]),
        (["2019-10-01T09:30:05.123+02"], ["yyyy-MM-dd'T'HH:mm:ss.SSSX"]),
        (["2019-10-01 09:30:05.123456"], ["yyyy-MM-dd HH:mm:ss.SSSSSS"]),
        (["12/1/2010 8:26", "12/31/2010 18:26"], ["M/d/yyyy H:mm"]),
        (["1/12/2010 8:26", "31/12/2010 18:26"], ["d/M/yyyy H:mm"]),
        (["31.12.2010", "01.02.2011"], ["dd.MM.yyyy"]),
        (["31.1.10"], ["d.M.yy"]),
        (["20101231", "20110101"], ["yyyyMMdd"]),
        (["2010/12/31", "2010-12-31"], ["yyyy/MM/dd", "yyyy-MM-dd"]),
        (["2010-12-31"] * 19 + ["soon"], ["yyyy-MM-dd"]),
    ],
)
def test_times_have_the_pattern_under_which_ingest_reads_them(
    values: list[str], patterns: list[str]
) -> None:
    assert time_patterns(Counter(values)) == (tuple(patterns), "")


@pytest.mark.parametrize(
    "values",
    [
        ["20101331", "20109999", "10000000"],
        ["2010-13-01"],
        ["32/32/2010"],
        ["536365"],
        ["12:30"],
        ["2010-12-31 10:00:00.1234567890"],
        ["now"],
        ["2010-12-31"] * 9 + ["soon"],
    ],
)
def test_values_that_are_no_times(values: list[str]) -> None:
    assert time_patterns(Counter(values)) == ((), "")


@pytest.mark.parametrize(
    ("value", "pattern"), [("01/02/2010", "MM/dd/yyyy"), ("01-02-2010", "dd-MM-yyyy")]
)
def test_a_day_that_could_be_a_month_is_a_doubt(value: str, pattern: str) -> None:
    patterns, doubt = time_patterns(Counter([value]))
    assert patterns == (pattern,)
    assert doubt == "no number above 12 tells the day from the month"


def test_the_kind_of_a_column_is_that_of_nearly_all_its_values() -> None:
    columns = ["id", "with_point", "price", "text", "empty", "mostly"]
    row = ("7", "17850.0", "2.5", "x", "")
    rows = [(*row, "1")] * 19 + [(*row, "?"), ("a", "record", "too short")]
    found = shapes.shapes(columns, rows)
    kinds = ["whole number", "whole number with .0", "number", "text", "nothing", "whole number"]
    assert [s.kind for s in found] == kinds
    assert [s.blank_share for s in found] == [0, 0, 0, 0, 1, 0]
    assert found[5].examples == ["1", "?"]


def test_a_file_without_records_has_columns_of_nothing() -> None:
    assert [s.kind for s in shapes.shapes(["a", "b"], [])] == ["nothing", "nothing"]
