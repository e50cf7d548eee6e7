"""The session of somebody else, such as a notebook: worked beside, never changed, never stopped."""

import os
from contextlib import suppress
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from custseg_spark.engine.spark.privacy import OWNER_ONLY
from custseg_spark.engine.spark.session import get_session, with_our_settings
from custseg_spark.errors import ConfigurationError

_CATALOG = "spark.sql.catalog.spark_catalog"
_EXTENSIONS = "spark.sql.extensions"
_DELTA_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"
_DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
# Databricks has Delta built in and says nothing of it in its settings.
_HAS_ITS_OWN_DELTA = "DATABRICKS_RUNTIME_VERSION"
_HOW = f"""\
Delta is set up when a session starts. Stop this one (spark.stop()), or restart the notebook, and
start a session so:
    from delta import configure_spark_with_delta_pip
    builder = (
        SparkSession.builder.config("{_EXTENSIONS}", "{_DELTA_EXTENSION}")
        .config("{_CATALOG}", "{_DELTA_CATALOG}")
    )
    spark = configure_spark_with_delta_pip(builder).getOrCreate()"""


def running_session() -> SparkSession | None:
    """Return the session that runs in this process; None where there is none."""
    session: Any = SparkSession
    running: SparkSession | None = SparkSession.getActiveSession() or session._instantiatedSession
    return running


def session_beside(spark: SparkSession | None, umask: str = OWNER_ONLY) -> SparkSession:
    """A session beside the given or the running one, with our settings; else a new one, whose own
    files lack the permissions of `umask`.

    It has the other's settings but ours, and the same Spark: no setting of the caller's changes.
    Raises ConfigurationError for a session that can't use Delta, or is one of Spark Connect.
    """
    theirs = spark or running_session()
    if theirs is None:
        started = get_session(umask=umask)
        try:
            require_delta(started)
        except ConfigurationError:
            # Nobody else can have it yet.
            started.stop()
            raise
        return started
    if not isinstance(theirs, SparkSession):
        raise ConfigurationError(
            f"spark: expected a session of a Spark driver, got {type(theirs).__module__}:"
            " Spark Connect has no access to files; run on the cluster's own driver"
        )
    require_delta(theirs)
    beside = theirs.newSession()
    before = beside.conf.getAll
    for key, value in theirs.conf.getAll.items():
        if before.get(key) != value:
            # What belongs to all sessions is there already, and can't be set.
            with suppress(PySparkException):
                beside.conf.set(key, value)
    return with_our_settings(beside)


def require_delta(spark: SparkSession) -> None:
    """Raise ConfigurationError, with what to do, for a session that can't use Delta tables."""
    if _HAS_ITS_OWN_DELTA in os.environ:
        return
    for key, expected in ((_EXTENSIONS, _DELTA_EXTENSION), (_CATALOG, _DELTA_CATALOG)):
        value = spark.conf.get(key, None) or ""
        if expected not in value:
            raise ConfigurationError(
                f"this Spark session can't use Delta tables: {key} is '{value}', expected"
                f" {expected}.\n{_HOW}"
            )
