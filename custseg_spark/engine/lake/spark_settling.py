"""Settle what dead runs left, by either way of IO; done first when a lake is opened."""

import errno
from collections.abc import Callable
from pathlib import Path

from custseg_spark import redaction
from custseg_spark.engine.lake import runs, spark_journals
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import TABLES
from custseg_spark.engine.lake.spark_io import SparkLake

log = redaction.logger()

_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


def settle(path: str, lake: Callable[[], SparkLake], locks: Path | None) -> None:
    """Finish what dead runs left half published in the lake at `path`, or throw it away.

    `locks`: the lake's folder where runs hold locks in it. Who may only read the lake goes on, and
    sees published runs only.
    """
    try:
        if spark_journals.may_be_there(path):
            spark_journals.settle(lake(), locks)
        if locks is not None:
            runs.settle_dead_runs(NativeLake(locks), TABLES)
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise
        log.info("what dead runs left in %s stays: %s", path, error.strerror)
