"""Guess the mapping of an unknown log from the names of its columns and their values."""

from collections.abc import Iterable, Mapping, Sequence

from custseg_spark.core.mappings.amount_guessing import amount_lines
from custseg_spark.core.mappings.guesses import (
    LIKELY,
    NOT_SURE,
    SURE,
    EventTypes,
    Guess,
    Key,
    Line,
)
from custseg_spark.core.mappings.id_guessing import id_lines
from custseg_spark.core.mappings.mapping import EVENT_COLUMNS as CANONICAL_COLUMNS
from custseg_spark.core.mappings.shapes import TEXT, TIME, WHOLE, Shape
from custseg_spark.core.mappings.telling_words import OF_THE_EVENT, STATES
from custseg_spark.core.mappings.time_guessing import (
    patterns,
    time_line,
    with_orders,
)
from custseg_spark.core.mappings.type_guessing import event_types, type_line
from custseg_spark.core.mappings.words import words

# Beginnings of words for states in which an order is no purchase.
_UNDONE = ("cancel", "refund", "return", "fail", "void", "pending", "unpaid", "storn", "annul")
_UNDONE_WORDS = (*_UNDONE, "denied", "declined", "abandon", "trash", "draft", "expired", "retour")
# A column may hold customers if it has at least 3 values, which repeat; 3 columns are suggested.
_FEWEST_CUSTOMERS, _MOST_DISTINCT, _MOST_HINTS = 3, 0.9, 3
# These ids mean "no customer" if they have 2% of the records and 3 times the usual number.
_NOBODY, _NOBODY_SHARE, _MANY_TIMES = ("0", "-1", "-"), 0.02, 3


def guess(columns: Sequence[Shape]) -> Guess:
    """Guess the likely mapping from names and values; no column is used twice."""
    shapes = with_orders([s for s in columns if s.name])
    time, kind = time_line(shapes), type_line(shapes)
    lines = {line.canonical: line for line in (time, kind) if line}
    ids = id_lines(shapes, {line.shape.name for line in lines.values()})
    lines |= ids
    amounts = amount_lines(shapes, ids, {line.shape.name for line in lines.values()})
    lines |= amounts.lines
    types = event_types(kind.shape) if kind else EventTypes()
    keys = [*_time_keys(time), *_type_keys(kind, lines, time), *amounts.keys]
    return Guess(
        {c: lines[c] for c in CANONICAL_COLUMNS if c in lines},
        types,
        tuple(keys),
        (*_questions(lines, types, keys, shapes), *amounts.questions),
        (*_notes(lines, shapes), *amounts.notes),
    )


def _time_keys(time: Line | None) -> Iterable[Key]:
    if time is None:
        yield Key("event_at_formats", (), "no column of times was found", NOT_SURE)
        return
    doubt = time.shape.doubt
    other = " or ".join(time.shape.other_patterns)
    comment = f"{doubt}: or {other}" if doubt else ""
    yield Key("event_at_formats", patterns(time.shape), comment, NOT_SURE if doubt else SURE)


def _type_keys(kind: Line | None, lines: Mapping[str, Line], time: Line | None) -> Iterable[Key]:
    """Yield the type of every record if no column has it."""
    if kind is not None:
        return
    priced = "unit_price" in lines and lines["unit_price"].is_active
    ordered = "order_id" in lines and lines["order_id"].is_active
    bought = time is not None and bool(_OF_PURCHASES.intersection(words(time.shape.name)))
    if priced or ordered or bought:
        yield Key("event_type", "purchase", "no column says it: every record is one", LIKELY)
    else:
        yield Key("event_type", "purchase", "what is every record: view, cart …?", NOT_SURE)


_OF_PURCHASES = OF_THE_EVENT - {"event", "visit", "hit", "click", "derived"}


def _questions(
    lines: Mapping[str, Line], types: EventTypes, keys: Sequence[Key], shapes: Sequence[Shape]
) -> Iterable[str]:
    for canonical in ("event_at", "customer_id"):
        line = lines.get(canonical)
        if line is None:
            hint = _hint(canonical, lines, shapes)
            yield f"Which column is {canonical}? None looks like it{hint}"
        elif not line.is_active:
            yield f"Is '{line.shape.name}' the {canonical}? {_sentence(line.reason)}"
    for key in keys:
        if key.confidence == NOT_SURE and key.name == "event_at_formats" and key.value:
            yield f"Day or month first in '{lines['event_at'].shape.name}'? {_first(lines)}"
        if key.confidence == NOT_SURE and key.name == "event_type":
            yield "What is every record: a view, a cart, a purchase? Say event_type"
    kind = lines.get("event_type")
    if kind is not None and kind.is_active and types.unknown:
        yield f"What do these mean in '{kind.shape.name}': {', '.join(types.unknown)}?"
    elif kind is not None and not kind.is_active:
        yield f"Is '{kind.shape.name}' the event type? No value of it is a known one"
    if kind is None:
        yield from _states(shapes)
    for line in lines.values():
        if line.canonical not in ("event_at", "customer_id", "event_type") and not line.is_active:
            yield f"Is '{line.shape.name}' the {line.canonical}? {_sentence(line.reason)}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _hint(canonical: str, lines: Mapping[str, Line], shapes: Sequence[Shape]) -> str:
    """Return a hint for finding a required column; empty without one."""
    if canonical == "event_at":
        customer = lines.get("customer_id")
        is_list = customer is not None and len(customer.shape.values) == customer.shape.filled > 1
        return "; one record a customer: a list of customers, no log?" if is_list else ""
    session = lines.get("session_id")
    if session:
        return f"; '{session.shape.name}' would make each session a customer"
    taken = {line.shape.name for line in lines.values()}
    likely = [s.name for s in shapes if s.name not in taken and _may_be_customers(s)]
    return f"; by their values {', '.join(likely[:_MOST_HINTS])} might be" if likely else ""


def _may_be_customers(shape: Shape) -> bool:
    """Whether values look like ids that repeat, as customers' do."""
    is_id = shape.kind in (TEXT, WHOLE) and not shape.blank_share
    return is_id and _FEWEST_CUSTOMERS <= len(shape.values) <= _MOST_DISTINCT * shape.filled


def _first(lines: Mapping[str, Line]) -> str:
    shape = lines["event_at"].shape
    return f"{shape.examples[0]} may be {' or '.join((*shape.patterns, *shape.other_patterns))}"


def _states(shapes: Sequence[Shape]) -> Iterable[str]:
    """Ask about cancelled or returned orders, which would count as purchases."""
    for shape in shapes:
        if shape.kind != TEXT or not STATES.intersection(words(shape.name)):
            continue
        undone = {v: n for v, n in shape.values.items() if _is_undone(v)}
        if undone:
            yield (
                f"{sum(undone.values()):,} records have '{shape.name}' {', '.join(undone)}: each"
                " counts as a purchase unless you take them out"
            )


def _is_undone(state: str) -> bool:
    return any(word in state.casefold() for word in _UNDONE_WORDS)


def _notes(lines: Mapping[str, Line], shapes: Sequence[Shape]) -> Iterable[str]:
    time, customer = lines.get("event_at"), lines.get("customer_id")
    if time is not None and time.shape.kind == TIME and not _has_zone(time.shape):
        yield f"'{time.shape.name}' has no time zone: read as UTC, unless timezone says another"
    if "unit_price" not in lines:
        yield "no column of prices was found: revenue would be 0"
    for line in lines.values():
        if line.shape.missing:
            words_ = ", ".join(repr(w) for w in line.shape.missing)
            yield f"'{line.shape.name}': {words_} stand for no value"
    if customer is not None:
        yield from _customer_notes(customer.shape)
    clock = next((s for s in shapes if _is_clock(s)), None)
    if clock is not None and time is not None and not _has_hours(time.shape):
        yield f"'{clock.name}' has the time of day; only the date in '{time.shape.name}' is read"


def _customer_notes(shape: Shape) -> Iterable[str]:
    usual = shape.filled / len(shape.values) if shape.values else 0
    for value in _NOBODY:
        share = shape.values[value] / shape.filled if shape.filled else 0
        if share > _NOBODY_SHARE and shape.values[value] > _MANY_TIMES * usual:
            yield f"'{shape.name}' is {value} in {share:.0%} of the records: no customer?"


def _has_zone(shape: Shape) -> bool:
    return all(p.startswith("unix") or p[-1] in "zX" for p in patterns(shape))


def _has_hours(shape: Shape) -> bool:
    return any(p.startswith("unix") or "H" in p or "h" in p for p in patterns(shape))


def _is_clock(shape: Shape) -> bool:
    first = list(shape.values)[:20]
    return bool(first) and all(_looks_like_clock(v) for v in first)


def _looks_like_clock(value: str) -> bool:
    parts = value.split(":")
    return len(parts) in (2, 3) and all(p.isdigit() and len(p) <= 2 for p in parts)
