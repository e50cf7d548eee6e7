"""Queries to a database by JDBC: a profile's table, and what goes wrong, told without secrets."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrameReader, SparkSession

from custseg_spark.errors import InputError
from custseg_spark.sources import jdbc_options
from custseg_spark.sources.profile import Profile
from custseg_spark.sources.values import as_text

_PACKAGES = {
    "postgresql": "org.postgresql:postgresql",
    "snowflake": "net.snowflake:snowflake-jdbc",
}


def table_name(profile: Profile) -> str:
    """What the ledger calls the table: its name, with the condition that its rows fulfil."""
    condition = profile.jdbc.where
    return f"{profile.table} WHERE {condition}" if condition else profile.table


def described(url: str, profile: Profile) -> str:
    return f"{url}: table '{table_name(profile)}'"


def relation(profile: Profile) -> str:
    if not profile.jdbc.where:
        return profile.table
    return "(SELECT * FROM " + profile.table + " WHERE " + profile.jdbc.where + ") facts"


def reader(spark: SparkSession, url: str, profile: Profile) -> DataFrameReader:
    options = jdbc_options.options(url, profile.jdbc, os.environ)
    return spark.read.format("jdbc").options(**options)


def one_row(
    spark: SparkSession, url: str, profile: Profile, columns: Sequence[str]
) -> list[str | None]:
    """The values of a query's only row, as text."""
    named = [sql + " AS v" + str(i) for i, sql in enumerate(columns)]
    query = "SELECT " + ", ".join(named) + " FROM " + relation(profile)
    with explained(url, profile):
        found = reader(spark, url, profile).option("query", query).load()
        [row] = found.select([as_text(f) for f in found.schema.fields]).collect()
    return list(row)


@contextmanager
def explained(url: str, profile: Profile) -> Iterator[None]:
    """What the database or its driver says, as an InputError without secrets."""
    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        said = _said(error)
        if said is None:
            raise
        for secret in jdbc_options.secrets(url, profile.jdbc, os.environ):
            said = said.replace(secret, "***")
        if "ClassNotFoundException" in said or "No suitable driver" in said:
            package = _PACKAGES.get(jdbc_options.database(url), "GROUP:ARTIFACT")
            said = f"its driver isn't there ({said}); spark-submit --packages {package}:VERSION"
        # Without what it came from: that may hold the secret.
        raise InputError(f"{described(url, profile)}: {said}") from None


def _said(error: Py4JJavaError | PySparkException) -> str | None:
    """The first line of what a database or its driver said; None of an error of another kind."""
    cause: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    while cause is not None:
        name = str(cause.getClass().getName())
        if "SQL" in name.rpartition(".")[2] or "java.sql." in name:
            return str(cause.getMessage() or name).splitlines()[0]
        if name == "java.lang.ClassNotFoundException":
            return f"ClassNotFoundException: {cause.getMessage()}"
        cause = cause.getCause()
    return None
