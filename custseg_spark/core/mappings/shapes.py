"""What the values of a column look like: times (and their pattern), numbers, ids, text."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from custseg_spark.core.mappings.time_patterns import time_expression

# So many of a column's values must look alike; the others are for the rules to refuse.
_MOST_SHARE = 0.95
_EXAMPLES = 3
_WHOLE = re.compile(r"[+-]?\d+")
_WHOLE_WITH_POINT = re.compile(r"\d+\.0+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DATE_TIME = re.compile(
    r"(?:(?P<year>\d{4})(?P<dash>[-/.]?)(?P<first>\d{1,2})(?P=dash)(?P<second>\d{1,2})"
    r"|(?P<a>\d{1,2})(?P<slash>[-/.])(?P<b>\d{1,2})(?P=slash)(?P<end>\d{4}|\d{2}))"
    r"(?:(?P<between>[ T])(?P<hour>\d{1,2}):\d{2}(?P<seconds>:\d{2}(?:\.(?P<fraction>\d+))?)?"
    r"(?P<zone> ?(?:UTC|GMT|Z|[+-]\d{2}(?::\d{2})?))?)?"
)

TIME, WHOLE, WHOLE_WITH_POINT, NUMBER, TEXT, NOTHING = (
    "time",
    "whole number",
    "whole number with .0",
    "number",
    "text",
    "nothing",
)


@dataclass(frozen=True)
class Shape:
    """A column's values at a glance.

    `patterns` are those of times, `doubt` says what they don't tell; `values` counts the distinct
    values that aren't blank.
    """

    name: str
    kind: str
    blank_share: float
    values: Counter[str]
    patterns: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def examples(self) -> list[str]:
        """The first few distinct values."""
        return list(self.values)[:_EXAMPLES]


def shapes(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Shape]:
    """The shape of each column; a row that has another number of values is passed over."""
    whole = [row for row in rows if len(row) == len(columns)]
    cells = zip(*whole, strict=True) if whole else [()] * len(columns)
    return [_shape(name, values) for name, values in zip(columns, cells, strict=True)]


def _shape(name: str, cells: Iterable[str]) -> Shape:
    every = [cell.strip() for cell in cells]
    values = Counter(cell for cell in every if cell)
    filled = values.total()
    blank = 1 - filled / len(every) if every else 1.0
    if not filled:
        return Shape(name, NOTHING, blank, values)
    patterns, doubt = time_patterns(values)
    if patterns:
        return Shape(name, TIME, blank, values, patterns, doubt)
    for kind, form in (
        (WHOLE_WITH_POINT, _WHOLE_WITH_POINT),
        (WHOLE, _WHOLE),
        (NUMBER, _NUMBER),
    ):
        if _share(values, form) >= _MOST_SHARE:
            return Shape(name, kind, blank, values)
    return Shape(name, TEXT, blank, values)


def _share(values: Counter[str], form: re.Pattern[str]) -> float:
    return sum(n for value, n in values.items() if form.fullmatch(value)) / values.total()


def time_patterns(values: Counter[str]) -> tuple[tuple[str, ...], str]:
    """The patterns under which nearly all values are times, none where they aren't; and a doubt.

    Values that are put together alike share a pattern. Whether day or month stands first is told
    by a number above 12; a doubt says that there was none.
    """
    groups: dict[tuple[object, ...], list[re.Match[str]]] = {}
    for value in values:
        found = _DATE_TIME.fullmatch(value)
        if found and _is_date(found):
            groups.setdefault(_form(found), []).append(found)
    written = [_pattern(found) for found in groups.values()]
    known = [(pattern, doubt) for pattern, doubt in written if _is_known(pattern)]
    forms = [re.compile(time_expression(pattern)[:-2]) for pattern, _ in known]
    fitting = sum(n for v, n in values.items() if any(f.fullmatch(v) for f in forms))
    if fitting < _MOST_SHARE * values.total():
        return (), ""
    doubts = [doubt for _, doubt in known if doubt]
    return tuple(dict.fromkeys(p for p, _ in known)), doubts[0] if doubts else ""


def _is_date(found: re.Match[str]) -> bool:
    """Whether month and day can be those; digits without a sign between are mostly ids."""
    first, second = int(found["first"] or found["a"]), int(found["second"] or found["b"])
    if found["year"]:
        is_run = not found["dash"]
        return 1 <= first <= 12 and 1 <= second <= 31 and not (is_run and len(found[0]) < 8)
    return 1 <= min(first, second) <= 12 and max(first, second) <= 31


def _form(found: re.Match[str]) -> tuple[object, ...]:
    """What two times under one pattern have in common."""
    zone = re.sub(r"\d", "0", found["zone"] or "").replace("-", "+")
    return (
        *(found["dash"], found["slash"], len(found["end"] or "")),
        *(found["between"], found["seconds"] is not None, len(found["fraction"] or "")),
        zone.replace("Z", "+00:00"),
    )


def _pattern(group: Sequence[re.Match[str]]) -> tuple[str, str]:
    """The pattern of times of one form, and what is doubtful about it."""
    one, doubt = group[0], ""
    width = _width(group, "first", "second", "a", "b")
    if one["year"]:
        date = one["dash"].join(("yyyy", "M" * width, "d" * width))
    else:
        slash = one["slash"]
        day_first = any(int(m["a"]) > 12 for m in group)
        if not day_first and not any(int(m["b"]) > 12 for m in group):
            # As usual where that sign stands between.
            day_first = slash != "/"
            doubt = "no number above 12 tells the day from the month"
        letters = ("d", "M") if day_first else ("M", "d")
        year = "yyyy" if len(one["end"]) == 4 else "yy"
        date = slash.join((*(letter * width for letter in letters), year))
    return date + _clock(one, "H" * _width(group, "hour")), doubt


def _width(group: Sequence[re.Match[str]], *parts: str) -> int:
    """2 where these parts always have two digits: of a single one others may follow.

    Day and month together: a log's beginning may know no other month than December.
    """
    return 1 if any(len(m[part] or "00") == 1 for m in group for part in parts) else 2


def _clock(one: re.Match[str], hour: str) -> str:
    if not one["between"]:
        return ""
    between = "'T'" if one["between"] == "T" else " "
    seconds = ":ss" if one["seconds"] else ""
    fraction = "." + "S" * len(one["fraction"]) if one["fraction"] else ""
    zone = one["zone"] or ""
    letters = "z" if zone.strip() in ("UTC", "GMT") else "X" if len(zone.strip()) == 3 else "XXX"
    blank = " " if zone.startswith(" ") else ""
    return f"{between}{hour}:mm{seconds}{fraction}{blank}{letters if zone else ''}"


def _is_known(pattern: str) -> bool:
    try:
        time_expression(pattern)
    except ValueError:
        return False
    return True
