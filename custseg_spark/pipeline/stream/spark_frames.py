"""`current_segments` where Spark writes: the same kernel between two joins and a MERGE."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.core.clustering.buckets import numbers
from custseg_spark.core.segments.current import CURRENT
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.ddl import ddl
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, SESSIONS
from custseg_spark.engine.lake.stream_tables import CURRENT_SEGMENTS
from custseg_spark.engine.partitions.spark_frames import SparkPortions
from custseg_spark.engine.spark import tasks
from custseg_spark.pipeline.features import customer_groups
from custseg_spark.pipeline.stream.kernel import (
    PART_COLUMNS,
    RUN_COLUMNS,
    CurrentKernel,
    Shared,
    Updated,
    current_frame,
)

_CURRENT, _RUN = "current_", "run_"


def shared(lake: Lake) -> Shared | None:
    """Return the values that the table's rows share; None if rows differ or are missing."""
    names = ("as_of", "model_run_id")
    rows = lake.read(CURRENT_SEGMENTS).select(*names).distinct().limit(2).collect()
    return Shared(rows[0].as_of, rows[0].model_run_id) if len(rows) == 1 else None


def update(
    lake: Lake, kernel: CurrentKernel, touched: pl.Series | None, *, with_run: bool
) -> Updated:
    """Merge the rows of the touched customers, or of everybody, into the table.

    Repeating it changes nothing, so no transaction is noted. `with_run`: rows of the run that
    published the model count as well. Raises ConflictError if another run wrote the table.
    """
    sessions = lake.read(SESSIONS).where(F.col("session_date") < F.lit(kernel.as_of))
    if touched is not None:
        sessions = sessions.join(_ids(lake, touched), "customer_id", "left_semi")
    portions = SparkPortions(lake, sessions, customer_groups(lake), None)
    names = kernel.published.model.columns
    columns = ", ".join(["customer_id string", *(f"`{name}` double" for name in names)])
    features = portions.rows(_Features(kernel), PART_COLUMNS, columns)
    joined = features.join(_prefixed(lake, CURRENT_SEGMENTS, tuple(CURRENT), _CURRENT),
                           F.col("customer_id") == F.col(f"{_CURRENT}customer_id"),
                           "left")  # fmt: skip
    if with_run:
        of_run = _prefixed(lake, CUSTOMER_SEGMENTS, RUN_COLUMNS, _RUN, kernel)
        joined = joined.join(of_run, F.col("customer_id") == F.col(f"{_RUN}customer_id"), "left")
    columns_made = ddl(CURRENT_SEGMENTS) + ", is_changed boolean"
    rows = tasks.map_partitions(joined, _Rows(kernel, with_run), columns_made).localCheckpoint()
    lake.upsert(rows.drop("is_changed"), CURRENT_SEGMENTS, "customer_id")
    counts = rows.agg(
        F.count("*").alias("customers"),
        F.count_if("is_changed").alias("changed"),
        F.count_if("is_held").alias("held"),
    ).collect()[0]
    return Updated(counts.customers, counts.changed, counts.held)


def _ids(lake: Lake, touched: pl.Series) -> DataFrame:
    ids = pa.table({"customer_id": pa.array(touched.to_list(), pa.string())})
    return lake.spark.createDataFrame(ids)


def _prefixed(
    lake: Lake,
    table: Table,
    names: tuple[str, ...],
    prefix: str,
    kernel: CurrentKernel | None = None,
) -> DataFrame:
    """Return a table's columns with a prefix; with `kernel`, only rows of its run and algorithm."""
    rows = lake.read(table)
    if kernel is not None:
        algorithm = kernel.published.model.clustering.algorithm
        is_of_run = F.col("run_date") == F.lit(kernel.published.run_date)
        rows = rows.where(is_of_run & (F.col("algorithm") == F.lit(algorithm)))
    return rows.select(*(F.col(name).alias(f"{prefix}{name}") for name in names))


@dataclass(frozen=True)
class _Features:
    kernel: CurrentKernel

    def __call__(self, parts: pa.Table) -> pa.Table:
        features = self.kernel.features(parts)
        values = {n: pa.array(numbers(features[n])) for n in self.kernel.published.model.columns}
        return pa.table({"customer_id": features["customer_id"].cast(pa.string()), **values})


@dataclass(frozen=True)
class _Rows:
    kernel: CurrentKernel
    with_run: bool

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
        joined = pa.Table.from_batches(list(batches))
        current = current_frame(_side(joined, tuple(CURRENT), _CURRENT))
        of_run = _side(joined, RUN_COLUMNS, _RUN) if self.with_run else None
        rows = self.kernel.rows(joined, self.kernel.latest(current, of_run))
        names = [*CURRENT_SEGMENTS.schema.names, "is_changed"]
        yield rows.select(names).to_arrow(compat_level=pl.CompatLevel.oldest())


def _side(joined: pa.Table, names: tuple[str, ...], prefix: str) -> pa.Table:
    """Return the columns of one side of the join, for rows that have that side."""
    side = joined.select([f"{prefix}{name}" for name in names]).rename_columns(list(names))
    return side.filter(side["customer_id"].is_valid())
