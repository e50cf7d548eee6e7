"""PostgreSQL databases by URL, with errors that have no passwords."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from custseg_spark.errors import (
    ConfigurationError,
    ConflictError,
    CustsegError,
    ResourceError,
    TargetError,
)
from custseg_spark.outputs.exports.dialects import POSTGRESQL
from custseg_spark.outputs.exports.loading import Query

if TYPE_CHECKING:
    import psycopg

    from custseg_spark.outputs.exports.copying import PostgresLoading

_CONNECT_WAIT_S = "10"
_SECRETS = ("password", "sslpassword")


def _authority(text: str) -> str:
    """Return the part of a URL with user and host. Raises ConfigurationError without one."""
    try:
        return urlsplit(text).netloc
    except ValueError:  # half of an IPv6 address
        raise _invalid() from None


def _invalid() -> ConfigurationError:
    return ConfigurationError(
        "--to postgresql://…: not a valid URL; expected"
        " postgresql://USER@HOST:PORT/DATABASE?OPTION=VALUE"
    )


@dataclass(frozen=True)
class PostgresDatabase:
    """A database by its URL; libpq adds its environment variables and ~/.pgpass."""

    shown: str
    parameters: dict[str, str] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "PostgresDatabase":
        """Return the database of a URL.

        Raises ConfigurationError, which never quotes a password.
        """
        _require_driver()
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        # libpq would take the rest of a password for the host, and print it.
        if text.count("@") > 1 or ("@" in text and "@" not in _authority(text)):
            raise ConfigurationError(
                "--to postgresql://…: in a user name or password write @ as %40, / as %2F, ? as"
                " %3F, # as %23 and : as %3A"
            )
        try:
            parameters = {k: str(v) for k, v in conninfo_to_dict(text).items() if v is not None}
        except psycopg.Error:
            # Without the cause, which quotes parts of a password.
            raise _invalid() from None
        return cls(_shown(parameters), parameters)

    dialect = POSTGRESQL

    @contextmanager
    def opened(self) -> Iterator["PostgresLoading"]:
        """Open a loading over one connection, which ends with its staging tables."""
        from custseg_spark.outputs.exports.copying import PostgresLoading

        with self._connected() as connection:
            yield PostgresLoading(connection, self.shown)

    @contextmanager
    def queried(self) -> Iterator[Query]:
        """Open a function that answers queries, all as of one moment."""
        with self._connected() as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield lambda query: connection.execute(query.encode()).fetchall()

    @contextmanager
    def _connected(self) -> "Iterator[psycopg.Connection[Any]]":
        import psycopg

        parameters = {
            "connect_timeout": _CONNECT_WAIT_S,
            "application_name": "custseg-export",
            **self.parameters,
        }
        try:
            connection = psycopg.connect(psycopg.conninfo.make_conninfo("", **parameters))
        except psycopg.Error as error:
            raise TargetError(f"{self.shown} can't be reached: {self._message(error)}") from None
        try:
            with connection:
                connection.autocommit = True
                yield connection
        except psycopg.Error as error:
            raise self._explained(error) from error

    def _explained(self, error: "psycopg.Error") -> CustsegError:
        from psycopg import errors

        from custseg_spark.outputs.exports.copying import LOCK_WAIT

        if isinstance(error, errors.LockNotAvailable):
            return ConflictError(
                f"{self.shown}: another process writes the tables (waited {LOCK_WAIT})"
            )
        if isinstance(error, errors.DiskFull | errors.OutOfMemory):
            return ResourceError(f"{self.shown}: {self._message(error)}")
        return TargetError(f"{self.shown}: {self._message(error)}")

    def _message(self, error: "psycopg.Error") -> str:
        message = " ".join(str(error).split())
        for name in _SECRETS:
            if secret := self.parameters.get(name):
                message = message.replace(secret, "***")
        return message


def _require_driver() -> None:
    try:
        importlib.import_module("psycopg")
    except ImportError as error:
        raise ConfigurationError(
            "--to postgresql://… needs psycopg; install it by pip install 'custseg-spark[postgres]'"
        ) from error


def _shown(parameters: dict[str, str]) -> str:
    """Return the URL without password and options."""
    user = f"{parameters['user']}@" if "user" in parameters else ""
    port = f":{parameters['port']}" if "port" in parameters else ""
    place = f"{user}{parameters.get('host', '')}{port}"
    return f"postgresql://{place}/{parameters.get('dbname', '')}"
