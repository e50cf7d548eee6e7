"""Write a guessed mapping as a mapping file, with a comment at each doubt."""

import json
import math
import re
from collections.abc import Mapping, Sequence

from custseg_spark.core.mappings.first_records import FirstRecords
from custseg_spark.core.mappings.guesses import NOT_SURE, SURE, Guess, Key, Line
from custseg_spark.core.mappings.mapping import MISSING_IDS
from custseg_spark.core.mappings.shapes import WHOLE_WITH_POINT, Shape
from custseg_spark.core.mappings.vocabularies import IGNORED

_USUAL = {word.lower() for word in MISSING_IDS}
_NEEDED = ("event_at", "customer_id")
# These can't be blank, whatever a mapping says.
_NEVER_OPTIONAL = (*_NEEDED, "event_type")
_PREFIXED = re.compile(r"([A-Za-z]+)\d+")
# With a larger share of missing customers, the usual limit would end the job.
_MANY_MISSING = 0.04
_COMMENT_COLUMN = 44


def mapping_file(head: FirstRecords, columns: Sequence[Shape], guess: Guess) -> str:
    """Write the mapping file: keys, [columns], [event_types] or a fixed type, [returns].

    Uncertain lines are commented out and begin with `#?`.
    """
    lines = [
        "# Proposed by custseg preview from the first"
        f" {len(head.rows):,} records; read it before use.",
        *(_remark(f"To answer: {question}") for question in guess.questions),
        *(_remark(f"To know: {note}") for note in guess.notes),
        *_layout(head),
        *_keys(guess),
        *_columns(columns, guess),
        *_event_types(guess),
        *_returns(head, guess.active),
    ]
    return "\n".join(lines) + "\n"


def _layout(head: FirstRecords) -> list[str]:
    lines = []
    if len(head.sheets) > 1:
        names = ", ".join(f"'{name}'" for name in head.sheets)
        lines.append(_commented('sheets = "all"', f"of {names} those that have these columns"))
    elif head.table and not head.sheets:
        lines.append(_line("table", head.table))
    elif head.delimiter != ",":
        lines.append(_line("delimiter", head.delimiter))
    if head.has_line_breaks and not head.table:
        lines.append(_commented("multiline = true", "a quoted value holds a line break"))
    if head.header_row > 1:
        lines.append(
            _commented(f"header_row = {head.header_row}", "what stands above is no record")
        )
    if not head.has_header:
        comment = "the first line is a record; these names are ours"
        lines.append(_commented(_line("columns_without_header", head.columns), comment))
    if head.nested:
        lines.append(_line("nested", head.nested))
    return lines


def _keys(guess: Guess) -> list[str]:
    lines = [_key(key) for key in guess.keys]
    active, ignored = guess.active, guess.event_types.ignored
    if ignored and "event_type" in active:
        lines.append(_commented(_line("ignored_event_types", ignored), "known and not wanted"))
    with_point = [c for c, shape in active.items() if shape.kind == WHOLE_WITH_POINT]
    whole = [c for c in with_point if c not in ("unit_price", "discount", "net_amount")]
    if whole:
        lines.append(_commented(_line("whole_numbers", whole), "17850.0 is read as 17850"))
    optional = [c for c, shape in active.items() if shape.blank_share and c not in _NEVER_OPTIONAL]
    if optional:
        lines.append(_line("optional_columns", optional))
    unusual = {w: 0 for s in active.values() for w in s.missing if w.lower() not in _USUAL}
    if unusual:
        lines.append(_line("missing_values", [*MISSING_IDS, *unusual]))
    missing = active["customer_id"].blank_share if "customer_id" in active else 0.0
    if missing > _MANY_MISSING:
        share = min(1.0, math.ceil(20 * missing + 0.5) / 20)
        lines.append(
            _commented(f"max_rejected_share = {share}", f"{missing:.1%} here have no customer")
        )
    return lines


def _key(key: Key) -> str:
    line = _line(key.name, key.value)
    return _commented(f"#? {line}" if key.confidence == NOT_SURE else line, key.comment)


def _columns(columns: Sequence[Shape], guess: Guess) -> list[str]:
    lines = ["", "[columns]"]
    lines += [f'#? {c} = "…" is needed: which column?' for c in _NEEDED if c not in guess.lines]
    lines += [_column(line) for line in guess.lines.values()]
    taken = {line.shape.name for line in guess.lines.values()}
    left = [shape.name for shape in columns if shape.name not in taken]
    return [*lines, _remark(f"not mapped: {', '.join(left)}")] if left else lines


def _column(line: Line) -> str:
    text = _line(line.canonical, line.shape.name)
    if line.confidence == SURE:
        return text
    comment = f"{line.confidence}: {line.reason}"
    return _commented(text if line.is_active else f"#? {text}", comment)


def _event_types(guess: Guess) -> list[str]:
    kind = guess.lines.get("event_type")
    if kind is None:
        return []
    counts, types = kind.shape.values, guess.event_types
    mark = "" if kind.is_active else "#? "
    lines = ["", f"{mark}[event_types]"]
    lines += [f"{mark}{_line(_quoted(v), k)}" for v, k in types.known.items()]
    return lines + [_unknown(v, hint, counts[v]) for v, hint in types.unknown.items()]


def _unknown(value: str, hint: str, records: int) -> str:
    """Write the line of an unknown value, with its possible meanings."""
    if hint == IGNORED:
        line, hint = f"#? ignored_event_types = [{_quoted(value)}]", "above [columns]; "
    else:
        kind, _, hint = hint.partition(": ")
        line = f"#? {_quoted(value)} = {_quoted(kind or '…')}"
    return _commented(line, f"{hint}{records:,} records, refused as it stands")


def _returns(head: FirstRecords, mapped: Mapping[str, Shape]) -> list[str]:
    """Write the signs of returns, if negative quantities show that there are returns."""
    if "quantity" not in mapped or not any(v.startswith("-") for v in mapped["quantity"].values):
        return []
    lines = ["", "[returns]", "negative_quantity = true"]
    prefix = _prefix_of_returns(mapped)
    if prefix:
        lines.append(_line("order_id_prefix", prefix))
    return lines


def _prefix_of_returns(mapped: Mapping[str, Shape]) -> str:
    """Return the letters before order numbers that occur only with negative quantities."""
    order = mapped.get("order_id")
    if order is None:
        return ""
    signs: dict[str, set[bool]] = {}
    for number, quantity in zip(order.cells, mapped["quantity"].cells, strict=True):
        letters = _PREFIXED.fullmatch(number)
        signs.setdefault(letters[1] if letters else "", set()).add(quantity.startswith("-"))
    only_negative = [prefix for prefix, negative in signs.items() if prefix and negative == {True}]
    return only_negative[0] if len(only_negative) == 1 else ""


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _line(key: str, value: object) -> str:
    """Write a line of TOML; JSON's texts, numbers and lists are valid TOML, but for DEL."""
    return f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")


def _commented(line: str, comment: str) -> str:
    return f"{line:<{_COMMENT_COLUMN}} {_remark(comment)}" if comment else line


def _remark(text: str) -> str:
    """Write a comment in one line, whatever characters a column's name has."""
    return "# " + "".join(c if c.isprintable() else " " for c in text)
