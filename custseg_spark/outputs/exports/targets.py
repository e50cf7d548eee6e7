"""Parse `--to` into a target."""

from collections.abc import Callable

from custseg_spark.errors import ConfigurationError, nearest
from custseg_spark.outputs.exports.csv import CsvFolder
from custseg_spark.outputs.exports.loading import Target
from custseg_spark.outputs.exports.postgresql import PostgresDatabase
from custseg_spark.outputs.exports.sqlite import SqliteDatabase
from custseg_spark.redaction import redacted

KINDS: dict[str, Callable[[str], Target]] = {
    "csv": CsvFolder.of,
    "postgresql": PostgresDatabase.of,
    "sqlite": SqliteDatabase.of,
}
# libpq accepts both names.
_SAME = {"postgres": "postgresql"}
EXPECTED = "expected sqlite:///FILE, postgresql://USER@HOST/DATABASE or csv:DIR"


def parse_target(text: str) -> Target:
    """Return the target that `--to` names. Raises ConfigurationError, which never quotes a
    password.
    """
    kind, separator, _ = text.partition(":")
    if not separator:
        # Before the last @ there may be a password, whatever this is.
        shown = redacted(text).rpartition("@")[2]
        raise ConfigurationError(f"--to {shown}: {EXPECTED}")
    make = KINDS.get(_SAME.get(kind, kind))
    if make is None:
        raise ConfigurationError(
            f"--to: unknown kind of target '{kind}'{nearest(kind, KINDS)}; {EXPECTED}"
        )
    return make(text)
