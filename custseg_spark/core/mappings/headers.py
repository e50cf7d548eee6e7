"""Find a file's header: the first line, a later one, or none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from custseg_spark.core.mappings.first_records import FirstRecords
from custseg_spark.core.mappings.mapping import WHITESPACE
from custseg_spark.core.mappings.naming import named
from custseg_spark.core.mappings.shapes import (
    NOTHING,
    NUMBER,
    SCIENTIFIC,
    TIME,
    WHOLE,
    WHOLE_WITH_POINT,
    Shape,
    shapes,
)
from custseg_spark.core.mappings.time_guessing import patterns
from custseg_spark.core.mappings.type_guessing import type_line

_VALUES = (TIME, WHOLE, WHOLE_WITH_POINT, NUMBER, SCIENTIFIC)
_LOOKED_AT = 200
# A header stands at most so many rows below titles.
_MOST_TITLE_ROWS = 20


@dataclass(frozen=True)
class _Published:
    """A file that is published without a header, and its columns' names by its documentation.

    `kinds` are those of its columns: t a time, e an event type, w a whole number, n any number.
    `types` are all its event types.
    """

    kinds: str
    columns: tuple[str, ...]
    delimiter: str = ","
    types: frozenset[str] = frozenset()


_PUBLISHED = (
    # Taobao's UserBehavior.
    _Published(
        "wwwet",
        ("user_id", "item_id", "category_id", "behavior_type", "timestamp"),
        types=frozenset({"pv", "buy", "cart", "fav"}),
    ),
    # CDNOW's master file, and its sample of a tenth: number and dollars of a purchase's CDs.
    _Published("wtwn", ("customer_id", "date", "quantity", "dollars"), WHITESPACE),
    _Published("wwtwn", ("customer_id", "sample_id", "date", "quantity", "dollars"), WHITESPACE),
)


def with_header(head: FirstRecords) -> FirstRecords:
    """Return the first records under their header: one found below titles, or else made up."""
    row = _header_row(head)
    if row:
        names, rows = head.rows[row - 1], head.rows[row:]
        number = head.row_numbers[row] if row < len(head.row_numbers) else row + 1
        columns = tuple(name.strip() for name in names)
        return replace(head, columns=columns, rows=rows, header_row=number)
    if not looks_like_record(head.columns, head.rows):
        return head
    rows = (head.columns, *head.rows)
    names = _names(len(head.columns), rows, head.delimiter)
    return replace(head, columns=names, rows=rows, has_header=False)


def looks_like_record(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a header's cells are values: numbers and times in columns of numbers and times."""
    width = len(header)
    first = shapes(header, [header])
    kinds = shapes(
        [str(n) for n in range(width)], [r for r in rows[:_LOOKED_AT] if len(r) == width]
    )
    columns = [column.kind in _VALUES for column in kinds]
    cells = [cell.kind for cell, is_value in zip(first, columns, strict=True) if is_value]
    # A word above values is their name, and so is a year among words.
    has_name = any(kind not in (*_VALUES, NOTHING) for kind in cells)
    has_value = any(kind in _VALUES for kind in cells)
    return has_value and not has_name and not any(_is_name(cell) for cell in header)


def _is_name(cell: str) -> bool:
    columns = ("event_at", "event_type", "customer_id", "product_id", "order_id", "unit_price")
    return bool(re.search(r"[^\W\d]", cell)) and any(named(c, cell) for c in columns)


def _header_row(head: FirstRecords) -> int:
    """Return which row below the first line is the header, counted from 1; 0 without one.

    Titles fill fewer cells than records do, and a header fills as many, without a number.
    """
    every = (head.columns, *head.rows[:_LOOKED_AT])
    filled = [sum(bool(cell.strip()) for cell in row) for row in every]
    widest = max(filled, default=0)
    if widest < 2 or filled[0] > widest / 2:
        return 0
    for place, row in enumerate(every[1 : _MOST_TITLE_ROWS + 1], start=1):
        if filled[place] > widest / 2 and filled[place] >= filled[0] + 1:
            below = every[place + 1 :]
            is_header = bool(below) and not looks_like_record(row, below)
            return place if is_header else 0
    return 0


def _names(width: int, rows: Sequence[Sequence[str]], delimiter: str) -> tuple[str, ...]:
    """Return names for columns without any: published names, else names by position."""
    places = tuple(f"column_{n}" for n in range(1, width + 1))
    columns = shapes(places, rows)
    kinds = "".join(_letter(shape, columns) for shape in columns)
    types = {v for shape, k in zip(columns, kinds, strict=True) if k == "e" for v in shape.values}
    for layout in _PUBLISHED:
        if (layout.kinds, layout.delimiter) == (kinds, delimiter) and types <= layout.types:
            return layout.columns
    return places


def _letter(shape: Shape, every: Sequence[Shape]) -> str:
    kind = type_line(every)
    if kind is not None and kind.is_active and kind.shape.name == shape.name:
        return "e"
    if patterns(shape):
        return "t"
    return {WHOLE: "w", WHOLE_WITH_POINT: "w", NUMBER: "n"}.get(shape.kind, "x")
