"""Statements to a database by JDBC: Spark reads and writes frames, a transaction is ours."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession


@dataclass
class DatabaseConnection:
    """An open connection of the driver's JVM, committing each statement unless `transaction`."""

    connection: Any

    def execute(self, statement: str) -> None:
        """Run a statement. Raises Py4JJavaError."""
        with self._statement() as open_statement:
            open_statement.execute(statement)

    def rows(self, query: str) -> list[list[Any]]:
        """Return the rows of a query: numbers as Python has them, everything else as text."""
        with self._statement() as statement:
            results = statement.executeQuery(query)
            width = results.getMetaData().getColumnCount()
            rows = []
            while results.next():
                rows.append([_value(results.getObject(i + 1)) for i in range(width)])
            return rows

    def columns(self, query: str) -> list[str]:
        """Return the names of a query's columns."""
        with self._statement() as statement:
            about = statement.executeQuery(query).getMetaData()
            return [about.getColumnName(i + 1) for i in range(about.getColumnCount())]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is run inside is committed at the end, or not at all."""
        self.connection.setAutoCommit(False)
        try:
            yield
            self.connection.commit()
        except BaseException:
            with suppress(Exception):
                self.connection.rollback()
            raise
        finally:
            with suppress(Exception):
                self.connection.setAutoCommit(True)

    @contextmanager
    def _statement(self) -> Iterator[Any]:
        statement = self.connection.createStatement()
        try:
            yield statement
        finally:
            statement.close()


@contextmanager
def connected(
    spark: SparkSession, url: str, driver: str, properties: Mapping[str, str]
) -> Iterator[DatabaseConnection]:
    """A connection by a driver of Spark's class path. Raises Py4JJavaError."""
    jvm: Any = spark.sparkContext._jvm
    # DriverManager doesn't see drivers of --packages, which have a class loader of their own.
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    given = jvm.java.util.Properties()
    for name, value in properties.items():
        given.setProperty(name, value)
    connection = loader.loadClass(driver).newInstance().connect(url, given)
    try:
        yield DatabaseConnection(connection)
    finally:
        with suppress(Exception):
            connection.close()


def _value(value: Any) -> Any:
    """Numbers beyond Python's come as Java objects: as text, which says them exactly."""
    return value if value is None or isinstance(value, int | float | str) else str(value)
