"""A guessed mapping as the text of a mapping file, with a comment where somebody must look."""

import json
import math
import re
from collections.abc import Mapping, Sequence

from custseg_spark.core.mappings.first_records import FirstRecords
from custseg_spark.core.mappings.guessing import Guess, unix_pattern
from custseg_spark.core.mappings.shapes import WHOLE_WITH_POINT, Shape

_NEEDED = ("event_at", "customer_id")
_PREFIXED = re.compile(r"([A-Za-z]+)\d+")
# From so many customers missing on, the usual limit would end the job.
_MANY_MISSING = 0.04
_COMMENT_COLUMN = 44


def mapping_file(head: FirstRecords, found: Sequence[Shape], guess: Guess) -> str:
    """The mapping file: keys, [columns], [event_types] or what else tells the type, [returns]."""
    by_name = {shape.name: shape for shape in found}
    mapped = {c: by_name[source] for c, source in guess.columns.items()}
    lines = [
        "# Proposed by custseg preview from the first"
        f" {len(head.rows):,} records; read it before use.",
        *_keys(head, mapped),
        *_columns(found, mapped),
        *_event_types(guess, mapped),
        *_returns(head, mapped),
    ]
    return "\n".join(lines) + "\n"


def _keys(head: FirstRecords, mapped: Mapping[str, Shape]) -> list[str]:
    lines: list[str] = []
    if head.table:
        lines.append(_line("table", head.table))
    elif head.delimiter != ",":
        lines.append(_line("delimiter", head.delimiter))
    if head.has_line_breaks and not head.table:
        lines.append(_commented("multiline = true", "a quoted value holds a line break"))
    lines.append(_formats(mapped.get("event_at")))
    if "event_type" not in mapped:
        lines.append(_commented('event_type = "purchase"', "what every record is: view, cart …"))
    with_point = [c for c, shape in mapped.items() if shape.kind == WHOLE_WITH_POINT]
    whole = [c for c in with_point if c not in ("unit_price", "discount")]
    if whole:
        lines.append(_commented(_line("whole_numbers", whole), "17850.0 is read as 17850"))
    optional = [c for c, shape in mapped.items() if shape.blank_share and c not in _NEEDED]
    if optional:
        lines.append(_line("optional_columns", optional))
    missing = mapped["customer_id"].blank_share if "customer_id" in mapped else 0.0
    if missing > _MANY_MISSING:
        share = min(1.0, math.ceil(20 * missing + 0.5) / 20)
        lines.append(
            _commented(f"max_rejected_share = {share}", f"{missing:.1%} here have no customer")
        )
    return lines


def _formats(shape: Shape | None) -> str:
    if shape is None:
        return _commented("event_at_formats = []", "no column of times was found")
    formats = list(shape.patterns) or list(filter(None, [unix_pattern(shape)]))
    return _commented(_line("event_at_formats", formats), shape.doubt)


def _columns(found: Sequence[Shape], mapped: Mapping[str, Shape]) -> list[str]:
    lines = ["", "[columns]"]
    lines += [f'# {c} = "…" is needed: which column?' for c in _NEEDED if c not in mapped]
    lines += [_commented(_line(c, s.name), _of_a_line(c, s, mapped)) for c, s in mapped.items()]
    taken = {shape.name for shape in mapped.values()}
    left = [shape.name for shape in found if shape.name not in taken]
    return [*lines, f"# not mapped: {', '.join(left)}"] if left else lines


def _of_a_line(canonical: str, shape: Shape, mapped: Mapping[str, Shape]) -> str:
    """A doubt about an amount that isn't called a price beside a quantity."""
    doubtful = canonical == "unit_price" and "price" not in shape.name.lower()
    return "if it is of all pieces, leave quantity out" if doubtful and "quantity" in mapped else ""


def _event_types(guess: Guess, mapped: Mapping[str, Shape]) -> list[str]:
    if "event_type" not in mapped:
        return []
    counts = mapped["event_type"].values
    known = [_line(json.dumps(v, ensure_ascii=False), k) for v, k in guess.event_types.items() if k]
    unknown = [
        f"# {json.dumps(v, ensure_ascii=False)} = …  {counts[v]:,} records, refused as it stands"
        for v, k in guess.event_types.items()
        if not k
    ]
    return ["", "[event_types]", *known, *unknown]


def _returns(head: FirstRecords, mapped: Mapping[str, Shape]) -> list[str]:
    """What marks returns among purchases, if quantities below 0 show that there are any."""
    if "quantity" not in mapped or not any(v.startswith("-") for v in mapped["quantity"].values):
        return []
    lines = ["", "[returns]", "negative_quantity = true"]
    prefix = _prefix_of_returns(head, mapped)
    if prefix:
        lines.append(_line("order_id_prefix", prefix))
    return lines


def _prefix_of_returns(head: FirstRecords, mapped: Mapping[str, Shape]) -> str:
    """The letters before the order numbers of negative quantities, where no others have them."""
    order = mapped.get("order_id")
    if order is None:
        return ""
    places = [head.columns.index(mapped[c].name) for c in ("order_id", "quantity")]
    signs: dict[str, set[bool]] = {}
    for row in head.rows:
        if len(row) == len(head.columns):
            number, quantity = (row[place].strip() for place in places)
            letters = _PREFIXED.fullmatch(number)
            signs.setdefault(letters[1] if letters else "", set()).add(quantity.startswith("-"))
    only_negative = [prefix for prefix, negative in signs.items() if prefix and negative == {True}]
    return only_negative[0] if len(only_negative) == 1 else ""


def _line(key: str, value: str | Sequence[str]) -> str:
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"


def _commented(line: str, comment: str) -> str:
    return f"{line:<{_COMMENT_COLUMN}} # {comment}" if comment else line
