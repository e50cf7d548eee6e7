"""Patterns of dates and times for mappings, as strict regular expressions."""

import re

# Counts since 1970-01-01 00:00 UTC, from 1990 on, by their text.
UNIX_COUNTS = {
    "unix_s": r"^[0-9]{9,10}\z",
    "unix_ms": r"^[0-9]{12,13}\z",
    "unix_us": r"^[0-9]{15,16}\z",
    "unix_ns": r"^[0-9]{18,19}\z",
}
# Days since 1899-12-30, as spreadsheets count them, with the time as their fraction.
EXCEL = "excel"
COUNTS = {**UNIX_COUNTS, EXCEL: r"^[0-9]{5}(?:\.[0-9]+)?\z"}
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _names(words: tuple[str, ...], letters: int | None = None) -> str:
    return "(?i:" + "|".join(word[:letters] for word in words) + ")"


_TOKENS = {
    "yyyy": r"(?P<year>[0-9]{4})",
    "yy": r"(?P<short_year>[0-9]{2})",
    "MMMM": f"(?P<month_name>{_names(MONTHS)})",
    "MMM": f"(?P<month_name>{_names(MONTHS, 3)})",
    "MM": r"(?P<month>[0-9]{2})",
    "dd": r"(?P<day>[0-9]{2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "hh": r"(?P<half_day_hour>0[1-9]|1[0-2])",
    "h": r"(?P<half_day_hour>0?[1-9]|1[0-2])",
    "a": r"(?P<half_day>(?i:am|pm|a\.m\.|p\.m\.))",
    "mm": r"(?P<minute>[0-5][0-9])",
    "ss": r"(?P<second>[0-5][0-9])",
    **{"S" * n: rf"(?P<fraction>[0-9]{{{n}}})" for n in range(9, 0, -1)},
    "M": r"(?P<month>[0-9]{1,2})",
    "d": r"(?P<day>[0-9]{1,2})",
    "H": r"(?P<hour>[0-9]{1,2})",
    "EEEE": _names(_DAYS),
    "EEE": _names(_DAYS, 3),
    "z": r"(?:UTC|GMT)",
    "X": r"(?P<zone>Z|[+-][0-9]{2}(?:[0-9]{2})?)",
    "XX": r"(?P<zone>Z|[+-][0-9]{4})",
    "XXX": r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})",
}
# Also if a pattern reads the zone as plain text.
_ZONES = ("z", "X", "XX", "XXX", "'Z'", "'UTC'", "'GMT'")
# Runs of one letter, quoted text, and the text between.
_PARTS = re.compile(r"'[^']*'|([A-Za-z])\1*|[^A-Za-z']+|'")


def time_expression(pattern: str) -> str:
    """Return the strict regular expression of a date-time pattern such as `yyyy-MM-dd HH:mm:ss z`.

    Raises ValueError for a letter that isn't known to be strict.
    """
    if pattern in COUNTS:
        return COUNTS[pattern]
    parts = _parts(pattern)
    unknown = [p for p in parts if p not in _TOKENS and not _is_quoted(p) and _has_letter(p)]
    if unknown:
        allowed = ", ".join([*_TOKENS, "'text'", *COUNTS])
        raise ValueError(f"'{unknown[0]}' in '{pattern}'; known: {allowed}")
    names = re.findall(r"P<(\w+)>", "".join(_TOKENS.get(p, "") for p in parts))
    if len(set(names)) < len(names):
        raise ValueError(f"'{pattern}' has a part twice")
    if ("half_day" in names) != ("half_day_hour" in names):
        raise ValueError(f"'{pattern}': h, an hour up to 12, and a, AM or PM, go together")
    return "^" + "".join(_expression(p) for p in parts) + r"\z"


def has_zone(pattern: str) -> bool:
    """Whether times by the pattern have a zone; the mapping gives the zone of others."""
    return pattern in UNIX_COUNTS or any(part in _ZONES for part in _parts(pattern))


def _parts(pattern: str) -> list[str]:
    return [match[0] for match in _PARTS.finditer(pattern)]


def _expression(part: str) -> str:
    return _TOKENS.get(part) or re.escape(part[1:-1] if _is_quoted(part) else part)


def _is_quoted(part: str) -> bool:
    return len(part) > 1 and part[0] == part[-1] == "'"


def _has_letter(part: str) -> bool:
    return bool(re.search("[A-Za-z']", part))
