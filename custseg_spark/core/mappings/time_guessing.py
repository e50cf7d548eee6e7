"""Guess the column of the event's time, and the patterns to read it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from custseg_spark.core.mappings import value_times
from custseg_spark.core.mappings.column_words import ID_WORDS
from custseg_spark.core.mappings.guesses import LIKELY, NOT_SURE, SURE, Line
from custseg_spark.core.mappings.naming import SAYS, named
from custseg_spark.core.mappings.shapes import NUMBER, TIME, WHOLE, Shape
from custseg_spark.core.mappings.telling_words import OF_THE_EVENT, OTHER_TIMES, RECORDINGS
from custseg_spark.core.mappings.words import words

# Counts since 1970 and days since 1900, from 1990 to 2050.
_UNIX = {
    "unix_s": (631_152_000, 2_524_608_000),
    "unix_ms": (631_152_000_000, 2_524_608_000_000),
    "unix_us": (631_152_000_000_000, 2_524_608_000_000_000),
    "unix_ns": (631_152_000_000_000_000, 2_524_608_000_000_000_000),
}
_EXCEL_DAYS = (32_874, 54_789)
_MOST_SHARE = 0.95


@dataclass(frozen=True)
class _Candidate:
    shape: Shape
    rank: tuple[int, int, int]
    is_named: bool


def with_orders(shapes: Sequence[Shape]) -> list[Shape]:
    """Return the shapes with the order of day and month taken from columns that show it.

    A program writes all dates of a file in one way.
    """
    shown_orders = {value_times.day_stands_first(s.values) for s in shapes if s.kind == TIME} - {
        None
    }
    if len(shown_orders) != 1:
        return list(shapes)
    return [_with_order(shape, bool(*shown_orders)) if shape.doubt else shape for shape in shapes]


def _with_order(shape: Shape, day_first: bool) -> Shape:
    times = value_times.times(shape.values, day_first=day_first)
    return replace(shape, patterns=times.patterns, doubt=times.doubt, other_patterns=times.others)


def patterns(shape: Shape) -> tuple[str, ...]:
    """Return the patterns that match a column's values; none if they aren't times."""
    if shape.kind == TIME:
        return shape.patterns
    if shape.kind == WHOLE:
        for pattern, (least, most) in _UNIX.items():
            if _share_between(shape, least, most) >= _MOST_SHARE:
                return (pattern,)
    is_serial = shape.kind in (WHOLE, NUMBER) and _share_between(shape, *_EXCEL_DAYS) >= _MOST_SHARE
    if is_serial and named("event_at", shape.name):
        return ("excel",)
    return ()


def _share_between(shape: Shape, least: int, most: int) -> float:
    return sum(n for v, n in shape.values.items() if _is_between(v, least, most)) / shape.filled


def _is_between(text: str, least: int, most: int) -> bool:
    try:
        return least <= float(text) <= most
    except ValueError:
        return False


def time_line(shapes: Sequence[Shape]) -> Line | None:
    """Return the line of the column with the events' times.

    It is uncertain if several columns are possible, or the only one means something else.
    """
    candidates = [c for shape in shapes if patterns(shape) and (c := _candidate(shape))]
    candidates.sort(key=lambda c: c.rank)
    if not candidates:
        return None
    best, rest = candidates[0], [c for c in candidates[1:] if c.rank[:2] == candidates[0].rank[:2]]
    same = [c for c in rest if c.rank == best.rank and c.shape.cells != best.shape.cells]
    if best.rank[0] == _OTHER:
        reason = "the only times, but by its name they are of something else"
        return Line("event_at", best.shape, NOT_SURE, reason)
    if same and not _is_first(best, same):
        others = ", ".join(c.shape.name for c in same)
        return Line("event_at", best.shape, NOT_SURE, f"so could be {others}")
    if best.is_named:
        return Line("event_at", best.shape, SURE, "its name, and values that are times")
    if len(candidates) > 1:
        return Line("event_at", best.shape, NOT_SURE, "times, under a name that says nothing")
    return Line("event_at", best.shape, LIKELY, "the only column of times")


_EVENT, _RECORD, _UNNAMED, _RECORDING, _OTHER = range(5)


def _candidate(shape: Shape) -> _Candidate | None:
    """Rate a column of times: by its name, then by having a clock."""
    name_words = words(shape.name)
    name = named("event_at", shape.name)
    is_number = shape.kind != TIME or all(v.isdigit() for v in shape.values)
    # Digits may be ids; a name can say that they are.
    if is_number and not name and (ID_WORDS.intersection(name_words) or _is_of_a_thing(shape.name)):
        return None
    says = name is not None and name.fit == SAYS
    if says:
        kind = _EVENT if OF_THE_EVENT.intersection(name_words) else _RECORD
    elif OTHER_TIMES.intersection(name_words):
        kind = _OTHER
    else:
        kind = _RECORDING if RECORDINGS.intersection(name_words) else _UNNAMED
    blank = 1 if shape.blank_share > 1 / 2 else 0
    return _Candidate(shape, (kind, blank, 0 if _has_clock(shape) else 1), says)


def _is_of_a_thing(name: str) -> bool:
    ids = ("customer_id", "product_id", "order_id", "session_id", "store", "brand", "category_id")
    return any(named(canonical, name) for canonical in ids)


def _is_first(best: _Candidate, same: Sequence[_Candidate]) -> bool:
    """Whether a column's name is the clearer one among equals."""
    names = [named("event_at", c.shape.name) for c in (best, *same)]
    ranks = [n.rank for n in names if n]
    return bool(ranks) and best.is_named and ranks[0] < min(ranks[1:], default=10**6)


def _has_clock(shape: Shape) -> bool:
    return any("m" in p.replace("MM", "") or "unix" in p for p in patterns(shape))
