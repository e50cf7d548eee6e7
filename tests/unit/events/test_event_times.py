"""Times by strict patterns."""

from datetime import datetime

import polars as pl
import pytest

from custseg_spark.core.events.times import Zone, is_known_zone, parsed_times
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


@pytest.mark.parametrize("pattern", ["dd MMMMM yyyy", "yyyy-MM-dd kk:mm", "yyyy-MM-dd at HH:mm"])
def test_a_letter_that_is_not_strict_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match="known: "):
        time_expression(pattern)


def test_a_pattern_names_no_part_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        time_expression("yyyy-MM-dd dd")


NOON, MICROS = datetime(2020, 12, 1, 12, 0, 1), datetime(2020, 1, 2, 3, 4, 5, 123456)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("yyyy-MM-dd HH:mm:ss X", "2020-01-01 00:00:00 +0200", datetime(2019, 12, 31, 22)),
        ("yyyy-MM-dd HH:mm:ss XX", "2020-01-01 00:00:00 -0330", datetime(2020, 1, 1, 3, 30)),
        ("dd.MM.yyyy HH:mm XX", "01.01.2020 00:00 +0530", datetime(2019, 12, 31, 18, 30)),
        ("dd.MM.yyyy HH:mm:ss", "31.12.2020 23:59:01", datetime(2020, 12, 31, 23, 59, 1)),
        ("d MMM yyyy", "7 sep 2019", datetime(2019, 9, 7)),
        ("dd-MMM-yy", "01-JAN-20", datetime(2020, 1, 1)),
        ("MMMM d, yyyy h:mm a", "May 5, 2021 12:05 AM", datetime(2021, 5, 5, 0, 5)),
        (
            "EEE, dd MMM yyyy hh:mm:ss a",
            "Tue, 01 Dec 2020 12:00:01 pm",
            datetime(2020, 12, 1, 12, 0, 1),
        ),
        ("M/d/yyyy h:mm:ss a", "1/2/2020 11:59:59 PM", datetime(2020, 1, 2, 23, 59, 59)),
        ("yyyy-MM-dd 'at' HH:mm", "2020-01-02 at 03:04", datetime(2020, 1, 2, 3, 4)),
        (
            "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSX",
            "2020-01-02T03:04:05.123456789Z",
            MICROS,
        ),
        ("unix_us", "1569888000123456", datetime(2019, 10, 1, 0, 0, 0, 123456)),
        ("unix_ns", "1569888000123456789", datetime(2019, 10, 1, 0, 0, 0, 123456)),
        ("excel", "43831", datetime(2020, 1, 1)),
        ("excel", "40513.351388888889", datetime(2010, 12, 1, 8, 26)),
    ],
)
def test_times_are_read_as_shops_and_spreadsheets_write_them(
    pattern: str, text: str, expected: datetime
) -> None:
    assert times([text, f"{text}x"], pattern) == [expected, None]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("M/d/yyyy h:mm a", "1/2/2020 13:00 PM"),
        ("M/d/yyyy h:mm a", "1/2/2020 0:30 AM"),
        ("d MMM yyyy", "7 Mai 2019"),
        ("d MMM yyyy", "31 Feb 2019"),
        ("yyyy-MM-dd HH:mm:ss XX", "2020-01-01 00:00:00 +02:00"),
        ("yyyy-MM-dd HH:mm:ss XX", "2020-01-01 00:00:00 +0260"),
        ("unix_us", "1569888000123"),
        ("excel", "2019"),
    ],
)
def test_what_only_looks_like_such_a_time_is_null(pattern: str, text: str) -> None:
    assert times([text], pattern) == [None]


BERLIN_TEXTS = [
    *("2024-01-15 12:00:00", "2024-07-15 12:00:00"),
    *("2024-03-31 02:30:00", "2024-10-27 02:30:00"),
]


@pytest.mark.parametrize(
    ("gaps", "folds", "skipped", "repeated"),
    [
        ("refuse", "refuse", None, None),
        ("forward", "refuse", datetime(2024, 3, 31, 1, 30), None),
        ("refuse", "earlier", None, datetime(2024, 10, 27, 0, 30)),
        ("forward", "later", datetime(2024, 3, 31, 1, 30), datetime(2024, 10, 27, 1, 30)),
    ],
)
def test_times_without_a_zone_are_of_the_mappings(
    gaps: str, folds: str, skipped: datetime | None, repeated: datetime | None
) -> None:
    zone = Zone("Europe/Berlin", gaps, folds)
    found = parsed_times(pl.Series(BERLIN_TEXTS), ("yyyy-MM-dd HH:mm:ss",), zone).to_list()
    assert found == [datetime(2024, 1, 15, 11), datetime(2024, 7, 15, 10), skipped, repeated]


def test_a_time_that_says_its_zone_stays_what_it_says() -> None:
    zone = Zone("Europe/Berlin")
    texts = pl.Series(["1704067200", "2024-01-01 00:00:00 +0100", "2024-01-01", "45292"])
    patterns = ("unix_s", "yyyy-MM-dd HH:mm:ss X", "yyyy-MM-dd", "excel")
    assert parsed_times(texts, patterns, zone).to_list() == [
        datetime(2024, 1, 1),
        *[datetime(2023, 12, 31, 23)] * 3,
    ]


def test_a_name_of_no_zone_is_unknown() -> None:
    assert is_known_zone("America/New_York")
    assert not is_known_zone("Europe/Berlinn")
