"""Find the patterns of times and the order of day and month from values."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from custseg_spark.core.mappings.time_patterns import MONTHS, time_expression

# This share of a column's values must be times; the rules refuse the others.
MOST_SHARE = 0.95
DAY_OR_MONTH = "no number above 12 tells the day from the month"
# Digits without separators are mostly ids; dates have years in this range.
_YEARS_OF_RUNS = range(1980, 2050)
# So many values suffice to recognise a column that has no times.
_LOOKED_AT, _FEWEST_LIKE = 50, 0.3
_MONTHS = tuple(month[:3] for month in MONTHS)
_NAMED = "|".join([*MONTHS, *_MONTHS])
_DATE_TIME = re.compile(
    r"(?:(?P<year>\d{4})(?P<dash>[-/.]?)(?P<first>\d{1,2})(?P=dash)(?P<second>\d{1,2})"
    r"|(?P<a>\d{1,2})(?P<slash>[-/.])(?P<b>\d{1,2})(?P=slash)(?P<end>\d{4}|\d{2})"
    rf"|(?P<day>\d{{1,2}})(?P<gap>[- /.])(?P<name>{_NAMED})(?P=gap)(?P<named_end>\d{{4}}|\d{{2}})"
    rf"|(?P<us_name>{_NAMED}) (?P<us_day>\d{{1,2}})(?P<comma>,? )(?P<us_end>\d{{4}}))"
    r"(?:(?P<between>,? |T)(?P<hour>\d{1,2})"
    r"(?P<minutes>:\d{2})?(?P<seconds>:\d{2}(?:\.(?P<fraction>\d+))?)?"
    r"(?P<half> ?[AaPp][Mm])?"
    r"(?P<zone> ?(?:UTC|GMT|Z|[+-]\d{2}(?::?\d{2})?))?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Times:
    """Patterns of a column's times.

    `others` are the patterns with day and month exchanged, if the values don't decide.
    """

    patterns: tuple[str, ...] = ()
    doubt: str = ""
    others: tuple[str, ...] = ()


def times(values: Counter[str], *, day_first: bool | None = None) -> Times:
    """Return the patterns that match nearly all values; none if they aren't times.

    Values of the same form share a pattern. `day_first` is the order shown by other columns.
    """
    if not _may_be_times(values):
        return Times()
    groups: dict[tuple[object, ...], list[re.Match[str]]] = {}
    for value in values:
        match = _DATE_TIME.fullmatch(value)
        if match and _is_date(match):
            groups.setdefault(_form(match), []).append(match)
    orders = [_day_first(group, day_first) for group in groups.values()]
    usual = [
        g[0]["slash"] != "/" if o is None else o
        for g, o in zip(groups.values(), orders, strict=True)
    ]
    usable = [_first_usable(_patterns(g, o)) for g, o in zip(groups.values(), usual, strict=True)]
    if _share(values, usable) < MOST_SHARE:
        return Times()
    is_open = [o is None for o, pattern in zip(orders, usable, strict=True) if pattern]
    patterns = tuple(dict.fromkeys(p for p in usable if p))
    if not any(is_open):
        return Times(patterns)
    turned = [
        _first_usable(_patterns(g, not u if o is None else o))
        for g, o, u in zip(groups.values(), orders, usual, strict=True)
    ]
    return Times(patterns, DAY_OR_MONTH, tuple(dict.fromkeys(p for p in turned if p)))


def day_stands_first(values: Iterable[str]) -> bool | None:
    """Whether a number above 12 shows that the day precedes the month; None if nothing shows it."""
    dates = [m for v in values if (m := _DATE_TIME.fullmatch(v)) and m["a"] and _is_date(m)]
    firsts, seconds = any(int(m["a"]) > 12 for m in dates), any(int(m["b"]) > 12 for m in dates)
    return None if firsts == seconds else firsts


def _may_be_times(values: Counter[str]) -> bool:
    first = list(islice(values, _LOOKED_AT))
    return sum(bool(_DATE_TIME.fullmatch(v)) for v in first) >= _FEWEST_LIKE * len(first)


def _share(values: Counter[str], patterns: Sequence[str]) -> float:
    forms = [re.compile(time_expression(p)[:-2]) for p in patterns if p]
    fitting = sum(n for v, n in values.items() if any(f.fullmatch(v) for f in forms))
    return fitting / values.total()


def _is_date(match: re.Match[str]) -> bool:
    """Whether month and day are in range."""
    if match["name"] or match["us_name"]:
        return 1 <= int(match["day"] or match["us_day"]) <= 31
    first, second = int(match["first"] or match["a"]), int(match["second"] or match["b"])
    if match["year"]:
        is_run = not match["dash"]
        if is_run and (len(match[0]) < 8 or int(match["year"]) not in _YEARS_OF_RUNS):
            return False
        return 1 <= first <= 12 and 1 <= second <= 31
    return 1 <= min(first, second) <= 12 and max(first, second) <= 31


def _form(match: re.Match[str]) -> tuple[object, ...]:
    """Return the common features of times that share a pattern."""
    zone = re.sub(r"\d", "0", match["zone"] or "").replace("-", "+")
    named = match["name"] or match["us_name"]
    return (
        *(match["dash"], match["slash"], match["gap"], match["comma"], match["us_name"] is None),
        *(len(match["end"] or match["named_end"] or ""), named and named.lower() in _MONTHS),
        *(
            match["between"],
            match["minutes"] is None,
            match["seconds"] is None,
            len(match["fraction"] or ""),
        ),
        *(zone.upper().replace("Z", "+00:00"), match["half"] and len(match["half"])),
    )


def _day_first(group: Sequence[re.Match[str]], by_others: bool | None) -> bool | None:
    """Whether the day precedes the month; None if unknown, True also if there is no question."""
    if not group[0]["a"]:
        return True
    # Nobody writes the month first with dots as separators.
    shown = day_stands_first(m[0] for m in group)
    if shown is None:
        return True if group[0]["slash"] == "." else by_others
    return shown


def _patterns(group: Sequence[re.Match[str]], day_first: bool) -> list[str]:
    """Return the possible patterns of times of one form, the likeliest first."""
    one = group[0]
    width = _width(group, "first", "second", "a", "b", "day", "us_day")
    if one["year"]:
        date = one["dash"].join(("yyyy", "M" * width, "d" * width))
    elif one["name"] or one["us_name"]:
        date = _named_date(one, "d" * width)
    else:
        letters = ("d", "M") if day_first else ("M", "d")
        year = "yyyy" if len(one["end"]) == 4 else "yy"
        date = one["slash"].join((*(letter * width for letter in letters), year))
    clocks = _clocks(one, _width(group, "hour"))
    return [date + clock for clock in clocks]


def _named_date(one: re.Match[str], day: str) -> str:
    name = one["name"] or one["us_name"]
    month = "MMM" if name.lower() in _MONTHS else "MMMM"
    if one["us_name"]:
        return f"{month} {day}{one['comma']}yyyy"
    year = "yyyy" if len(one["named_end"]) == 4 else "yy"
    return one["gap"].join((day, month, year))


def _width(group: Sequence[re.Match[str]], *parts: str) -> int:
    """Return 2 if these parts always have two digits, else 1.

    Day and month are judged together: the first records may all be of December.
    """
    return 1 if any(len(m[part] or "00") == 1 for m in group for part in parts) else 2


def _clocks(one: re.Match[str], width: int) -> list[str]:
    if not one["between"]:
        return [""]
    between = "'T'" if one["between"].upper() == "T" else one["between"]
    hour = ("h" if one["half"] else "H") * width
    minutes = ":mm" if one["minutes"] else ""
    seconds = ":ss" if one["seconds"] else ""
    fraction = "." + "S" * len(one["fraction"]) if one["fraction"] else ""
    half = one["half"] or ""
    marker = f"{half[:-2]}a" if half else ""
    zone = one["zone"] or ""
    blank = " " if zone.startswith(" ") else ""
    clock = f"{between}{hour}{minutes}{seconds}{fraction}{marker}{blank}"
    return [clock + letters for letters in _zone_letters(zone.strip())]


def _zone_letters(zone: str) -> tuple[str, ...]:
    if zone.upper() in ("UTC", "GMT"):
        return ("z",)
    by_length = {0: ("",), 3: ("X",), 5: ("XX", "Z", "xx")}
    return by_length.get(len(zone), ("XXX",))


def _first_usable(patterns: Sequence[str]) -> str:
    """Return the first pattern that mappings may use; empty without one."""
    return next((p for p in patterns if _is_usable(p)), "")


def _is_usable(pattern: str) -> bool:
    try:
        time_expression(pattern)
    except ValueError:
        return False
    return True
