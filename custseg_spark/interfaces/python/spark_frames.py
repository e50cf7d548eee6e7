"""Frames of the caller's session: tables of a lake, and a kernel's result on a frame."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import NumericType

from custseg_spark.engine.lake.columns import RUN_ID, Table
from custseg_spark.engine.lake.ddl import ddl_type
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, CUSTOMER_SEGMENTS
from custseg_spark.engine.lake.spark_io import SparkLake
from custseg_spark.engine.sources.formats.parquet import quoted
from custseg_spark.engine.spark import tasks
from custseg_spark.errors import InputError, nearest
from custseg_spark.interfaces.python.tables import LakeTables

Kernel = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.Table]]


def customers(lake: LakeTables, run_date: date, algorithm: str, *, features: bool) -> DataFrame:
    """Return the rows of `customer_segments` of a run and algorithm, of a lake at one moment.

    With `features`, they also have the columns of `customer_features`.
    """
    segments = _published(lake, CUSTOMER_SEGMENTS, run_date)
    of_algorithm = segments.where(F.col("algorithm") == algorithm)
    if not features:
        return of_algorithm
    beside = _published(lake, CUSTOMER_FEATURES, run_date)
    others = [c for c in beside.columns if c == "customer_id" or c not in segments.columns]
    return of_algorithm.join(beside.select(*others), "customer_id", how="left")


def _published(lake: LakeTables, table: Table, run_date: date) -> DataFrame:
    """Return the rows of a run date's published run."""
    moment = lake.reader.moment
    rows = SparkLake(lake.spark, lake.config).read(table, moment.versions.get(table.name))
    run_id = (moment.run_ids or {}).get(run_date)
    is_of_run = F.col(RUN_ID).eqNullSafe(F.lit(run_id)) if RUN_ID in rows.columns else F.lit(True)
    return rows.where((F.col("run_date") == F.lit(run_date)) & is_of_run)


def map_customers(
    frame: DataFrame, ids: Sequence[str], numbers: Sequence[str], kernel: Kernel, schema: pa.Schema
) -> DataFrame:
    """Run the kernel on the frame's ids and numbers, lazily.

    The result has the ids and then the columns of `schema`. Raises InputError for a column that is
    missing, or has no numbers.
    """
    types = {field.name: field.dataType for field in frame.schema.fields}
    for name in numbers:
        if name not in types:
            raise InputError(
                f"the frame has no column '{name}', which the model reads; a row is a customer, as"
                f" in customer_features{nearest(name, types)}"
            )
        if not isinstance(types[name], NumericType):
            raise InputError(
                f"the column '{name}' is {types[name].simpleString()}; expected numbers"
            )
    ours = [f"{field.name} {ddl_type(field.type)}" for field in schema]
    ddl = ", ".join([*(f"{quoted(i)} {types[i].simpleString()}" for i in ids), *ours])
    columns = list(dict.fromkeys([*ids, *numbers]))
    return tasks.map_partitions(frame.select(*map(quoted, columns)), kernel, ddl)
