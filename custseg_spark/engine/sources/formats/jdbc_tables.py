"""A database's table: its columns, and a fingerprint that the database computes.

The fingerprint is the number of rows and, for each column, the number of values, the least, the
greatest and, for whole and decimal numbers, the sum.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import SparkSession
from pyspark.sql.types import (
    ArrayType,
    DateType,
    DecimalType,
    FractionalType,
    IntegralType,
    MapType,
    NumericType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.columns import check_columns
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats.jdbc_queries import (
    described,
    explained,
    one_row,
    reader,
    relation,
    table_name,
)
from custseg_spark.engine.spark.session import quoted_for
from custseg_spark.errors import ConfigurationError, InputError, nearest
from custseg_spark.paths import Remote, is_database

_RANGED = (NumericType, DateType, TimestampType, TimestampNTZType)
_COUNT, _LEAST, _GREATEST = "COUNT({})", "MIN({})", "MAX({})"
# Only the beginning of a text; types without an order are compared as text.
_LEAST_TEXT, _GREATEST_TEXT = "MIN(CAST({} AS CHAR(64)))", "MAX(CAST({} AS CHAR(64)))"
# Wider than the column, so that no database overflows.
_SUM = "SUM(CAST({} AS DECIMAL(38, 4)))"
_TABLES = (
    "SELECT table_name FROM information_schema.tables"
    " WHERE LOWER(table_schema) NOT IN ('information_schema', 'pg_catalog')"
)


@dataclass(frozen=True)
class JdbcTable(SourceFile):
    """A table: its columns, its number of rows, and the bounds of the partition column.

    `sha256` hashes its fingerprint, URL and condition.
    """

    fields: tuple[StructField, ...] = ()
    records: int = 0
    ranged: StructField | None = None
    bounds: tuple[str | None, str | None] = (None, None)


def tables(spark: SparkSession, mapping: MappingFile) -> list[JdbcTable]:
    """Return the mapping's table in each of its databases.

    Raises InputError for an unreachable database, an absent table or column, and a mapped column
    that holds more than one value; ConfigurationError for a partition column of a type without
    ranges.
    """
    return [_table_of(spark, url, mapping) for url in mapping.path if is_database(url)]


def _table_of(spark: SparkSession, url: str, mapping: MappingFile) -> JdbcTable:
    fields = fields_of(spark, url, mapping)
    ranged = _partition_column(fields, mapping, described(url, mapping))
    names = quoted_for(spark, url, [f.name for f in fields])
    measures = [(f, m.format(n)) for f, n in zip(fields, names, strict=True) for m in _measures(f)]
    values = one_row(spark, url, mapping, ["COUNT(*)", *(sql for _, sql in measures)])
    bounds = [v for (f, sql), v in zip(measures, values[1:], strict=True)
              if f is ranged and not sql.startswith(("COUNT", "SUM"))]  # fmt: skip
    key = repr((url, table_name(mapping), [f.simpleString() for f in fields], values))
    return JdbcTable(
        Remote(url),
        "jdbc",
        0,
        hashlib.sha256(key.encode()).hexdigest(),
        named_outright=True,
        fields=tuple(fields),
        records=int(values[0] or 0),
        ranged=ranged,
        bounds=(bounds[0], bounds[1]) if bounds else (None, None),
    )


def fields_of(spark: SparkSession, url: str, mapping: MappingFile) -> Sequence[StructField]:
    """Return the table's columns, checked against the mapping."""
    where = described(url, mapping)
    if not mapping.table:
        raise ConfigurationError(f"source {mapping.name}: a database takes a table (key 'table')")
    try:
        with explained(url, mapping):
            table = reader(spark, url, mapping).option("dbtable", relation(mapping)).load()
    except InputError as error:
        raise InputError(f"{error}{_hint(spark, url, mapping)}") from error
    fields = table.schema.fields
    names = [f.name for f in fields]
    check_columns(named(names, mapping).values(), mapping, f"{where}: the table")
    folded = [name.lower() for name in names]
    twice = [name for name in names if folded.count(name.lower()) > 1]
    if twice:
        raise InputError(f"{where} has the column '{twice[0]}' twice (case aside)")
    mapped = set(mapping.columns.values())
    for field, name in zip(fields, named(names, mapping).values(), strict=True):
        if name in mapped and isinstance(field.dataType, ArrayType | MapType | StructType):
            kind = field.dataType.simpleString()
            raise InputError(f"{where}: the column '{name}' is {kind}; expected a single value")
    return fields


def _hint(spark: SparkSession, url: str, mapping: MappingFile) -> str:
    """Name the nearest table, if the database lists its tables."""
    try:
        with explained(url, mapping):
            rows = reader(spark, url, mapping).option("query", _TABLES).load().collect()
    except InputError:
        return ""
    table = mapping.table.rpartition(".")[2]
    names = {row[0] for row in rows}
    return nearest(table, names) if table.lower() not in {n.lower() for n in names} else ""


def named(names: Sequence[str], mapping: MappingFile) -> dict[str, str]:
    """Return the database's names of the mapping's columns; some databases change the case."""
    folded = {name.lower(): name for name in names}
    renamed = {folded[c.lower()]: c for c in mapping.columns.values()
           if c not in names and c.lower() in folded}  # fmt: skip
    return {name: renamed.get(name, name) for name in names}


def _measures(field: StructField) -> list[str]:
    """Return a column's part of the fingerprint."""
    type_ = field.dataType
    if isinstance(type_, IntegralType | DecimalType):
        return [_COUNT, _LEAST, _GREATEST, _SUM]
    # Sums of floating numbers depend on the order of adding.
    if isinstance(type_, FractionalType | DateType | TimestampType | TimestampNTZType):
        return [_COUNT, _LEAST, _GREATEST]
    return [_COUNT, _LEAST_TEXT, _GREATEST_TEXT] if isinstance(type_, StringType) else [_COUNT]


def _partition_column(
    fields: Sequence[StructField], mapping: MappingFile, where: str
) -> StructField | None:
    """Return the column whose ranges are read side by side.

    None if one task reads the table, or the mapping has predicates.
    """
    if mapping.jdbc.predicates:
        return None
    named = mapping.jdbc.partition_column
    name = (named or mapping.columns.get("event_at", "")).lower()
    column = next((f for f in fields if f.name.lower() == name), None)
    if named and not column:
        names = [f.name for f in fields]
        raise ConfigurationError(f"{where}: jdbc.partition_column: there is no column '{named}'"
                                 f"{nearest(named, names)}")  # fmt: skip
    if column and not isinstance(column.dataType, _RANGED):
        if named:
            raise ConfigurationError(
                f"{where}: jdbc.partition_column '{named}' is {column.dataType.simpleString()};"
                " expected a number, date or timestamp"
            )
        return None
    return column
