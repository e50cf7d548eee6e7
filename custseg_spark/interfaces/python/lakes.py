"""Open a lake for reading: in a folder without Spark, at any other place by Spark."""

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from custseg_spark.config.settings import LakeConfig
from custseg_spark.config.typed import parse_date
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import RUNS, TABLES
from custseg_spark.errors import InputError
from custseg_spark.interfaces.python.configuring import AnyPath
from custseg_spark.interfaces.python.segmentations import Segmentation
from custseg_spark.interfaces.python.tables import LakeTables
from custseg_spark.outputs.report.reading import run_date_of
from custseg_spark.paths import Remote, place

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Lake(LakeTables):
    """The tables and runs of a lake, for reading. Made by `open_lake`."""

    def runs(self) -> pl.DataFrame:
        """Return a row per run, the latest first: date, models and their reason, warnings,
        seconds."""
        return self.table(RUNS.name).sort("run_date", descending=True)

    def run(
        self, run_date: date | str | None = None, *, algorithm: str | None = None
    ) -> "Segmentation":
        """Return the results of a run; without a date the latest.

        Raises InputError without such a run. `algorithm` is by default the run's main one.
        """
        requested = parse_date(run_date, "run_date") if isinstance(run_date, str) else run_date
        lake = self.at_one_moment()
        return Segmentation(lake, run_date_of(lake.reader, requested), algorithm)


def open_lake(path: AnyPath | LakeConfig = "lake", *, spark: "SparkSession | None" = None) -> Lake:
    """Open the lake in a folder for reading; no JVM starts.

    A lake at a URI, or one of a catalog (`Config.lake` with `catalog`), takes a Spark session: the
    given one, else the running one, else a new one. Raises InputError without a lake.
    """
    config = path if isinstance(path, LakeConfig) else LakeConfig(path=os.fspath(path))
    folder = place(config.path)
    if config.catalog is None and isinstance(folder, Path):
        reader = LakeReader(folder)
        reader.require()
        return Lake(config, reader, spark)
    return _by_spark(config, spark)


def _by_spark(config: LakeConfig, spark: "SparkSession | None") -> Lake:
    from custseg_spark.engine.lake.lake import Lake as SparkTables
    from custseg_spark.engine.spark.borrowing import running_session, session_beside
    from custseg_spark.interfaces.python.spark_reading import SparkReader

    theirs = spark or running_session()
    reader = SparkReader(SparkTables(session_beside(spark), config))
    if not any(reader.exists(table) for table in TABLES):
        raise InputError(f"there is no lake at {config.catalog or config.path}")
    return Lake(config, reader, theirs)


def is_elsewhere(config: LakeConfig) -> bool:
    """Whether only Spark reaches the lake."""
    return config.catalog is not None or isinstance(place(config.path), Remote)
