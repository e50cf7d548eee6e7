"""The one place that builds a SparkSession, and all that touches the JVM directly.

No master, no packages and no extensions here: they come from `spark-defaults.conf`,
spark-submit or the platform, so that the same job runs on a laptop, Databricks and EMR.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from custseg_spark.engine.spark.privacy import OWNER_ONLY, REDACTION, UMASK

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
    # The driver's samples come as columns, not as pickled rows.
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # A limit in bytes makes Spark add up the batch's size before each row, which took a twentieth
    # of a run; this value is none. Batches are limited by their rows.
    "spark.sql.execution.arrow.maxBytesPerBatch": str(2**31 - 1),
}

_AT_THE_START: dict[str, Any] = {
    # Else each operation on a column asks the JVM several times, to note where it was written.
    # Only a new session takes it.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
}

# Of `--py-files` Spark puts what ends so on the workers' path: a wheel otherwise not.
_ON_THE_PATH = (*SparkContext.PACKAGE_EXTENSIONS, ".whl")

_SHUFFLES = "spark.sql.shuffle.partitions"
_SIZED_BY_US = "spark.custseg.shuffle.partitions"
_SPARKS_DEFAULT = "200"
_EVENTS_PER_PARTITION = 250_000
_FEWEST_PARTITIONS = 4
# What the driver keeps of an exchange grows with its tasks on either side; beyond five billion
# events partitions grow instead, and spill.
_MOST_PARTITIONS = 20_000


def size_shuffles(spark: SparkSession, events: int) -> None:
    """Shuffle partitions for that many events, unless somebody has set their number.

    Two hundred tasks for a million rows are mostly overhead, and for a billion rows too few.
    Results don't depend on it.
    """
    ours = spark.conf.get(_SIZED_BY_US, None)
    if spark.conf.get(_SHUFFLES) in (_SPARKS_DEFAULT, ours):
        partitions = max(_FEWEST_PARTITIONS, -(-events // _EVENTS_PER_PARTITION))
        fitting = str(min(partitions, _MOST_PARTITIONS))
        spark.conf.set(_SHUFFLES, fitting)
        spark.conf.set(_SIZED_BY_US, fitting)


def shuffle_partitions(spark: SparkSession) -> int:
    """Return the partitions of an exchange, as `size_shuffles` or somebody else has set them."""
    return int(str(spark.conf.get(_SHUFFLES)))


def cores(spark: SparkSession) -> int:
    """How many tasks run at once, as far as Spark knows."""
    return int(spark.sparkContext.defaultParallelism)


def is_local(spark: SparkSession) -> bool:
    """Whether driver and executor are one process of this machine."""
    return str(spark.sparkContext.master).startswith("local")


@contextmanager
def settings(spark: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
    """The settings for the block, and what was there before after it."""
    # A setting of Delta's isn't known before Delta's first work.
    before = {key: spark.conf.get(key, None) for key in values}
    for key, value in values.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            if old is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, old)


def get_session(app_name: str = "custseg-spark", umask: str = OWNER_ONLY) -> SparkSession:
    """Return the running session, or a new one from the environment, with our session settings.

    What Spark itself writes lacks the permissions of `umask`.
    """
    # Workers must run this interpreter, not the first `python3` on the PATH.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    SparkContext.PACKAGE_EXTENSIONS = _ON_THE_PATH
    is_new = SparkContext._active_spark_context is None
    at_the_start = {**_AT_THE_START, **(_private(umask) if is_new else {})}
    spark = SparkSession.builder.appName(app_name).config(map=at_the_start).getOrCreate()
    return with_our_settings(spark)


def with_our_settings(spark: SparkSession) -> SparkSession:
    """Return the session, with the settings that results depend on."""
    for key, value in _SETTINGS.items():
        spark.conf.set(key, value)
    return spark


def _private(umask: str) -> dict[str, str]:
    """What a new session hides and withholds; what it hides, only if nobody has set it."""
    # Puts the settings of spark-defaults and of the command line where SparkConf finds them.
    SparkContext._ensure_initialized()
    settings = SparkConf()
    hidden = {key: value for key, value in REDACTION.items() if not settings.contains(key)}
    return {**hidden, f"spark.hadoop.{UMASK}": umask}


def quoted_for(spark: SparkSession, url: str, names: Sequence[str]) -> list[str]:
    """Return columns' names as the database of a JDBC URL takes them."""
    context: Any = spark.sparkContext
    dialect = context._jvm.org.apache.spark.sql.jdbc.JdbcDialects.get(url)
    return [str(dialect.quoteIdentifier(name)) for name in names]
