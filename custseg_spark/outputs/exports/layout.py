"""Reporting tables independent of their target, and the frames that they are made from."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, StructType

from custseg_spark.engine.lake.spark_io import conform, struct_type

_ARROW = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True)
class ReportTable:
    """A reporting table: columns in Spark's DDL, primary key, indexed columns."""

    name: str
    ddl: str
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def columns(self) -> dict[str, str]:
        """Each column's type by its name, in Spark's words; needs no session."""
        return dict(re.findall(r"(\w+)\s+(\w+(?:\(\d+,\s*\d+\))?)", self.ddl))

    @cached_property
    def arrow(self) -> pa.Schema:
        """The columns as an Arrow schema."""
        return pa.schema([(name, _arrow(type_)) for name, type_ in self.columns.items()])

    @cached_property
    def schema(self) -> StructType:
        """The columns as a StructType; parsing DDL needs a running session, so not at import."""
        return struct_type(self.ddl)


def _arrow(type_: str) -> pa.DataType:
    if type_ in _ARROW:
        return _ARROW[type_]
    return pa.decimal128(*map(int, re.findall(r"\d+", type_)))


@dataclass(frozen=True)
class Run:
    """The frames of one run date and algorithm that reporting tables are made of.

    `segments` and `features` have one row per customer, `named` one per living
    segment, `metrics` one per customer: its segment, attributes, metrics and features.
    `events` are all events. `products` and `categories` have a row per place on a segment's list.
    """

    run_date: date
    segments: DataFrame
    features: DataFrame
    metrics: DataFrame
    named: DataFrame
    events: DataFrame
    products: DataFrame
    categories: DataFrame


@dataclass(frozen=True)
class Report:
    """A reporting table, and the function that makes its rows from a run."""

    table: ReportTable
    rows: Callable[[Run], DataFrame]


def in_seconds(times: pa.Array) -> pa.Array:
    """Cut fractions of a second off timestamps; they are midnights and have none."""
    return times.cast(pa.timestamp("s", times.type.tz))


def reported(rows: DataFrame, table: ReportTable) -> DataFrame:
    """Select exactly the table's columns, ordered by its key; NaN becomes null.

    The order doesn't depend on the partitioning: equal tables give equal files, and an index that
    is filled in its own order grows at its end only.
    """
    doubles = [f.name for f in table.schema.fields if isinstance(f.dataType, DoubleType)]
    numbers = {name: F.nanvl(name, F.lit(None)) for name in doubles}
    return conform(rows.withColumns(numbers), table.schema).orderBy(*table.key)
