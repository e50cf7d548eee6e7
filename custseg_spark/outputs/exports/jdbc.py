"""Databases by JDBC: staged by Spark's tasks, published by one transaction of the driver.

MySQL, MariaDB and Snowflake. The credentials come from the environment (CUSTSEG_JDBC_USER,
CUSTSEG_JDBC_PASSWORD, or Snowflake's own variables), never from the URL.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.config import jdbc as jdbc_options
from custseg_spark.config.jdbc import Jdbc
from custseg_spark.engine.spark.database_connections import DatabaseConnection, connected
from custseg_spark.engine.spark.database_errors import message_of
from custseg_spark.engine.spark.session import get_session
from custseg_spark.errors import (
    ConfigurationError,
    ConflictError,
    CustsegError,
    TargetError,
    nearest,
)
from custseg_spark.outputs.exports import dialects, views
from custseg_spark.outputs.exports.dialects import Dialect
from custseg_spark.outputs.exports.layout import ReportTable
from custseg_spark.outputs.exports.loading import Query
from custseg_spark.redaction import STARS

_LOCK_WAIT_S = "60"
# Options of Spark's writer and of drivers. MySQL's drivers send a batch as one statement only with
# this option.
_OPTIONS: dict[str, dict[str, str]] = {
    "mysql": {"rewriteBatchedStatements": "true"},
    "mariadb": {"rewriteBatchedStatements": "true"},
    "snowflake": {},
}
_BATCH = "10000"
_DIALECTS = {
    "mysql": dialects.MYSQL,
    "mariadb": dialects.MYSQL,
    "snowflake": dialects.SNOWFLAKE,
}
_DRIVERS = {
    "mysql": "com.mysql.cj.jdbc.Driver",
    "mariadb": "org.mariadb.jdbc.Driver",
    "snowflake": "net.snowflake.client.jdbc.SnowflakeDriver",
}
_PACKAGES = {
    "mysql": "com.mysql:mysql-connector-j",
    "mariadb": "org.mariadb.jdbc:mariadb-java-client",
    "snowflake": "net.snowflake:snowflake-jdbc",
}


@dataclass(frozen=True)
class JdbcDatabase:
    """A database by its JDBC URL; `options` are for Spark and the driver, with secrets."""

    url: str
    kind: str
    options: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "JdbcDatabase":
        """Return the database of a URL.

        Raises ConfigurationError for a wrong URL, or one with a secret.
        """
        jdbc_options.check_url(text, "--to")
        url = jdbc_options.expanded(text, os.environ)
        kind = jdbc_options.database(url)
        if kind == "postgresql":
            raise ConfigurationError("--to jdbc:postgresql:…: write --to postgresql://…")
        if kind not in _DIALECTS:
            raise ConfigurationError(
                f"--to jdbc:{kind}:…: no export to such a database{nearest(kind, _DIALECTS)}"
            )
        options = jdbc_options.options(url, Jdbc(), os.environ)
        # Other versions of a driver have other names.
        driver = os.environ.get("CUSTSEG_JDBC_DRIVER") or _DRIVERS[kind]
        return cls(url, kind, {**options, **_OPTIONS[kind], "driver": driver})

    @property
    def shown(self) -> str:
        """The URL without its parameters."""
        return self.url.partition("?")[0]

    @property
    def dialect(self) -> Dialect:
        """The database's names and types."""
        return _DIALECTS[self.kind]

    @contextmanager
    def opened(self) -> Iterator["JdbcLoading"]:
        """Open a loading; on MySQL and MariaDB it holds the database's lock `custseg`."""
        with self.connection() as connection:
            loading = JdbcLoading(self, connection)
            loading.lock()
            try:
                yield loading
            finally:
                loading.drop_staging()

    @contextmanager
    def queried(self) -> Iterator[Query]:
        """Open a function that answers queries."""
        with self.connection() as connection:
            yield connection.rows

    @contextmanager
    def connection(self) -> Iterator[DatabaseConnection]:
        """Open a connection to the database; its errors have no secrets."""
        not_properties = ("driver", "url", "fetchsize", "preferTimestampNTZ")
        properties = {n: v for n, v in self.options.items() if n not in not_properties}
        try:
            with connected(
                get_session(), self.url, self.options["driver"], properties
            ) as connection:
                yield connection
        except (Py4JJavaError, PySparkException) as error:
            raise self._explained(error) from None

    def _explained(self, error: Py4JJavaError | PySparkException) -> CustsegError:
        text = message_of(error)
        if text is None:
            raise error
        for secret in jdbc_options.secrets(self.url, Jdbc(), os.environ):
            text = text.replace(secret, STARS)
        if "ClassNotFoundException" in text:
            package = _PACKAGES[self.kind]
            return ConfigurationError(
                f"{self.shown}: its driver isn't there ({text}); spark-submit --packages"
                f" {package}:VERSION"
            )
        if "Lock wait timeout" in text:
            return ConflictError(f"{self.shown}: another process writes the tables: {text}")
        return TargetError(f"{self.shown}: {text}")


@dataclass
class JdbcLoading:
    """An export under way into a database."""

    database: JdbcDatabase
    connection: DatabaseConnection
    staged: list[ReportTable] = field(default_factory=list)

    def lock(self) -> None:
        """Take the lock until the session ends. Raises ConflictError if another export holds it."""
        if self.database.dialect is not dialects.MYSQL:
            return
        [[got]] = self.connection.rows("SELECT GET_LOCK('custseg', " + _LOCK_WAIT_S + ")")
        if got != 1:
            raise ConflictError(f"another export to {self.database.shown} is under way")
        self.connection.execute("SET SESSION innodb_lock_wait_timeout = " + _LOCK_WAIT_S)

    def stage_frame(self, table: ReportTable, frame: DataFrame) -> int:
        """Stage the rows of a table; return their number."""
        dialect, staging = self.database.dialect, _staging(table)
        self.staged.append(table)
        self.connection.execute("DROP TABLE IF EXISTS " + dialect.name(staging))
        self.connection.execute(dialect.create_table(table, staging))
        writer = _without_zones(frame, table).write.format("jdbc").options(**self.database.options)
        writer.options(dbtable=dialect.name(staging), batchsize=_BATCH).mode("append").save()
        return self._checked(table)

    def publish(self) -> None:
        """Replace the rows of the staged tables in one transaction."""
        for table in self.staged:
            self._create_or_check(table)
        with self.connection.transaction():
            for table in self.staged:
                self._replace(table)

    def drop_staging(self) -> None:
        """Drop the staging tables."""
        for table in self.staged:
            name = self.database.dialect.name(_staging(table))
            self.connection.execute("DROP TABLE IF EXISTS " + name)

    def _checked(self, table: ReportTable) -> int:
        """Return the number of staged rows. ConflictError if another export staged there too."""
        dialect = self.database.dialect
        # Snowflake doesn't enforce keys.
        key, name = dialect.names(table.key), dialect.name(_staging(table))
        keys = "SELECT DISTINCT " + key + " FROM " + name
        query = "SELECT COUNT(*), (SELECT COUNT(*) FROM (" + keys + ") AS k) FROM " + name
        [[rows, distinct]] = self.connection.rows(query)
        if rows != distinct:
            raise ConflictError(f"another export to {self.database.shown} is under way")
        return int(rows)

    def _create_or_check(self, table: ReportTable) -> None:
        """Create or check a table before the transaction: in MySQL, creating a table ends one."""
        dialect = self.database.dialect
        try:
            there = self._columns(table)
        except Py4JJavaError:
            self.connection.execute(dialect.create_table(table))
            for statement in dialect.create_indexes(table):
                self.connection.execute(statement)
            view = views.statement(table, dialect, "CREATE OR REPLACE VIEW ")
            if view:
                self.connection.execute(view)
            return
        lacking = [name for name in table.columns if name not in there]
        if lacking:
            raise TargetError(
                f"{self.database.shown}: the table {table.name} there lacks {', '.join(lacking)};"
                " it is an older version's or something else: rename or drop it"
            )

    def _columns(self, table: ReportTable) -> list[str]:
        name = self.database.dialect.name(table.name)
        existing = self.connection.columns("SELECT * FROM " + name + " WHERE 1 = 0")
        return [column.lower() for column in existing]

    def _replace(self, table: ReportTable) -> None:
        dialect = self.database.dialect
        name, columns = dialect.name(table.name), dialect.names(table.columns)
        self.connection.execute("DELETE FROM " + name)
        source = " SELECT " + columns + " FROM " + dialect.name(_staging(table))
        self.connection.execute("INSERT INTO " + name + " (" + columns + ")" + source)


def _staging(table: ReportTable) -> str:
    return f"custseg_staging_{table.name}"


def _without_zones(frame: DataFrame, table: ReportTable) -> DataFrame:
    """Return times without zones, in UTC: drivers would convert them to their machine's zone."""
    times = [name for name, type_ in table.columns.items() if type_ == "timestamp"]
    return frame.withColumns({name: F.col(name).cast("timestamp_ntz") for name in times})
