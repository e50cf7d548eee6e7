"""Times of texts by a mapping's patterns, as strictly as the patterns' regular expressions are.

Parsers by themselves are lenient: they take a second of 60, or Arabic digits.
"""

import re
from collections.abc import Sequence

import polars as pl

from custseg_spark.core.mappings.time_patterns import UNIX_COUNTS, time_expression

TIME = pl.Datetime("us")
# Patterns whose parts stand at known places.
_ISO = re.compile(r"yyyy-MM-dd( |'T')HH:mm:ss(\.SSS|\.SSSSSS)?( ?)(z|X|XXX)?")
_ISO_LETTERS = len("yyyy-MM-ddTHH:mm:ss")
# The year, month and day that a pattern without them means, as Spark has it.
_DEFAULTS = {"year": "1970", "month": "1", "day": "1", "hour": "0", "minute": "0", "second": "0"}
_MOST_MINUTES_OFF = 18 * 60


def parsed_times(texts: pl.Series, patterns: Sequence[str]) -> pl.Series:
    """The time in UTC of each text by the first pattern that it fits; null where none does."""
    times = _times_by(texts, patterns[0])
    for pattern in patterns[1:]:
        is_open = times.is_null() & texts.is_not_null()
        if not is_open.any():
            break
        positions = is_open.arg_true()
        times = times.scatter(positions, _times_by(texts.gather(positions), pattern))
    return times


def _times_by(texts: pl.Series, pattern: str) -> pl.Series:
    text = pl.col("text")
    if pattern in UNIX_COUNTS:
        time = _unix_time(text, pattern)
    elif _ISO.fullmatch(pattern):
        time = _iso_time(text, pattern)
    else:
        return _general_times(texts, pattern)
    strict = pl.when(text.str.contains(time_expression(pattern))).then(time)
    return texts.to_frame("text").select(strict.alias("time")).to_series()


def _unix_time(text: pl.Expr, pattern: str) -> pl.Expr:
    _, milliseconds = UNIX_COUNTS[pattern]
    count = text.cast(pl.Int64, strict=False) * milliseconds
    return pl.from_epoch(count, time_unit="ms").cast(TIME)


def _iso_time(text: pl.Expr, pattern: str) -> pl.Expr:
    found = _ISO.fullmatch(pattern)
    assert found
    separator, fraction, blank, zone = found.groups("")
    time = _strict_time(text.str.head(_ISO_LETTERS), f"%Y-%m-%d{separator[1:-1] or ' '}%H:%M:%S")
    if fraction:
        digits = text.str.slice(_ISO_LETTERS + 1, len(fraction) - 1)
        time += pl.duration(microseconds=_microseconds(digits))
    if zone.startswith("X"):
        at = _ISO_LETTERS + len(fraction) + len(blank)
        time -= pl.duration(minutes=_minutes_off(text.str.slice(at)))
    return time


def _strict_time(text: pl.Expr, pattern: str) -> pl.Expr:
    return text.str.to_datetime(
        pattern, time_unit="us", strict=False, exact=True, cache=False, ambiguous="null"
    )


def _general_times(texts: pl.Series, pattern: str) -> pl.Series:
    """Times by any other pattern: its parts put into one order, of each distinct text."""
    distinct = texts.drop_nulls().unique()
    found = distinct.to_frame("text").select("text", _general_time(time_expression(pattern)))
    found = found.drop_nulls()
    if found.is_empty():
        return pl.Series("time", [None], TIME).new_from_index(0, len(texts))
    return texts.replace_strict(
        found["text"], found["time"], default=None, return_dtype=TIME
    ).rename("time")


def _general_time(expression: str) -> pl.Expr:
    given = re.findall(r"\?P<(\w+)>", expression)
    parts = pl.col("text").str.extract_groups(expression)

    def part(name: str) -> pl.Expr:
        return parts.struct.field(name) if name in given else pl.lit(_DEFAULTS[name])

    year = pl.lit("20") + part("short_year") if "short_year" in given else part("year")
    date = pl.concat_str(year, part("month"), part("day"), separator="-")
    clock = pl.concat_str(part("hour"), part("minute"), part("second"), separator=":")
    time = _strict_time(pl.concat_str(date, clock, separator=" "), "%Y-%m-%d %H:%M:%S")
    if "fraction" in given:
        time += pl.duration(microseconds=_microseconds(parts.struct.field("fraction")))
    if "zone" in given:
        time -= pl.duration(minutes=_minutes_off(parts.struct.field("zone")))
    return time.alias("time")


def _microseconds(fraction: pl.Expr) -> pl.Expr:
    return fraction.str.pad_end(6, "0").cast(pl.Int64, strict=False)


def _minutes_off(zone: pl.Expr) -> pl.Expr:
    """Minutes that a zone is ahead of UTC; null beyond 18 hours, as nowhere on earth."""
    hours, minutes = zone.str.slice(1, 2).cast(pl.Int64, strict=False), zone.str.slice(4, 2)
    rest = minutes.cast(pl.Int64, strict=False).fill_null(0)
    size = pl.when(rest < 60).then(hours * 60 + rest)
    size = pl.when(size <= _MOST_MINUTES_OFF).then(size)
    ahead = pl.when(zone.str.starts_with("-")).then(-size).otherwise(size)
    return pl.when(zone == "Z").then(0).otherwise(ahead)
