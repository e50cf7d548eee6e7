"""The one place that builds a SparkSession, and all that touches the JVM directly.

No master, no packages and no extensions here: they come from `spark-defaults.conf`,
spark-submit or the platform, so that the same job runs on a laptop, Databricks and EMR.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyspark.sql import SparkSession

_SETTINGS = {
    # Every time in the lake is UTC; a run must not depend on the machine's zone.
    "spark.sql.session.timeZone": "UTC",
    # An overflow or a bad cast must fail, never turn into null (the default since Spark 4.0,
    # said here because platforms change it).
    "spark.sql.ansi.enabled": "true",
    # What a pattern doesn't fit is no time; the legacy parser would make one of it.
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    # With pruning the parser stops at the last column used, and a record with too many or too
    # few fields passes for a good one.
    "spark.sql.csv.parser.columnPruning.enabled": "false",
    "spark.sql.optimizer.enableCsvExpressionOptimization": "false",
    # Never skip what can't be read: a truncated gzip once passed for half its rows.
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    # Other Delta readers must be able to open the tables.
    "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
    "spark.databricks.delta.properties.defaults.columnMapping.mode": "none",
    "spark.databricks.delta.properties.defaults.checkpointPolicy": "classic",
    # Collecting a session's items by hash falls back to sorting after 128 groups and loses what it
    # did till then; sorting at once takes half the time.
    "spark.sql.execution.useObjectHashAggregateExec": "false",
    # The driver's samples come as columns, not as pickled rows.
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


_SHUFFLES = "spark.sql.shuffle.partitions"
_SIZED_BY_US = "spark.custseg.shuffle.partitions"
_SPARKS_DEFAULT = "200"
_EVENTS_PER_PARTITION = 250_000
_FEWEST_PARTITIONS = 4


def size_shuffles(spark: SparkSession, events: int) -> None:
    """Shuffle partitions for that many events, unless somebody has set their number.

    Two hundred tasks for a million rows are mostly overhead, and for a billion rows too few.
    Results don't depend on it.
    """
    ours = spark.conf.get(_SIZED_BY_US, None)
    if spark.conf.get(_SHUFFLES) in (_SPARKS_DEFAULT, ours):
        fitting = str(max(_FEWEST_PARTITIONS, -(-events // _EVENTS_PER_PARTITION)))
        spark.conf.set(_SHUFFLES, fitting)
        spark.conf.set(_SIZED_BY_US, fitting)


@contextmanager
def settings(spark: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
    """The settings for the block, and what was there before after it."""
    before = {key: spark.conf.get(key) for key in values}
    for key, value in values.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            spark.conf.set(key, str(old))


def get_session(app_name: str = "custseg-spark") -> SparkSession:
    """The running session, or a new one from the environment, with our session settings."""
    # Workers must run this interpreter, not the first `python3` on the PATH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.appName(app_name).getOrCreate()
    for key, value in _SETTINGS.items():
        spark.conf.set(key, value)
    return spark
