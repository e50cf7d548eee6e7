"""Values within nested ones, by a path such as `event_params.ga_session_id` or `items.price`.

A list of objects of `key` and `value` is read as one object, as analytics exports write their
parameters. Of an object of string_value, int_value …, the value that isn't null counts.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from custseg_spark.core.mappings.mapping import SourceMapping

_TYPED = "_value"


def paths(mapping: SourceMapping) -> tuple[str, ...]:
    """Return the mapping's columns that may be paths."""
    return tuple(dict.fromkeys(c for c in mapping.columns.values() if "." in c))


def root(path: str) -> str:
    """Return the column that a path begins with."""
    return path.partition(".")[0]


def with_paths(columns: Collection[str], mapping: SourceMapping) -> set[str]:
    """Return a source's columns, and the mapping's paths that begin with one of them."""
    return {*columns, *(path for path in paths(mapping) if root(path) in columns)}


def value_at(record: Mapping[str, Any], path: str) -> Any:
    """Return the value of a path in an object, else None. A key may be the whole path."""
    if path in record:
        return record[path]
    value: Any = record
    for name in path.split("."):
        value = _member(value, name)
    return _given(value)


def _member(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    if isinstance(value, list):
        pairs = (pair for pair in value if isinstance(pair, Mapping) and pair.get("key") == name)
        return next((pair.get("value") for pair in pairs), None)
    return None


def _given(value: Any) -> Any:
    if isinstance(value, Mapping) and value and all(key.endswith(_TYPED) for key in value):
        return next((one for one in value.values() if one is not None), None)
    return value


def exploded(record: Mapping[str, Any], nested: str) -> Iterator[Mapping[str, Any]]:
    """Return an object per item of the list under `nested`; the object itself without items."""
    items = record.get(nested)
    if not isinstance(items, list) or not items:
        yield {key: value for key, value in record.items() if key != nested or value}
        return
    for item in items:
        yield {**record, nested: item}
