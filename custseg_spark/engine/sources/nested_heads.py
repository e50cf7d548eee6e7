"""The first objects of a file with nested values, as records with a column for each path.

So that guessing sees `items.price` and `event_params.ga_session_id`, as a mapping names them.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from custseg_spark.core.events.nested_values import exploded, value_at

# Lists of records by their usual names; of several the first of these.
_USUAL = ("items", "line_items", "products", "purchases", "events", "orders", "transactions")
# Values further down are hardly columns.
_DEEPEST = 3
_TYPED = "_value"

Cells = Mapping[str, str | None]


def objects(records: Sequence[Cells]) -> list[dict[str, Any]]:
    """Records whose nested values are texts of JSON, with these as values."""
    return [{name: _value(text) for name, text in record.items()} for record in records]


def nested_key(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the key under which the records of objects are: a list of objects; empty for none."""
    keys = Counter(
        key for record in records for key, value in record.items() if _is_list_of_records(value)
    )
    usual = [key for key in _USUAL if key in keys]
    return usual[0] if usual else next((key for key, _ in keys.most_common(1)), "")


def flat_records(records: Sequence[Mapping[str, Any]], nested: str) -> list[dict[str, str | None]]:
    """Return a record an item of the list under `nested`, its values by their paths."""
    items = [item for record in records for item in exploded(record, nested)]
    paths = list(dict.fromkeys(path for item in items for path in _paths(item, "", 1)))
    return [{path: _text(value_at(item, path)) for path in paths} for item in items]


def _value(text: str | None) -> Any:
    if not text or text[0] not in "{[":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_pair(value: Any) -> bool:
    return isinstance(value, Mapping) and "key" in value and "value" in value


def _is_list_of_records(value: Any) -> bool:
    is_list = isinstance(value, list) and bool(value)
    return is_list and all(isinstance(item, Mapping) and not _is_pair(item) for item in value)


def _paths(record: Mapping[str, Any], above: str, depth: int) -> Iterator[str]:
    """Yield the paths of a record's values, in nested objects and key-value pairs too."""
    for key, value in record.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping) and depth < _DEEPEST and not _is_typed(value):
            yield from _paths(value, f"{path}.", depth + 1)
        elif isinstance(value, list) and value and all(map(_is_pair, value)):
            yield from (f"{path}.{pair['key']}" for pair in value)
        else:
            yield path


def _is_typed(value: Mapping[str, Any]) -> bool:
    """Whether an object only says of what type its one value is."""
    return bool(value) and all(key.endswith(_TYPED) for key in value)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    is_plain = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_plain else json.dumps(value, default=str)
