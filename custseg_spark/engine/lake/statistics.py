"""Column statistics of a file in Delta's log: smallest and largest value, number of nulls.

The JSON is Delta's own (its protocol, "Per-file statistics"). Our times have microseconds; Delta's
own writer and delta-rs's OPTIMIZE cut them to milliseconds, so that a maximum may be below the
truth. Readers that skip by it add the missing part, and so does `of_log`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Value = str | int | date | datetime
# Delta's own limit: an id may be as long as a record.
_LONGEST = 32
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True)
class Bounds:
    """A column's smallest and largest value, None if all are null, and its number of nulls.

    Bounds may be a bit too wide for long text and for files by other writers.
    """

    smallest: Any
    largest: Any
    nulls: int

    def __or__(self, other: "Bounds") -> "Bounds":
        """Return the bounds of both together."""
        both = (self, other)
        smallest = [b.smallest for b in both if b.smallest is not None]
        largest = [b.largest for b in both if b.largest is not None]
        return Bounds(
            min(smallest, default=None), max(largest, default=None), self.nulls + other.nulls
        )


def bounds(values: pa.ChunkedArray) -> Bounds:
    """Return the bounds of a column of text, whole numbers, dates or times."""
    extremes = pc.min_max(values).as_py()
    smallest, largest = extremes["min"], extremes["max"]
    if isinstance(smallest, str):
        smallest, largest = smallest[:_LONGEST], _cut_up(largest)
    return Bounds(smallest, largest, values.null_count)


def _cut_up(text: str) -> str:
    """Return a short text that is an upper bound of all texts with this beginning."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + _LAST_CHARACTER


def to_json(rows: int, columns: Mapping[str, Bounds]) -> str:
    """Return a file's statistics in the form of the log's add action."""
    bounded = {name: b for name, b in columns.items() if b.smallest is not None}
    return json.dumps(
        {
            "numRecords": rows,
            "minValues": {name: _text(b.smallest) for name, b in bounded.items()},
            "maxValues": {name: _text(b.largest) for name, b in bounded.items()},
            "nullCount": {name: b.nulls for name, b in columns.items()},
        }
    )


def _text(value: Value) -> str | int:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value


def of_log(smallest: Any, largest: Any, nulls: int | None) -> Bounds:
    """Read bounds from the log; a time's upper bound is widened to the end of its millisecond."""
    if isinstance(largest, datetime) and largest.microsecond % 1000 == 0:
        largest += timedelta(microseconds=999)
    return Bounds(smallest, largest, nulls or 0)


def of_json(text: str, schema: pa.Schema) -> dict[str, Bounds]:
    """Read the bounds that `to_json` wrote, for columns of this schema."""
    content = json.loads(text)

    def value(side: str, name: str) -> Any:
        return _value(content[side].get(name), schema.field(name).type)

    return {
        name: Bounds(value("minValues", name), value("maxValues", name), nulls)
        for name, nulls in content["nullCount"].items()
    }


def _value(value: Any, type_: pa.DataType) -> Any:
    if value is not None and pa.types.is_timestamp(type_):
        return datetime.fromisoformat(value)
    if value is not None and pa.types.is_date(type_):
        return date.fromisoformat(value)
    return value
