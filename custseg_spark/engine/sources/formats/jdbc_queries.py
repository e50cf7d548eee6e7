"""Queries to a database by JDBC: a mapping's table, and what goes wrong, told without secrets."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrameReader, SparkSession

from custseg_spark.config import jdbc as jdbc_options
from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.events.tables import column_texts
from custseg_spark.engine.spark.database_errors import message_of
from custseg_spark.errors import InputError
from custseg_spark.redaction import STARS

_PACKAGES = {
    "postgresql": "org.postgresql:postgresql",
    "snowflake": "net.snowflake:snowflake-jdbc",
}


def table_name(mapping: MappingFile) -> str:
    """What the ledger calls the table: its name, with the condition that its rows fulfil."""
    condition = mapping.jdbc.where
    return f"{mapping.table} WHERE {condition}" if condition else mapping.table


def described(url: str, mapping: MappingFile) -> str:
    return f"{url}: table '{table_name(mapping)}'"


def relation(mapping: MappingFile) -> str:
    if not mapping.jdbc.where:
        return mapping.table
    return "(SELECT * FROM " + mapping.table + " WHERE " + mapping.jdbc.where + ") facts"


def reader(spark: SparkSession, url: str, mapping: MappingFile) -> DataFrameReader:
    options = jdbc_options.options(url, mapping.jdbc, os.environ)
    return spark.read.format("jdbc").options(**options)


def one_row(
    spark: SparkSession, url: str, mapping: MappingFile, columns: Sequence[str]
) -> list[str | None]:
    """Return the values of a query's only row, as text."""
    named = [sql + " AS v" + str(i) for i, sql in enumerate(columns)]
    query = "SELECT " + ", ".join(named) + " FROM " + relation(mapping)
    with explained(url, mapping):
        frame = reader(spark, url, mapping).option("query", query).load()
        values = frame.toArrow().combine_chunks()
    return [column_texts(column.combine_chunks())[0][0] for column in values.columns]


@contextmanager
def explained(url: str, mapping: MappingFile) -> Iterator[None]:
    """What the database or its driver says, as an InputError without secrets."""
    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        message = message_of(error)
        if message is None:
            raise
        for secret in jdbc_options.secrets(url, mapping.jdbc, os.environ):
            message = message.replace(secret, STARS)
        if "ClassNotFoundException" in message or "No suitable driver" in message:
            package = _PACKAGES.get(jdbc_options.database(url), "GROUP:ARTIFACT")
            message = (
                f"its driver isn't there ({message}); spark-submit --packages {package}:VERSION"
            )
        # Without what it came from: that may hold the secret.
        raise InputError(f"{described(url, mapping)}: {message}") from None
