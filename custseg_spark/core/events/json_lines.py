"""Read JSON lines as records.

Numbers stay text as written: a double would round 12345678901234567.89, and 1e400 would be
infinite.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from custseg_spark.core.events.ids import joined_extras
from custseg_spark.core.events.nested_values import paths, value_at
from custseg_spark.core.events.records import (
    Ints,
    Records,
    malformed_frame,
    text_values,
)
from custseg_spark.core.mappings.mapping import SourceMapping

# The key of a line that isn't a record but a malformed answer, as jobs/fetch.py stores it.
QUARANTINED = "quarantined"
_BYTE_ORDER_MARK = "\ufeff"

JsonRecord = Mapping[str, str | None]


def json_records(content: bytes, mapping: SourceMapping, *, first_row: int) -> Records:
    """Return the records of whole lines; the first is the file's line `first_row`, from 1."""
    lines = [line.strip() for line in content.split(b"\n")]
    if not content or content.endswith(b"\n"):
        lines.pop()
    parsed = _parse(lines, mapping)
    rows = np.array(parsed.places, np.int64) + first_row
    malformed = [(first_row + place, _text_of(lines[place]), d) for place, d in parsed.malformed]

    def raw_text(positions: Ints) -> list[str]:
        return [_text_of(lines[row - first_row]) for row in rows[positions].tolist()]

    return Records(
        text_values(_columns(mapping), parsed.fields),
        rows,
        malformed_frame(malformed),
        raw_text,
        blank=len(lines) - len(rows) - len(malformed),
        extras=pl.Series("extras", parsed.extras, pl.String),
    )


@dataclass
class _Parsed:
    """The records among some lines with their positions, and the lines that are no records."""

    fields: list[list[str | None]] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    malformed: list[tuple[int, str]] = field(default_factory=list)


def _parse(lines: Sequence[bytes], mapping: SourceMapping) -> _Parsed:
    columns = _columns(mapping)
    mapped, taken, inner = set(columns), taken_keys(mapping), paths(mapping)
    parsed = _Parsed()
    for place, line in enumerate(lines):
        if not line:
            continue
        record, defect = json_record(line, taken, inner)
        if defect:
            parsed.malformed.append((place, defect))
        else:
            parsed.fields.append([record.get(name) for name in columns])
            parsed.extras.append(_extras(record, mapped))
            parsed.places.append(place)
    return parsed


def _columns(mapping: SourceMapping) -> list[str]:
    """Return the source's columns, each once: two canonical columns may share one."""
    return list(dict.fromkeys(mapping.columns.values()))


def _text_of(line: bytes) -> str:
    return line.decode(errors="replace")


def _extras(record: JsonRecord, mapped: Collection[str]) -> str:
    values = {name: (record[name] or "").strip(" ") for name in record.keys() - mapped}
    return joined_extras({name: value for name, value in values.items() if value})


def taken_keys(mapping: SourceMapping) -> set[str]:
    """Return the keys of an object whose values may not be lists or objects."""
    columns = set(mapping.columns.values())
    return columns if mapping.explodes else {*columns, mapping.nested}


def json_record(
    line: bytes, taken: Collection[str], inner: Sequence[str] = ()
) -> tuple[JsonRecord, str | None]:
    """Return the texts of a line's object by key, and the code of its defect if it has one.

    A list or an object is a defect under a `taken` key, and its own JSON text under any other.
    `inner` are paths into these, whose values are texts by themselves.
    """
    try:
        text = line.decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError:
        return {}, "invalid_utf8"
    try:
        value = _DECODER.decode(text)
        if not isinstance(value, dict):
            return {}, "invalid_json"
        if QUARANTINED in value:
            return {}, "malformed_answer"
        record = {key: _text(item) for key, item in value.items()}
        record |= {path: _text(value_at(value, path)) for path in inner}
    except (ValueError, RecursionError):
        return {}, "invalid_json"
    if any(isinstance(value.get(key), list | dict) for key in taken):
        return {}, "invalid_json"
    defect = _defect_of_texts(record)
    return ({}, defect) if defect else (record, None)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object with distinct keys: with a repeated key nobody knows which value is meant."""
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key is there twice")
    return record


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_int=str, parse_float=str, parse_constant=str
)


def _text(item: Any) -> str | None:
    if isinstance(item, bool):
        return str(item).lower()
    return item if item is None or isinstance(item, str) else json.dumps(item, sort_keys=True)


def _defect_of_texts(record: JsonRecord) -> str | None:
    everything = "".join([*record, *(v for v in record.values() if v)])
    if "\x00" in everything:
        return "nul_byte"
    # Half of a surrogate pair, such as \ud800, is no text.
    if not everything.isascii() and any("\ud800" <= c <= "\udfff" for c in everything):
        return "invalid_utf8"
    return None
