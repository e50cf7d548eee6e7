"""Shapes of a column's values: times (with their pattern), numbers, ids, text."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from custseg_spark.core.mappings import value_numbers, value_times
from custseg_spark.core.mappings.value_numbers import NumberForm

# This share of a column's values must look alike; the rules refuse the others.
_MOST_SHARE = 0.95
_EXAMPLES = 3
# At most so many cells are examined: fewer records of a wide file.
_MOST_CELLS = 400_000
_FEWEST_RECORDS = 100
_WHOLE = re.compile(r"[+-]?\d+")
_WHOLE_WITH_POINT = re.compile(r"\d+\.0+")
# A long id that a spreadsheet has rounded: 1.51592E+18.
_SCIENTIFIC = re.compile(r"[+-]?\d([.,]\d+)?[eE]\+?(1\d|2\d|[89])")
# Words that programs write for a missing value.
NULL_WORDS = frozenset(
    {"nan", "null", "none", "nil", "undefined", r"\n", "n/a", "na", "#n/a", "<na>", "nat"}
    | {"(null)", "[null]", "(none)", "(not set)"}
)

TIME, WHOLE, WHOLE_WITH_POINT, NUMBER, TEXT, NOTHING, SCIENTIFIC = (
    "time",
    "whole number",
    "whole number with .0",
    "number",
    "text",
    "nothing",
    "rounded number",
)


@dataclass(frozen=True)
class Shape:
    """A column's values at a glance.

    `patterns` are of times, `doubt` says what the values leave open, and `other_patterns` have day
    and month exchanged. `forms` are the possible formats of its numbers. `values` counts the
    distinct values that aren't blank, `missing` the words for a missing value. `cells` are the
    values record by record, blank for a missing one.
    """

    name: str
    kind: str
    blank_share: float
    values: Counter[str]
    patterns: tuple[str, ...] = ()
    doubt: str = ""
    other_patterns: tuple[str, ...] = ()
    forms: tuple[NumberForm, ...] = ()
    missing: Counter[str] = field(default_factory=Counter)
    cells: tuple[str, ...] = ()

    @property
    def examples(self) -> list[str]:
        """The first few distinct values."""
        return list(self.values)[:_EXAMPLES]

    @property
    def filled(self) -> int:
        """The number of records with a value."""
        return self.values.total()


def shapes(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Shape]:
    """Return the shape of each column; rows with another number of values are skipped."""
    most = max(_FEWEST_RECORDS, _MOST_CELLS // max(1, len(columns)))
    whole = [row for row in rows[:most] if len(row) == len(columns)]
    cells = zip(*whole, strict=True) if whole else [()] * len(columns)
    return [_shape(name, values) for name, values in zip(columns, cells, strict=True)]


def _shape(name: str, cells: Iterable[str]) -> Shape:
    every = [cell.strip() for cell in cells]
    counts = Counter(every)
    missing = Counter({v: n for v, n in counts.items() if v.casefold() in NULL_WORDS})
    values = Counter({v: n for v, n in counts.items() if v and v not in missing})
    filled = values.total()
    blank = 1 - filled / len(every) if every else 1.0
    kept = tuple("" if cell in missing else cell for cell in every)
    if not filled:
        return Shape(name, NOTHING, blank, values, missing=missing, cells=kept)
    times = value_times.times(values)
    if times.patterns:
        return Shape(
            *(name, TIME, blank, values, times.patterns, times.doubt, times.others),
            missing=missing,
            cells=kept,
        )
    kind, forms = _kind(values)
    return Shape(name, kind, blank, values, forms=forms, missing=missing, cells=kept)


def _kind(values: Counter[str]) -> tuple[str, tuple[NumberForm, ...]]:
    if _share(values, _SCIENTIFIC) >= 1 - _MOST_SHARE:
        return SCIENTIFIC, ()
    if _share(values, _WHOLE_WITH_POINT) >= _MOST_SHARE:
        return WHOLE_WITH_POINT, (NumberForm(),)
    if _share(values, _WHOLE) >= _MOST_SHARE:
        # Whole numbers are written alike everywhere.
        return WHOLE, value_numbers.FORMS
    forms = value_numbers.forms(values)
    return (NUMBER, forms) if forms else (TEXT, ())


def _share(values: Counter[str], form: re.Pattern[str]) -> float:
    return sum(n for value, n in values.items() if form.fullmatch(value)) / values.total()


def time_patterns(values: Counter[str]) -> tuple[tuple[str, ...], str]:
    """Return the patterns that match nearly all values (none if they aren't times), and a doubt."""
    times = value_times.times(values)
    return times.patterns, times.doubt
