"""Dataclasses of nested mappings, every value of the field's type."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from datetime import date
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

from custseg_spark.errors import ConfigurationError, closest, nearest

T = TypeVar("T")

# A column of numbers holds no larger one.
_LARGEST = 2**63 - 1


def typed(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """A dataclass built from a mapping: unknown keys and wrong types are ConfigurationErrors."""
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    arguments = {}
    for key, value in values.items():
        if key not in fields:
            raise ConfigurationError(f"{where}: unknown key '{key}'{_nearest_key(key, cls)}")
        arguments[key] = _coerce(value, fields[key].type, f"{where}: {key}")
    missing = [
        name
        for name, f in fields.items()
        if name not in values
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigurationError(f"{where}: missing key '{missing[0]}'")
    return cls(**arguments)


def _coerce(value: Any, type_: Any, where: str) -> Any:
    _check_value(value, where)
    if dataclasses.is_dataclass(type_) and isinstance(value, Mapping):
        return typed(type_, value, where)  # type: ignore[arg-type]
    origin = get_origin(type_)
    if origin is UnionType:
        return None if value is None else _coerce(value, get_args(type_)[0], where)
    if origin is tuple:
        kind = get_args(type_)[0]
        items = [value] if isinstance(value, str) else value
        # By isinstance a bool would be an int.
        if isinstance(items, Sequence) and all(type(i) is kind for i in items):
            return tuple(items)
        is_list = isinstance(items, Sequence) and not isinstance(items, str)
        if kind is float and is_list and all(type(i) in (int, float) for i in items):
            return tuple(float(i) for i in items)
    elif origin is not None and isinstance(value, Mapping):
        return dict(value)
    elif type_ is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    elif type_ is date and isinstance(value, str):
        return parse_date(value, where)
    elif type(value) is type_:
        # By isinstance a bool would be an int, and a datetime a date.
        return value
    expected = getattr(type_, "__name__", str(type_))
    raise ConfigurationError(f"{where}: expected {expected}, got {value!r}")


def _check_value(value: Any, where: str) -> None:
    """Raise ConfigurationError for what no setting may be, whatever its type."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigurationError(f"{where}: expected a finite number, got {value}")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ConfigurationError(f"{where}: expected a number of 64 bits")
    if isinstance(value, str) and "\0" in value:
        raise ConfigurationError(f"{where}: expected text without NUL, got {value!r}")
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_value(key, where)
            _check_value(item, f"{where}: {key}")
    elif isinstance(value, list | tuple):
        for item in value:
            _check_value(item, where)


def parse_date(text: str, where: str) -> date:
    """Return a date of `YYYY-MM-DD`; anything else is a ConfigurationError that quotes it."""
    try:
        day = date.fromisoformat(text)
        # It also takes week dates such as 2019-W01-1.
        if day.isoformat() == text:
            return day
    except ValueError:
        pass
    raise ConfigurationError(f"{where}: expected a date as YYYY-MM-DD, got '{text}'")


def _nearest_key(key: str, cls: type[Any]) -> str:
    """The nearest key of a section, else the nearest of its groups, with the group's name."""
    groups = {f.name: f.type for f in dataclasses.fields(cls)}
    if closest(key, groups):
        return nearest(key, groups)
    grouped = {
        inner.name: f"{group}.{inner.name}"
        for group, type_ in groups.items()
        if dataclasses.is_dataclass(type_)
        for inner in dataclasses.fields(type_)
    }
    close = closest(key, grouped)
    return f"; did you mean '{grouped[close]}'?" if close else nearest(key, groups)
