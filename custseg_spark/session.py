"""The one place that builds a SparkSession, and all that touches the JVM directly.

No master, no packages and no extensions here: they come from `spark-defaults.conf`,
spark-submit or the platform, so that the same job runs on a laptop, Databricks and EMR.
"""

import os
import sys

from pyspark.sql import SparkSession

_SETTINGS = {
    # Every time in the lake is UTC; a run must not depend on the machine's zone.
    "spark.sql.session.timeZone": "UTC",
    # An overflow or a bad cast must fail, never turn into null (the default since Spark 4.0,
    # said here because platforms change it).
    "spark.sql.ansi.enabled": "true",
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
    # Nested items dominate `sessions`; statistics beyond the scalar columns cost and serve nobody.
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}


def get_session(app_name: str = "custseg-spark") -> SparkSession:
    """The running session, or a new one from the environment, with our session settings."""
    # Workers must run this interpreter, not the first `python3` on the PATH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.appName(app_name).getOrCreate()
    for key, value in _SETTINGS.items():
        spark.conf.set(key, value)
    return spark
