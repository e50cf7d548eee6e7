"""Open the lake of a command that reads it without Spark."""

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.errors import ConfigurationError
from custseg_spark.paths import Remote, place


def reader_of(config: LakeConfig) -> LakeReader:
    """Return a reader of the lake's folder.

    Raises ConfigurationError for a catalog or a URI, InputError without a lake.
    """
    lake = place(config.path)
    if config.catalog or isinstance(lake, Remote):
        there = f"the catalog {config.catalog}" if config.catalog else str(lake)
        raise ConfigurationError(
            f"--lake: expected a folder of this machine, got {there}: this command reads without"
            " Spark, and only here; copy the lake into a folder first"
        )
    reader = LakeReader(lake)
    reader.require()
    return reader
