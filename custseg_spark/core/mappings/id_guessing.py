"""Guess the columns of customers, products, orders, sessions, stores, brands and categories."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from custseg_spark.core.mappings.column_words import ID_WORDS
from custseg_spark.core.mappings.guesses import LIKELY, NOT_SURE, SURE, Line
from custseg_spark.core.mappings.naming import SAYS, Name, named
from custseg_spark.core.mappings.shapes import (
    NOTHING,
    NUMBER,
    SCIENTIFIC,
    TEXT,
    TIME,
    WHOLE,
    WHOLE_WITH_POINT,
    Shape,
)
from custseg_spark.core.mappings.telling_words import PRODUCT_CODES
from custseg_spark.core.mappings.words import words

# In the order in which they choose their columns.
_IDS = ("customer_id", "session_id", "order_id", "product_id")
_NAMES = ("category_id", "category_code", "brand", "store")
# An id is neither a sentence nor JSON.
_LONGEST_ID, _LONGEST_NAME = 80, 120
_MOSTLY = 0.5
# In so many records a product or a customer would occur again.
_REPEATED, _FEWEST_TOLD = ("product_id", "customer_id"), 10
_WIDE, _BLANK, _TITLE, _BARE, _NOT_CALLED_ID = 10_000.0, 5_000.0, 1_000.0, 50.0, 0.3
_AFTER = 100
_CALLED_ID = frozenset(["id", "ids", "key", "uid", "guid", "uuid", "pk", "sk", "ид"])
_ORDER_NAME = re.compile(r"#[\w-]*\d+")
LOST_DIGITS = "ids such as 1.5E+18 have lost their digits: save the file without a spreadsheet"


@dataclass(frozen=True)
class _Candidate:
    shape: Shape
    name: Name
    score: float
    is_title: bool


def id_lines(shapes: Sequence[Shape], taken: set[str]) -> dict[str, Line]:
    """Return the lines of columns that identify something; no source column is used twice."""
    lines: dict[str, Line] = {}
    used = set(taken)
    for canonical in (*_IDS, *_NAMES):
        free = [s for s in shapes if s.name not in used]
        line = _line(canonical, free, lines)
        if line:
            lines[canonical] = line
            used.add(line.shape.name)
    return lines


def _line(canonical: str, shapes: Sequence[Shape], lines: Mapping[str, Line]) -> Line | None:
    candidates = [c for shape in shapes if (c := _candidate(canonical, shape))]
    # A path of categories without ids is used as the id.
    if canonical == "category_code" and "category_id" not in lines:
        return None
    candidates.sort(key=lambda c: c.score)
    if not candidates:
        return _by_values(canonical, shapes)
    best = _repeating(canonical, candidates)
    rest = [c for c in candidates if c is not best]
    return Line(canonical, best.shape, *_confidence(canonical, best, rest))


def _repeating(canonical: str, candidates: Sequence[_Candidate]) -> _Candidate:
    """Return the best candidate, or the next one with repeated values if the best never repeats.

    `item_id` may number the lines of orders, while `sku` names the product.
    """
    best = candidates[0]
    if canonical not in _REPEATED or _comes_again(best.shape):
        return best
    others = (c for c in candidates if c.name.fit == SAYS and not c.is_title)
    return next((c for c in others if _comes_again(c.shape)), best)


def _comes_again(shape: Shape) -> bool:
    return len(shape.values) < shape.filled or shape.filled < _FEWEST_TOLD


def _confidence(canonical: str, best: _Candidate, rest: Sequence[_Candidate]) -> tuple[str, str]:
    equals = [c for c in rest if c.score == best.score and c.shape.cells != best.shape.cells]
    if best.shape.kind == SCIENTIFIC:
        return NOT_SURE, LOST_DIGITS
    if equals:
        return NOT_SURE, "so could be " + ", ".join(c.shape.name for c in equals)
    if best.name.fit != SAYS:
        return NOT_SURE, "a wide guess: the name may mean it"
    if best.is_title:
        return NOT_SURE, "a wide guess: its values look like names, not like ids"
    if best.score >= _BLANK:
        return LIKELY, f"its name, though {best.shape.blank_share:.0%} are blank"
    others = [c.shape.name for c in rest if c.name.fit == SAYS and c.score < _TITLE]
    if others and canonical in _IDS:
        return LIKELY, f"its name, before {', '.join(others)}"
    return SURE, "its name, and values that fit it"


def _candidate(canonical: str, shape: Shape) -> _Candidate | None:
    name = named(canonical, shape.name)
    if name is None or not _fits(canonical, shape, name):
        return None
    is_title = canonical in _IDS and name.is_bare and _look_like_titles(shape)
    score = name.rank + _WIDE * (name.fit != SAYS) + _TITLE * is_title
    score += _BLANK * (shape.blank_share > _MOSTLY)
    if not _CALLED_ID.intersection(words(shape.name)):
        score += _NOT_CALLED_ID
    if canonical == "product_id" and name.is_bare and name.rank < _AFTER:
        score += 0 if PRODUCT_CODES.intersection(words(shape.name)) else _BARE
    return _Candidate(shape, name, score, is_title)


def _fits(canonical: str, shape: Shape, name: Name) -> bool:
    """Whether values can be ids of this kind, or names where names are allowed."""
    kinds = (TEXT, WHOLE, WHOLE_WITH_POINT, SCIENTIFIC)
    is_digits = shape.kind == TIME and all(v.isdigit() for v in shape.values)
    # GA's client ids look like numbers: 1026454.4271112504.
    is_called_id = shape.kind == NUMBER and canonical in _IDS and not name.is_bare
    if shape.kind == NOTHING or not (shape.kind in kinds or is_digits or is_called_id):
        return False
    if shape.kind == TEXT and _is_long(shape, _LONGEST_ID if canonical in _IDS else _LONGEST_NAME):
        return False
    if canonical == "category_code" and shape.kind != TEXT:
        return False
    # `Orders` and `Items` of numbers are counts; `Stock` is how many are left.
    is_count = name.is_bare and canonical in _IDS and shape.kind != TEXT and _is_plural(shape.name)
    if canonical == "order_id" and name.is_bare and not _have_digits(shape):
        return False
    return not is_count


def _is_plural(name: str) -> bool:
    return any(w.endswith("s") or w == "stock" for w in words(name) if w not in ID_WORDS)


def _is_long(shape: Shape, most: int) -> bool:
    first = list(shape.values)[:100]
    is_json = any(v.startswith(("{", "[")) for v in first)
    return is_json or sum(map(len, first)) > most * len(first)


def _look_like_titles(shape: Shape) -> bool:
    """Whether values contain blanks, as names of people and things do."""
    return shape.kind == TEXT and _share(shape, r".*\S\s+\S.*") > _MOSTLY


def _have_digits(shape: Shape) -> bool:
    return _share(shape, r".*\d.*") > 1 - _MOSTLY / 10


def _share(shape: Shape, pattern: str) -> float:
    form = re.compile(pattern, re.DOTALL)
    return sum(n for v, n in shape.values.items() if form.fullmatch(v)) / shape.filled


def _by_values(canonical: str, shapes: Sequence[Shape]) -> Line | None:
    """Shopify calls an order's number `Name`: #1001."""
    if canonical != "order_id":
        return None
    for shape in shapes:
        has_sign = shape.kind == TEXT and words(shape.name) in (("name",), ("order",))
        if has_sign and _share(shape, _ORDER_NAME.pattern) > 1 - _MOSTLY / 10:
            return Line(canonical, shape, LIKELY, "values such as #1001 are orders' numbers")
    return None
