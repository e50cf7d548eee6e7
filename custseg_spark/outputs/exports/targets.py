"""Parse `--to` into a target."""

from collections.abc import Callable

from custseg_spark.errors import ConfigurationError, nearest
from custseg_spark.outputs.exports.csv import csv_folder
from custseg_spark.outputs.exports.delta import DeltaFolder
from custseg_spark.outputs.exports.jdbc import JdbcDatabase
from custseg_spark.outputs.exports.loading import Target
from custseg_spark.outputs.exports.parquet import parquet_folder
from custseg_spark.outputs.exports.postgresql import PostgresDatabase
from custseg_spark.outputs.exports.sqlite import SqliteDatabase
from custseg_spark.redaction import redacted

KINDS: dict[str, Callable[[str], Target]] = {
    "csv": csv_folder,
    "delta": DeltaFolder.of,
    "jdbc": JdbcDatabase.of,
    "parquet": parquet_folder,
    "postgresql": PostgresDatabase.of,
    "sqlite": SqliteDatabase.of,
}
# libpq accepts both names.
_SAME = {"postgres": "postgresql"}
EXPECTED = (
    "expected sqlite:///FILE, postgresql://USER@HOST/DATABASE, jdbc:mysql://HOST/DATABASE (mariadb,"
    " snowflake), csv:DIR, parquet:DIR or delta:DIR"
)


def parse_target(text: str) -> Target:
    """Return the target that `--to` names.

    Raises ConfigurationError, which never quotes a password.
    """
    kind, separator, _ = text.partition(":")
    if not separator:
        # There may be a password before the last @, in any kind of text.
        shown = redacted(text).rpartition("@")[2]
        raise ConfigurationError(f"--to {shown}: {EXPECTED}")
    make = KINDS.get(_SAME.get(kind, kind))
    if make is None:
        raise ConfigurationError(
            f"--to: unknown kind of target '{kind}'{nearest(kind, KINDS)}; {EXPECTED}"
        )
    return make(text)
