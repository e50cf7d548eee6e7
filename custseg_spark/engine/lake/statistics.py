"""What Delta's log says of a file's columns: the smallest and largest value, how many are null.

The JSON is Delta's own (its protocol, "Per-file statistics"). Times have microseconds: Delta's own
writer and delta-rs's OPTIMIZE cut them to milliseconds, so that a largest one may lie below the
truth; readers that skip by it add the missing part, and `of_log` does so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Value = str | int | date | datetime
# As Delta cuts its own: an id may be as long as a record.
_LONGEST = 32
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True)
class Bounds:
    """A column's smallest and largest value, None where all are null, and its nulls.

    Bounds, not values: of long text and of files that others wrote they may be a bit too wide.
    """

    smallest: Any
    largest: Any
    nulls: int

    def __or__(self, other: "Bounds") -> "Bounds":
        """The bounds of both together."""
        both = (self, other)
        smallest = [b.smallest for b in both if b.smallest is not None]
        largest = [b.largest for b in both if b.largest is not None]
        return Bounds(
            min(smallest, default=None), max(largest, default=None), self.nulls + other.nulls
        )


def bounds(values: pa.ChunkedArray) -> Bounds:
    """The bounds of a column of text, whole numbers, dates or times."""
    extremes = pc.min_max(values).as_py()
    smallest, largest = extremes["min"], extremes["max"]
    if isinstance(smallest, str):
        smallest, largest = smallest[:_LONGEST], _cut_up(largest)
    return Bounds(smallest, largest, values.null_count)


def _cut_up(text: str) -> str:
    """A short text that no text beginning like this one is greater than."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + _LAST_CHARACTER


def to_json(rows: int, columns: Mapping[str, Bounds]) -> str:
    """A file's statistics as an add action of the log holds them."""
    held = {name: b for name, b in columns.items() if b.smallest is not None}
    return json.dumps(
        {
            "numRecords": rows,
            "minValues": {name: _text(b.smallest) for name, b in held.items()},
            "maxValues": {name: _text(b.largest) for name, b in held.items()},
            "nullCount": {name: b.nulls for name, b in columns.items()},
        }
    )


def _text(value: Value) -> str | int:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value


def of_log(smallest: Any, largest: Any, nulls: int | None) -> Bounds:
    """Bounds as the log holds them, a time's upper one widened to the end of its millisecond."""
    if isinstance(largest, datetime) and largest.microsecond % 1000 == 0:
        largest += timedelta(microseconds=999)
    return Bounds(smallest, largest, nulls or 0)


def of_json(text: str, schema: pa.Schema) -> dict[str, Bounds]:
    """The bounds that `to_json` wrote, of columns of this schema."""
    held = json.loads(text)

    def value(side: str, name: str) -> Any:
        return _value(held[side].get(name), schema.field(name).type)

    return {
        name: Bounds(value("minValues", name), value("maxValues", name), nulls)
        for name, nulls in held["nullCount"].items()
    }


def _value(value: Any, type_: pa.DataType) -> Any:
    if value is not None and pa.types.is_timestamp(type_):
        return datetime.fromisoformat(value)
    if value is not None and pa.types.is_date(type_):
        return date.fromisoformat(value)
    return value
