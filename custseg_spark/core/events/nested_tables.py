"""Nested columns of tables as plain ones: a row for each item of a list, a column for each path."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from custseg_spark.core.events.nested_values import paths, root
from custseg_spark.core.events.records import Ints
from custseg_spark.core.events.tables import column_texts
from custseg_spark.core.mappings.mapping import SourceMapping


def flattened(table: pa.Table, mapping: SourceMapping) -> pa.Table:
    """Return the table with a text column for each of the mapping's paths beside the nested
    ones."""
    if mapping.explodes and mapping.nested in table.column_names:
        table = _exploded(table, mapping.nested)
    for path in paths(mapping):
        if path not in table.column_names and root(path) in table.column_names:
            names = path.split(".")
            table = table.append_column(path, _at(_whole(table[names[0]]), names[1:]))
    return table


def items_of(lists: pa.ChunkedArray) -> Ints:
    """Return how many rows each row becomes: one per item, one without items."""
    lengths = pc.fill_null(pc.list_value_length(_plain_list(_whole(lists))), 0)
    items: Ints = np.maximum(lengths.to_numpy(zero_copy_only=False).astype(np.int64), 1)
    return items


def _exploded(table: pa.Table, nested: str) -> pa.Table:
    lists = _plain_list(_whole(table[nested]))
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    times = np.maximum(lengths, 1)
    is_item = np.repeat(lengths > 0, times)
    places = np.cumsum(is_item) - 1
    items = pc.list_flatten(lists).take(pa.array(places, mask=~is_item))
    rows = table.take(pa.array(np.repeat(np.arange(len(table)), times)))
    return rows.set_column(table.column_names.index(nested), nested, items)


def _at(column: pa.Array, names: Sequence[str]) -> pa.Array:
    """Return the texts of a path in a nested column; null where the path leads nowhere."""
    for name in names:
        member = _member(column, name)
        if member is None:
            return pa.nulls(len(column), pa.large_string())
        column = member
    return _given(column)


def _member(column: pa.Array, name: str) -> pa.Array | None:
    kind = column.type
    if pa.types.is_struct(kind) and kind.get_field_index(name) >= 0:
        return pc.struct_field(column, name)
    lists = _plain_list(column)
    return _of_key(lists, name) if _is_pairs(lists.type) else None


def _of_key(lists: pa.Array, name: str) -> pa.Array:
    """Return the value of a key in each list of pairs; the first of two."""
    pairs = pc.list_flatten(lists)
    at = np.flatnonzero(
        pc.fill_null(pc.equal(pc.struct_field(pairs, "key"), name), False).to_numpy(
            zero_copy_only=False
        )
    )[::-1]
    rows = pc.list_parent_indices(lists).to_numpy()[at]
    places = np.full(len(lists), -1, np.int64)
    places[rows] = at
    return pc.struct_field(pairs, "value").take(pa.array(places, mask=places < 0))


def _given(column: pa.Array) -> pa.Array:
    """Return a column's texts; of an object of string_value, int_value …, the one not null."""
    kind = column.type
    if pa.types.is_struct(kind) and all(field.name.endswith("_value") for field in kind):
        texts = [column_texts(pc.struct_field(column, f.name))[0].alias(f.name) for f in kind]
        given = pl.DataFrame(texts).select(pl.coalesce(pl.all())).to_series()
    else:
        given = column_texts(column)[0]
    return given.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_string())


def _plain_list(column: pa.Array) -> pa.Array:
    """Return a plain list: a map's pairs; items without the groups that some writers add."""
    kind = column.type
    if pa.types.is_struct(kind) and kind.num_fields == 1 and kind[0].name == "list":
        return _plain_list(pc.struct_field(column, "list"))
    if pa.types.is_map(kind):
        pairs = pa.StructArray.from_arrays([column.keys, column.items], ["key", "value"])
        return pa.ListArray.from_arrays(column.offsets, pairs)
    if _is_list(kind) and pa.types.is_struct(kind.value_type) and kind.value_type.num_fields == 1:
        [inner] = kind.value_type
        if inner.name in ("element", "item"):
            items = pc.struct_field(pc.list_flatten(column), inner.name)
            lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
            offsets = np.concatenate([[0], np.cumsum(lengths)])
            return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), items)
    return column


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_pairs(kind: pa.DataType) -> bool:
    if not _is_list(kind) or not pa.types.is_struct(kind.value_type):
        return False
    return {"key", "value"} <= {field.name for field in kind.value_type}


def _whole(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
