"""Patterns of dates and times that a mapping may use, as strict regular expressions."""

import re

# Counts since 1970-01-01 00:00 UTC, from 1990 on: their text, and the milliseconds of each.
UNIX_COUNTS = {"unix_s": (r"^[0-9]{9,10}\z", 1000), "unix_ms": (r"^[0-9]{12,13}\z", 1)}
_TOKENS = {
    "yyyy": r"(?P<year>[0-9]{4})",
    "yy": r"(?P<short_year>[0-9]{2})",
    "MM": r"(?P<month>[0-9]{2})",
    "dd": r"(?P<day>[0-9]{2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "mm": r"(?P<minute>[0-5][0-9])",
    "ss": r"(?P<second>[0-5][0-9])",
    "SSSSSS": r"(?P<fraction>[0-9]{6})",
    "SSS": r"(?P<fraction>[0-9]{3})",
    "M": r"(?P<month>[0-9]{1,2})",
    "d": r"(?P<day>[0-9]{1,2})",
    "H": r"(?P<hour>[0-9]{1,2})",
    "z": r"(?:UTC|GMT)",
    "X": r"(?P<zone>Z|[+-][0-9]{2})",
    "XXX": r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})",
    "'T'": "T",
}


def time_expression(pattern: str) -> str:
    """The strict regular expression of a date-time pattern such as `yyyy-MM-dd HH:mm:ss z`.

    ValueError for a letter that is not among those we know to be strict.
    """
    if pattern in UNIX_COUNTS:
        return UNIX_COUNTS[pattern][0]
    # Runs of one letter, quoted text, and what stands between.
    parts = [match[0] for match in re.finditer(r"'[^']*'|([A-Za-z])\1*|[^A-Za-z']+|'", pattern)]
    unknown = [p for p in parts if p not in _TOKENS and re.search("[A-Za-z']", p)]
    if unknown:
        known = ", ".join([*_TOKENS, *UNIX_COUNTS])
        raise ValueError(f"'{unknown[0]}' in '{pattern}'; known: {known}")
    names = re.findall(r"P<(\w+)>", "".join(_TOKENS.get(p, "") for p in parts))
    if len(set(names)) < len(names):
        raise ValueError(f"'{pattern}' has a part twice")
    return "^" + "".join(_TOKENS.get(p, re.escape(p)) for p in parts) + r"\z"
