"""Spark's text of Arrow columns; no Spark needed to write it."""

from collections.abc import Callable

import pyarrow as pa

from custseg_spark.engine.lake import columns
from custseg_spark.engine.lake.columns import TIME, Table

# Polars' strings and lists are the large ones; in a Parquet file there is no difference.
_SIMPLE: dict[pa.DataType, str] = {
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.large_string(): "string",
    pa.string_view(): "string",
    pa.binary(): "binary",
    pa.large_binary(): "binary",
    pa.date32(): "date",
    TIME: "timestamp",
}


def ddl(table: Table) -> str:
    """Return the table's columns as Spark's DDL."""
    return ddl_of(table.schema)


def ddl_of(schema: pa.Schema) -> str:
    """Return columns as Spark's DDL."""
    return ", ".join(f"{field.name} {ddl_type(field.type)}" for field in schema)


def ddl_type(type_: pa.DataType) -> str:
    """Spark's name of a type, the same whatever may be null. Raises TypeError where it has none."""
    if type_ in _SIMPLE:
        return _SIMPLE[type_]
    for is_nested, text in _NESTED.items():
        if is_nested(type_):
            return text(type_)
    raise TypeError(f"no column of a table can be {type_}")


def _struct(type_: pa.DataType) -> str:
    fields = ", ".join(f"{field.name}: {ddl_type(field.type)}" for field in type_)
    return f"struct<{fields}>"


def _list(type_: pa.DataType) -> str:
    return f"array<{ddl_type(type_.value_type)}>"


_NESTED: dict[Callable[[pa.DataType], bool], Callable[[pa.DataType], str]] = {
    pa.types.is_decimal128: lambda type_: f"decimal({type_.precision},{type_.scale})",
    pa.types.is_list: _list,
    pa.types.is_large_list: _list,
    pa.types.is_map: lambda type_: f"map<{ddl_type(type_.key_type)}, {ddl_type(type_.item_type)}>",
    pa.types.is_struct: _struct,
}

# Spark's text of amounts, for frames.
MONEY, MONEY_SUM, MONEY_SQUARES = map(
    ddl_type, (columns.MONEY, columns.MONEY_SUM, columns.MONEY_SQUARES)
)
