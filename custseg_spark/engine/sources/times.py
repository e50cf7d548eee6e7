"""Patterns of dates and times: which a mapping may use, and how strictly they are held to.

Spark's own parser is lenient, and its casts take 'now', '12:30' and '2019' for times.
"""

import re

from pyspark.sql import Column
from pyspark.sql import functions as F

# Counts since 1970-01-01 00:00 UTC, from 1990 on.
_UNIX = {"unix_s": r"^\d{9,10}\z", "unix_ms": r"^\d{12,13}\z"}
_TIME_TOKENS = {
    "yyyy": r"\d{4}",
    "yy": r"\d{2}",
    "MM": r"\d{2}",
    "dd": r"\d{2}",
    "HH": r"\d{2}",
    "mm": r"\d{2}",
    "ss": r"\d{2}",
    "SSSSSS": r"\d{6}",
    "SSS": r"\d{3}",
    "M": r"\d{1,2}",
    "d": r"\d{1,2}",
    "H": r"\d{1,2}",
    "z": r"(UTC|GMT)",
    "X": r"(Z|[+-]\d{2})",
    "XXX": r"(Z|[+-]\d{2}:\d{2})",
    "'T'": "T",
}
# In UTC, which the session's zone is, to the second.
_ISO = re.compile(r"yyyy-MM-dd( |'T')HH:mm:ss( ?z)?")
_ISO_LETTERS = len("yyyy-MM-ddTHH:mm:ss")


def time_pattern(pattern: str) -> str:
    """The strict regular expression of a date-time pattern such as `yyyy-MM-dd HH:mm:ss z`.

    ValueError for a letter that is not among those we know to be strict.
    """
    if pattern in _UNIX:
        return _UNIX[pattern]
    # Runs of one letter, quoted text, and what stands between.
    parts = [match[0] for match in re.finditer(r"'[^']*'|([A-Za-z])\1*|[^A-Za-z']+|'", pattern)]
    unknown = [p for p in parts if p not in _TIME_TOKENS and re.search("[A-Za-z']", p)]
    if unknown:
        raise ValueError(
            f"'{unknown[0]}' in '{pattern}'; known: {', '.join([*_TIME_TOKENS, *_UNIX])}"
        )
    return "^" + "".join(_TIME_TOKENS.get(p, re.escape(p)) for p in parts) + r"\z"


def parsed_time(text: Column, pattern: str) -> Column:
    """The time that a text is by a pattern; null where it isn't one."""
    if pattern in _UNIX:
        count = text.try_cast("bigint")
        time = F.timestamp_seconds(count) if pattern == "unix_s" else F.timestamp_millis(count)
    elif _ISO.fullmatch(pattern):
        # What the pattern below lets through Spark reads without a formatter, which is slow.
        time = F.left(text, F.lit(_ISO_LETTERS)).try_cast("timestamp")
    else:
        time = F.try_to_timestamp(text, F.lit(pattern))
    return F.when(text.rlike(time_pattern(pattern)), time)
