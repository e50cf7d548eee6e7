"""Tables of a lake as frames of the caller's session."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.engine.lake.lake import Lake as SparkTables
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, CUSTOMER_SEGMENTS
from custseg_spark.interfaces.python.tables import LakeTables


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
