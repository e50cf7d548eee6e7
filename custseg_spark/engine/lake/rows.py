"""Convert between Python rows and Arrow tables, for data that fits on the driver."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa


def rows_of(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    """Build a table from rows of Python values."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.table(
        [_column(values, field.type) for values, field in zip(columns, schema, strict=True)],
        schema=schema,
    )


def _column(values: Sequence[object], type_: pa.DataType) -> pa.Array:
    return pa.array([_plain(value, type_) for value in values], type_)


def _plain(value: object, type_: pa.DataType) -> object:
    """Convert a value for Arrow: tuples of a struct to dicts, maps to pairs."""
    if value is None:
        return None
    if pa.types.is_struct(type_) and isinstance(value, tuple):
        return {f.name: _plain(v, f.type) for f, v in zip(type_, value, strict=True)}
    if pa.types.is_list(type_):
        assert isinstance(value, Sequence)
        return [_plain(v, type_.value_type) for v in value]
    if pa.types.is_map(type_):
        assert isinstance(value, Mapping)
        return [(k, _plain(v, type_.item_type)) for k, v in value.items()]
    return value


def dicts_of(table: pa.Table) -> list[dict[str, Any]]:
    """Return rows as dicts by column; maps become dicts, too."""
    maps = [f.name for f in table.schema if pa.types.is_map(f.type)]
    rows: list[dict[str, Any]] = table.to_pylist()
    for name in maps:
        for row in rows:
            row[name] = None if row[name] is None else dict(row[name])
    return rows
