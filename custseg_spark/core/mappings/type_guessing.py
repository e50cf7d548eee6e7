"""Guess the column of event types, and the meaning of its values."""

from collections.abc import Sequence

from custseg_spark.core.mappings import vocabularies
from custseg_spark.core.mappings.guesses import LIKELY, NOT_SURE, SURE, EventTypes, Line
from custseg_spark.core.mappings.naming import SAYS, named
from custseg_spark.core.mappings.shapes import TEXT, WHOLE, Shape
from custseg_spark.core.mappings.telling_words import STATES
from custseg_spark.core.mappings.vocabularies import IGNORED, meaning
from custseg_spark.core.mappings.words import words

# Types are few short words; GA4 has about fifty.
_MOST_TYPES, _LONGEST = 60, 60
_MOSTLY = 0.5
# With a possible name only, this share of records must have a known type.
_KNOWN_UNDER_A_WIDE_NAME, _KNOWN_UNDER_ANY_NAME = 0.8, 0.9


def type_line(shapes: Sequence[Shape]) -> Line | None:
    """Return the line of the column of event types; None if no column can be one.

    A column that distinguishes purchases precedes one that only has a type's name.
    """
    lines = [line for shape in shapes if (line := _line(shape))]
    lines.sort(key=lambda line: (_CONFIDENCES.index(line.confidence), -_known_share(line.shape)))
    if not lines:
        return None
    best = lines[0]
    telling = [line for line in lines if line.is_active and "purchase" in _kinds(line.shape)]
    if telling and "purchase" not in _kinds(best.shape):
        reason = f"it tells purchases, which {best.shape.name} doesn't"
        return Line("event_type", telling[0].shape, LIKELY, reason)
    return best


_CONFIDENCES = (SURE, LIKELY, NOT_SURE)


def event_types(shape: Shape) -> EventTypes:
    """Return the meaning of each value of a column of types."""
    codes = _codes(shape)
    if codes:
        return EventTypes(unknown={v: codes.get(v, "") for v in sorted(shape.values)})
    meanings = {value: meaning(value) for value in sorted(shape.values)}
    pages = [value for value in meanings if vocabularies.is_page_view(value)]
    has_views = "view" in meanings.values()
    types = {v: k for v, k in meanings.items() if k and k != IGNORED}
    types |= {} if has_views else dict.fromkeys(pages, "view")
    unknown = {v: "" for v, k in meanings.items() if k is None and v not in types}
    unknown |= {v: "view: if pages count beside products; " for v in pages if has_views}
    return EventTypes(
        dict(sorted(types.items())), tuple(v for v, k in meanings.items() if k == IGNORED), unknown
    )


def _line(shape: Shape) -> Line | None:
    name = named("event_type", shape.name)
    if _codes(shape):
        return Line("event_type", shape, LIKELY, "its name, and codes that are published so")
    if shape.kind != TEXT or not _is_short(shape) or STATES.intersection(words(shape.name)):
        return None
    share, kinds = _known_share(shape), _kinds(shape)
    says = name is not None and name.fit == SAYS
    # In a short log, known types need not repeat.
    if not _comes_again(shape) and not (says and share > _MOSTLY):
        return None
    if says:
        if kinds:
            return Line("event_type", shape, SURE, "its name, and values that are known types")
        return Line("event_type", shape, NOT_SURE, "its name; no value is a known type")
    if name and share >= _KNOWN_UNDER_A_WIDE_NAME and kinds:
        return Line("event_type", shape, LIKELY, "nearly all its values are known types")
    if share >= _KNOWN_UNDER_ANY_NAME and len(kinds) > 1:
        return Line("event_type", shape, LIKELY, "nearly all its values are known types")
    return None


def _is_short(shape: Shape) -> bool:
    """Whether the values are few and short, as types are."""
    return len(shape.values) <= _MOST_TYPES and max(map(len, shape.values)) <= _LONGEST


def _comes_again(shape: Shape) -> bool:
    """Whether the values repeat, as values of a closed set do."""
    return len(shape.values) <= max(2, shape.filled * 3 // 4)


def _kinds(shape: Shape) -> set[str]:
    meanings = {meaning(v) for v in shape.values} - {None, IGNORED}
    if any(vocabularies.is_page_view(v) for v in shape.values):
        meanings.add("view")
    return {kind for kind in meanings if kind}


def _known_share(shape: Shape) -> float:
    counts = (n for v, n in shape.values.items() if meaning(v) or vocabularies.is_page_view(v))
    return sum(counts) / shape.filled if shape.filled else 0.0


def _codes(shape: Shape) -> dict[str, str]:
    """Return the published meaning of codes, if name and codes are the published ones."""
    table = vocabularies.CODES.get(" ".join(words(shape.name)), {})
    if shape.kind != WHOLE or not set(shape.values) <= set(table):
        return {}
    return dict(table)
