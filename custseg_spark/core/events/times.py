"""Parse times by a mapping's patterns, as strictly as the patterns' regular expressions.

Parsers by themselves are lenient: they take a second of 60, or Arabic digits.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import polars as pl

from custseg_spark.core.mappings.time_patterns import (
    EXCEL,
    MONTHS,
    UNIX_COUNTS,
    has_zone,
    time_expression,
)

TIME = pl.Datetime("us")
UTC = "UTC"
# Patterns whose parts stand at known places.
_ISO = re.compile(r"yyyy-MM-dd( |'T')HH:mm:ss(\.SSS|\.SSSSSS)?( ?)(z|X|XX|XXX)?")
_ISO_LETTERS = len("yyyy-MM-ddTHH:mm:ss")
# The year, month and day of a pattern without them, as in Spark.
_DEFAULTS = {"year": "1970", "month": "1", "day": "1", "hour": "0", "minute": "0", "second": "0"}
_MOST_MINUTES_OFF = 18 * 60
_EXCEL_EPOCH = datetime(1899, 12, 30)
_MILLISECONDS_A_DAY = 86_400_000
# Clocks change by an hour at most, so a time this long before a gap is in no gap.
_BEFORE_A_GAP = timedelta(hours=3)
_FOLDS: Mapping[str, Literal["earliest", "latest", "null"]] = {
    "refuse": "null",
    "earlier": "earliest",
    "later": "latest",
}


@dataclass(frozen=True)
class Zone:
    """The zone of times without one.

    `gaps` and `folds` are the rules for times that its clocks skip ("refuse", "forward") or repeat
    ("refuse", "earlier", "later").
    """

    name: str = UTC
    gaps: str = "refuse"
    folds: str = "refuse"


def is_known_zone(name: str) -> bool:
    """Whether there is a time zone of this name."""
    try:
        pl.Series([], dtype=TIME).dt.replace_time_zone(name)
    except pl.exceptions.PolarsError:
        return False
    return True


def parsed_times(texts: pl.Series, patterns: Sequence[str], zone: Zone = Zone()) -> pl.Series:
    """Return the time in UTC of each text by the first pattern that it fits; null without one."""
    times = _times_by(texts, patterns[0], zone)
    for pattern in patterns[1:]:
        is_open = times.is_null() & texts.is_not_null()
        if not is_open.any():
            break
        positions = is_open.arg_true()
        times = times.scatter(positions, _times_by(texts.gather(positions), pattern, zone))
    return times


def _times_by(texts: pl.Series, pattern: str, zone: Zone) -> pl.Series:
    times = _times_as_said(texts, pattern)
    return times if zone.name == UTC or has_zone(pattern) else in_utc(times, zone)


def in_utc(times: pl.Series, zone: Zone) -> pl.Series:
    """Convert times of a zone's clocks to UTC; null for times that the zone refuses."""
    at = pl.col("time")
    placed = _placed(at, zone)
    if zone.gaps == "forward":
        # The clocks before the gap count on: 02:30 is 03:30.
        shifted = _placed(at - _BEFORE_A_GAP, Zone(zone.name, folds="later")) + _BEFORE_A_GAP
        is_skipped = _placed(at, Zone(zone.name, folds="earlier")).is_null()
        placed = pl.when(is_skipped).then(shifted).otherwise(placed)
    return times.to_frame("time").select(placed.alias("time")).to_series()


def _placed(at: pl.Expr, zone: Zone) -> pl.Expr:
    local = at.dt.replace_time_zone(zone.name, ambiguous=_FOLDS[zone.folds], non_existent="null")
    return local.dt.convert_time_zone(UTC).dt.replace_time_zone(None)


def _times_as_said(texts: pl.Series, pattern: str) -> pl.Series:
    """Return the times in UTC, or on local clocks for a pattern without a zone."""
    text = pl.col("text")
    if pattern in UNIX_COUNTS:
        time = _unix_time(text, pattern)
    elif pattern == EXCEL:
        time = _excel_time(text)
    elif _ISO.fullmatch(pattern):
        time = _iso_time(text, pattern)
    else:
        return _general_times(texts, pattern)
    strict = pl.when(text.str.contains(time_expression(pattern))).then(time)
    return texts.to_frame("text").select(strict.alias("time")).to_series()


def _unix_time(text: pl.Expr, pattern: str) -> pl.Expr:
    count = text.cast(pl.Int64, strict=False)
    by_unit = {"unix_s": count * 1_000_000, "unix_ms": count * 1_000, "unix_us": count}
    return pl.from_epoch(by_unit.get(pattern, count // 1_000), time_unit="us").cast(TIME)


def _excel_time(text: pl.Expr) -> pl.Expr:
    # To the millisecond: a day's fraction is a double.
    days = text.cast(pl.Float64, strict=False)
    since = (days * _MILLISECONDS_A_DAY).round().cast(pl.Int64)
    return pl.lit(_EXCEL_EPOCH, TIME) + pl.duration(milliseconds=since)


def _iso_time(text: pl.Expr, pattern: str) -> pl.Expr:
    match = _ISO.fullmatch(pattern)
    assert match
    separator, fraction, blank, zone = match.groups("")
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
    """Parse times by any other pattern: the parts of each distinct text are put into one order."""
    distinct = texts.drop_nulls().unique()
    times = distinct.to_frame("text").select("text", _general_time(time_expression(pattern)))
    times = times.drop_nulls()
    if times.is_empty():
        return pl.Series("time", [None], TIME).new_from_index(0, len(texts))
    return texts.replace_strict(
        times["text"], times["time"], default=None, return_dtype=TIME
    ).rename("time")


def _general_time(expression: str) -> pl.Expr:
    given = re.findall(r"\?P<(\w+)>", expression)
    parts = pl.col("text").str.extract_groups(expression)

    def part(name: str) -> pl.Expr:
        return parts.struct.field(name) if name in given else pl.lit(_DEFAULTS[name])

    year = pl.lit("20") + part("short_year") if "short_year" in given else part("year")
    month = _month(part("month_name")) if "month_name" in given else part("month")
    hour = part("hour")
    if "half_day" in given:
        hour = _hour(part("half_day_hour"), part("half_day"))
    date = pl.concat_str(year, month, part("day"), separator="-")
    clock = pl.concat_str(hour, part("minute"), part("second"), separator=":")
    time = _strict_time(pl.concat_str(date, clock, separator=" "), "%Y-%m-%d %H:%M:%S")
    if "fraction" in given:
        time += pl.duration(microseconds=_microseconds(parts.struct.field("fraction")))
    if "zone" in given:
        time -= pl.duration(minutes=_minutes_off(parts.struct.field("zone")))
    return time.alias("time")


def _month(name: pl.Expr) -> pl.Expr:
    numbers = {month[:3]: f"{n}" for n, month in enumerate(MONTHS, 1)}
    short = name.str.to_lowercase().str.head(3)
    return short.replace_strict(numbers, default=None, return_dtype=pl.String)


def _hour(hour: pl.Expr, half_day: pl.Expr) -> pl.Expr:
    """Return the hour of 24: 12 AM is midnight."""
    is_afternoon = half_day.str.to_lowercase().str.starts_with("p")
    in_half = hour.cast(pl.Int64, strict=False) % 12
    return (in_half + pl.when(is_afternoon).then(12).otherwise(0)).cast(pl.String)


def _microseconds(fraction: pl.Expr) -> pl.Expr:
    return fraction.str.head(6).str.pad_end(6, "0").cast(pl.Int64, strict=False)


def _minutes_off(zone: pl.Expr) -> pl.Expr:
    """Return the minutes that a zone is ahead of UTC; null beyond 18 hours."""
    hours = zone.str.slice(1, 2).cast(pl.Int64, strict=False)
    # +02, +0200 or +02:00.
    minutes = pl.when(zone.str.len_bytes() > 3).then(zone.str.tail(2))
    rest = minutes.cast(pl.Int64, strict=False).fill_null(0)
    size = pl.when(rest < 60).then(hours * 60 + rest)
    size = pl.when(size <= _MOST_MINUTES_OFF).then(size)
    ahead = pl.when(zone.str.starts_with("-")).then(-size).otherwise(size)
    return pl.when(zone == "Z").then(0).otherwise(ahead)
