"""What others have committed by Spark, and Delta's conflicts as ours."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

# Delta 4.0 gives its conflicts to Python by name only once this has been imported.
import delta.exceptions.captured  # noqa: F401
from delta import exceptions as delta_errors

from custseg_spark.errors import ConfigurationError, ConflictError

T = TypeVar("T")

_CONFLICTS = (
    delta_errors.DeltaConcurrentModificationException,
    delta_errors.ConcurrentAppendException,
    delta_errors.ConcurrentDeleteReadException,
    delta_errors.ConcurrentDeleteDeleteException,
    delta_errors.ConcurrentWriteException,
    delta_errors.MetadataChangedException,
    delta_errors.ProtocolChangedException,
    delta_errors.ConcurrentTransactionException,
)
_MAINTENANCE = ("OPTIMIZE", "VACUUM START", "VACUUM END")


@dataclass(frozen=True)
class Commit:
    """A version of a table: what made it, and what its writer noted."""

    version: int
    operation: str
    note: str | None

    @property
    def wrote(self) -> bool:
        """Whether rows may have changed."""
        return self.operation not in _MAINTENANCE


def conflict(where: str) -> ConflictError:
    """Another run was first."""
    return ConflictError(f"another run wrote {where} meanwhile; its result stands, run again")


def or_conflict(action: Callable[[], T], where: str) -> T:
    """What the action gives; Delta's conflicts as ours."""
    try:
        return action()
    except _CONFLICTS as error:
        raise conflict(where) from error


def require_known(error: Exception, name: str) -> None:
    """Raises ConfigurationError where the error is that of a table whose files are there, but which
    the catalog doesn't know."""
    if "DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION" in str(error):
        raise ConfigurationError(
            f"lake.catalog: the catalog doesn't know {name}, but there are files in its place. A"
            " catalog in Spark's memory forgets its tables at the end of each process; one with a"
            " Hive metastore (--conf spark.sql.catalogImplementation=hive) keeps them"
        ) from error
