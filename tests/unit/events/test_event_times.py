"""Times by strict patterns."""

from datetime import datetime

import polars as pl
import pytest

from custseg_spark.core.events.times import parsed_times
from custseg_spark.core.mappings.time_patterns import time_expression


def times(texts: list[str | None], *patterns: str) -> list[datetime | None]:
    return parsed_times(pl.Series(texts, dtype=pl.String), patterns).to_list()


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("yyyy-MM-dd HH:mm:ss z", "2019-10-27 02:30:00 GMT", datetime(2019, 10, 27, 2, 30)),
        ("yyyy-MM-dd'T'HH:mm:ss", "2020-02-29T23:59:59", datetime(2020, 2, 29, 23, 59, 59)),
        ("yyyy-MM-dd", "2024-03-01", datetime(2024, 3, 1)),
        ("M/d/yyyy H:mm", "12/1/2010 8:26", datetime(2010, 12, 1, 8, 26)),
        ("d.M.yy H:mm", "1.12.99 8:26", datetime(2099, 12, 1, 8, 26)),
        ("yyyyMMdd HH", "20240301 07", datetime(2024, 3, 1, 7)),
        (
            "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
            "2024-03-01T00:30:00.250+05:45",
            datetime(2024, 2, 29, 18, 45, 0, 250_000),
        ),
        (
            "yyyy-MM-dd HH:mm:ss.SSSSSSX",
            "2024-03-01 00:30:00.000001-08",
            datetime(2024, 3, 1, 8, 30, 0, 1),
        ),
        ("yyyy-MM-dd HH:mm:ssXXX", "2024-03-01 00:30:00Z", datetime(2024, 3, 1, 0, 30)),
        ("unix_s", "1569888000", datetime(2019, 10, 1)),
        ("unix_ms", "1569888000123", datetime(2019, 10, 1, 0, 0, 0, 123_000)),
    ],
)
def test_a_text_is_the_time_that_its_pattern_says(
    pattern: str, text: str, expected: datetime
) -> None:
    assert times([None, text, f"{text} ", f" {text}", f"{text}\n"], pattern) == [
        None,
        expected,
        *[None] * 3,
    ]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd", "2024-02-30"),
        ("yyyy-MM-dd HH:mm:ss", "2024-02-03 24:00:00"),
        ("yyyy-MM-dd HH:mm:ss", "2024-02-03 23:59:60"),
        ("yyyy-MM-dd HH:mm", "2024-02-03 23:60"),
        ("M/d/yyyy H:mm", "13/1/2010 8:26"),
        ("M/d/yyyy H:mm", "001/1/2010 8:26"),
        ("yyyy-MM-dd HH:mm:ssXXX", "2024-03-01 00:30:00+19:00"),
        ("yyyy-MM-dd HH:mm:ssXXX", "2024-03-01 00:30:00+05:60"),
        ("yyyy-MM-dd HH:mm:ss z", "2024-03-01 00:30:00 CET"),
        ("unix_s", "-1569888000"),
        ("unix_s", "15698880000"),
        ("unix_s", "1569888000.5"),
        ("unix_ms", "1569888000"),
    ],
)
def test_a_text_that_is_no_time_is_null(pattern: str, text: str) -> None:
    assert times([text], pattern) == [None]


def test_the_first_pattern_that_fits_is_taken() -> None:
    patterns = ("yyyy-MM-dd", "d/M/yyyy", "M/d/yyyy")
    assert times(["2024-03-01", "2/1/2024", "1/31/2024", "x", None], *patterns) == [
        datetime(2024, 3, 1),
        datetime(2024, 1, 2),
        datetime(2024, 1, 31),
        None,
        None,
    ]


@pytest.mark.parametrize("pattern", ["dd MMM yyyy", "yyyy-MM-dd hh:mm a", "yyyy-MM-dd 'at' HH:mm"])
def test_a_letter_that_is_not_strict_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match="known: "):
        time_expression(pattern)


def test_a_pattern_names_no_part_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        time_expression("yyyy-MM-dd dd")
