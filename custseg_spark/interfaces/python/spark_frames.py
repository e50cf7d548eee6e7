"""Frames of the caller's session: tables of a lake, and what a kernel makes of a frame."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import NumericType

from custseg_spark.engine.lake.ddl import ddl_type
from custseg_spark.engine.lake.lake import Lake as SparkTables
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, CUSTOMER_SEGMENTS
from custseg_spark.engine.sources.formats.parquet import quoted
from custseg_spark.engine.spark import tasks
from custseg_spark.errors import InputError, nearest
from custseg_spark.interfaces.python.tables import LakeTables

Kernel = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.Table]]


def customers(lake: LakeTables, run_date: date, algorithm: str, *, features: bool) -> DataFrame:
    """The rows of `customer_segments` of a run and algorithm; with `features`, those of
    `customer_features` beside them."""
    tables = SparkTables(lake.spark, lake.config)
    of_date = F.col("run_date") == F.lit(run_date)
    segments = tables.read(CUSTOMER_SEGMENTS).where(of_date & (F.col("algorithm") == algorithm))
    if not features:
        return segments
    beside = tables.read(CUSTOMER_FEATURES).where(of_date)
    others = [c for c in beside.columns if c == "customer_id" or c not in segments.columns]
    return segments.join(beside.select(*others), "customer_id", how="left")


def map_customers(
    frame: DataFrame, ids: Sequence[str], numbers: Sequence[str], kernel: Kernel, made: pa.Schema
) -> DataFrame:
    """What the kernel makes of the frame's ids and numbers; lazily, as every frame of Spark's.

    The result has the ids and then the columns of `made`. Raises InputError for a column that
    isn't there, or isn't one of numbers.
    """
    types = {field.name: field.dataType for field in frame.schema.fields}
    for name in numbers:
        if name not in types:
            raise InputError(f"the frame has no column '{name}', which the model reads"
                             f"{nearest(name, types)}")  # fmt: skip
        if not isinstance(types[name], NumericType):
            raise InputError(
                f"the column '{name}' is {types[name].simpleString()}; expected numbers"
            )
    ours = [f"{field.name} {ddl_type(field.type)}" for field in made]
    ddl = ", ".join([*(f"{quoted(i)} {types[i].simpleString()}" for i in ids), *ours])
    columns = list(dict.fromkeys([*ids, *numbers]))
    return tasks.map_partitions(frame.select(*map(quoted, columns)), kernel, ddl)
