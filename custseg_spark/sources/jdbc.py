"""Tables of a database by JDBC as raw records: every value as the text one would type for it.

A table is known by a fingerprint that the database computes: the number of rows, and of each
column how many there are, the least, the greatest and, of whole and decimal numbers, the sum. A
table with another fingerprint is read once into Parquet files in the staging folder, so that both
passes of ingest see the same rows; `source_row` counts them in their order by the partition column
and then by all columns, so that it doesn't depend on the order in which the database gives them.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    DateType,
    DecimalType,
    FractionalType,
    IntegralType,
    MapType,
    NumericType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from custseg_spark.errors import ConfigurationError, InputError, nearest
from custseg_spark.places import Remote, is_database
from custseg_spark.session import quoted_for
from custseg_spark.sources import jdbc_options
from custseg_spark.sources.files import SourceFile
from custseg_spark.sources.paths import escape_glob
from custseg_spark.sources.profile import Profile
from custseg_spark.sources.raw import RawSource, check_columns, of_table
from custseg_spark.sources.values import as_text, quoted

_ROWS_PER_PARTITION = 250_000
# Each is a connection.
_MOST_PARTITIONS = 32
_RANGED = (NumericType, DateType, TimestampType, TimestampNTZType)
_COUNT, _LEAST, _GREATEST = "COUNT({})", "MIN({})", "MAX({})"
# Of a text its beginning; the types that have no order have one as text.
_LEAST_TEXT, _GREATEST_TEXT = "MIN(CAST({} AS CHAR(64)))", "MAX(CAST({} AS CHAR(64)))"
# Wider than the column, so that no database overflows.
_SUM = "SUM(CAST({} AS DECIMAL(38, 4)))"
_PACKAGES = {
    "postgresql": "org.postgresql:postgresql",
    "snowflake": "net.snowflake:snowflake-jdbc",
}
_TABLES = (
    "SELECT table_name FROM information_schema.tables"
    " WHERE LOWER(table_schema) NOT IN ('information_schema', 'pg_catalog')"
)


@dataclass(frozen=True)
class JdbcTable(SourceFile):
    """A table as it is found: its columns, rows, and the bounds of the partition column.

    `sha256` is of its fingerprint, URL and condition.
    """

    fields: tuple[StructField, ...] = ()
    records: int = 0
    ranged: StructField | None = None
    bounds: tuple[str | None, str | None] = (None, None)


def tables(spark: SparkSession, profile: Profile) -> list[JdbcTable]:
    """The profile's table in each of its databases.

    Raises InputError for a database out of reach, an absent table or column, and a column of the
    profile that holds more than one value; ConfigurationError for a partition column of a type
    without ranges.
    """
    return [_found(spark, url, profile) for url in profile.path if is_database(url)]


def _found(spark: SparkSession, url: str, profile: Profile) -> JdbcTable:
    fields = _fields(spark, url, profile)
    ranged = _partition_column(fields, profile, _where(url, profile))
    names = quoted_for(spark, url, [f.name for f in fields])
    measures = [(f, m.format(n)) for f, n in zip(fields, names, strict=True) for m in _measures(f)]
    values = _one_row(spark, url, profile, ["COUNT(*)", *(sql for _, sql in measures)])
    bounds = [v for (f, sql), v in zip(measures, values[1:], strict=True)
              if f is ranged and not sql.startswith(("COUNT", "SUM"))]  # fmt: skip
    key = repr((url, table_name(profile), [f.simpleString() for f in fields], values))
    return JdbcTable(
        Remote(url),
        "jdbc",
        0,
        hashlib.sha256(key.encode()).hexdigest(),
        named_outright=True,
        fields=tuple(fields),
        records=int(values[0] or 0),
        ranged=ranged,
        bounds=(bounds[0], bounds[1]) if bounds else (None, None),
    )


def table_name(profile: Profile) -> str:
    """What the ledger calls the table: its name, with the condition that its rows fulfil."""
    condition = profile.jdbc.where
    return f"{profile.table} WHERE {condition}" if condition else profile.table


def _where(url: str, profile: Profile) -> str:
    return f"{url}: table '{table_name(profile)}'"


def _relation(profile: Profile) -> str:
    if not profile.jdbc.where:
        return profile.table
    return "(SELECT * FROM " + profile.table + " WHERE " + profile.jdbc.where + ") facts"


def _reader(spark: SparkSession, url: str, profile: Profile) -> DataFrameReader:
    options = jdbc_options.options(url, profile.jdbc, os.environ)
    return spark.read.format("jdbc").options(**options)


def _fields(spark: SparkSession, url: str, profile: Profile) -> Sequence[StructField]:
    """The table's columns, checked against the profile."""
    where = _where(url, profile)
    if not profile.table:
        raise ConfigurationError(f"source {profile.name}: a database takes a table (key 'table')")
    try:
        with _explained(url, profile):
            found = _reader(spark, url, profile).option("dbtable", _relation(profile)).load()
    except InputError as error:
        raise InputError(f"{error}{_hint(spark, url, profile)}") from error
    fields = found.schema.fields
    names = [f.name for f in fields]
    check_columns(_named(names, profile).values(), profile, f"{where}: the table")
    folded = [name.lower() for name in names]
    twice = [name for name in names if folded.count(name.lower()) > 1]
    if twice:
        raise InputError(f"{where} has the column '{twice[0]}' twice (case aside)")
    mapped = set(profile.columns.values())
    for field, name in zip(fields, _named(names, profile).values(), strict=True):
        if name in mapped and isinstance(field.dataType, ArrayType | MapType | StructType):
            kind = field.dataType.simpleString()
            raise InputError(f"{where}: the column '{name}' is {kind}; expected a single value")
    return fields


def _hint(spark: SparkSession, url: str, profile: Profile) -> str:
    """The nearest table, where the database tells of its tables."""
    try:
        with _explained(url, profile):
            rows = _reader(spark, url, profile).option("query", _TABLES).load().collect()
    except InputError:
        return ""
    own = profile.table.rpartition(".")[2]
    known = {row[0] for row in rows}
    return nearest(own, known) if own.lower() not in {n.lower() for n in known} else ""


def _named(names: Sequence[str], profile: Profile) -> dict[str, str]:
    """The database's names of columns: the profile's, of which some databases change the case."""
    folded = {name.lower(): name for name in names}
    own = {folded[c.lower()]: c for c in profile.columns.values()
           if c not in names and c.lower() in folded}  # fmt: skip
    return {name: own.get(name, name) for name in names}


def _measures(field: StructField) -> list[str]:
    """What a column adds to the fingerprint."""
    type_ = field.dataType
    if isinstance(type_, IntegralType | DecimalType):
        return [_COUNT, _LEAST, _GREATEST, _SUM]
    # Sums of floating numbers differ with the order of adding.
    if isinstance(type_, FractionalType | DateType | TimestampType | TimestampNTZType):
        return [_COUNT, _LEAST, _GREATEST]
    return [_COUNT, _LEAST_TEXT, _GREATEST_TEXT] if isinstance(type_, StringType) else [_COUNT]


def _partition_column(
    fields: Sequence[StructField], profile: Profile, where: str
) -> StructField | None:
    """The column by whose ranges the table is read; None where it is read by one task, or by the
    profile's predicates."""
    if profile.jdbc.predicates:
        return None
    asked = profile.jdbc.partition_column
    wanted = (asked or profile.columns.get("event_at", "")).lower()
    found = next((f for f in fields if f.name.lower() == wanted), None)
    if asked and not found:
        known = [f.name for f in fields]
        raise ConfigurationError(f"{where}: jdbc.partition_column: there is no column '{asked}'"
                                 f"{nearest(asked, known)}")  # fmt: skip
    if found and not isinstance(found.dataType, _RANGED):
        if asked:
            raise ConfigurationError(
                f"{where}: jdbc.partition_column '{asked}' is {found.dataType.simpleString()};"
                " expected a number, date or timestamp"
            )
        return None
    return found


def _one_row(
    spark: SparkSession, url: str, profile: Profile, columns: Sequence[str]
) -> list[str | None]:
    """The values of a query's only row, as text."""
    named = [sql + " AS v" + str(i) for i, sql in enumerate(columns)]
    query = "SELECT " + ", ".join(named) + " FROM " + _relation(profile)
    with _explained(url, profile):
        found = _reader(spark, url, profile).option("query", query).load()
        [row] = found.select([as_text(f) for f in found.schema.fields]).collect()
    return list(row)


def read(
    spark: SparkSession, table: JdbcTable, file_id: str, profile: Profile, staging: Path
) -> tuple[int, RawSource | None]:
    """How many rows the table gave, and their records; none of an empty table.

    Raises InputError where rows are lost or come twice: rows that are added meanwhile may be among
    those read, and are known by their ids when they come again.
    """
    if not table.records:
        return 0, None
    folder = staging / f"{file_id}.table"
    url = str(table.path)
    with _explained(url, profile):
        staged = _ordered(_partitioned(spark, table, profile), table)
        staged.write.parquet(str(folder))
    lengths = _lengths(folder)
    rows = sum(lengths)
    if rows != table.records:
        [now] = _one_row(spark, url, profile, ["COUNT(*)"])
        if not table.records <= rows <= int(now or 0):
            raise InputError(
                f"{_where(url, profile)}: {rows:,} rows were read, of {table.records:,} before and"
                f" {int(now or 0):,} after; rows were removed meanwhile, or jdbc.predicates leave"
                " some out or take some twice"
            )
    return rows, _records(spark, table, file_id, folder, lengths, profile)


def _partitioned(spark: SparkSession, table: JdbcTable, profile: Profile) -> DataFrame:
    """The table's rows as the database has them, in ranges of the partition column, ascending."""
    url, keys = str(table.path), profile.jdbc
    if keys.predicates:
        properties = jdbc_options.options(url, keys, os.environ)
        return spark.read.jdbc(
            url, _relation(profile), predicates=list(keys.predicates), properties=properties
        )
    needed = min(_MOST_PARTITIONS, -(-table.records // _ROWS_PER_PARTITION))
    partitions = keys.partitions or needed
    reader = _reader(spark, url, profile).option("dbtable", _relation(profile))
    lowest, highest = table.bounds
    if table.ranged is None or lowest is None or highest is None or partitions == 1:
        return reader.load()
    return reader.options(
        partitionColumn=table.ranged.name,
        lowerBound=_bound(lowest, table.ranged),
        upperBound=_bound(highest, table.ranged),
        numPartitions=str(partitions),
    ).load()


def _bound(text: str, field: StructField) -> str:
    """A bound as Spark reads it: of numbers it takes whole ones."""
    return str(int(Decimal(text))) if isinstance(field.dataType, NumericType) else text


def _ordered(rows: DataFrame, table: JdbcTable) -> DataFrame:
    """The rows as text, in an order of their own within each partition."""
    texts = [as_text(field).alias(f"c{i}") for i, field in enumerate(table.fields)]
    names = [f"c{i}" for i in range(len(texts))]
    first = F.col(quoted(table.ranged.name)) if table.ranged else F.lit(0)
    return rows.select(*texts, first.alias("first")).sortWithinPartitions("first", *names).select(
        *names
    )  # fmt: skip


def _lengths(folder: Path) -> list[int]:
    """The rows of each partition; one without rows may have no file."""
    found = {
        int(path.name.split("-")[1]): pq.read_metadata(path).num_rows
        for path in folder.glob("part-*.parquet")
    }
    return [found.get(i, 0) for i in range(max(found, default=-1) + 1)]


def _records(
    spark: SparkSession,
    table: JdbcTable,
    file_id: str,
    folder: Path,
    lengths: Sequence[int],
    profile: Profile,
) -> RawSource:
    names = _named([f.name for f in table.fields], profile).values()
    texts = {name: F.col(f"c{i}") for i, name in enumerate(names)}
    schema = ", ".join(f"c{i} string" for i in range(len(texts)))
    found = spark.read.schema(schema).parquet(escape_glob(str(folder)))
    rows = found.select("*", _row_number(lengths).alias("source_row"))
    return of_table(rows, texts, F.lit(None).cast("string"), table, file_id, profile)


def _row_number(lengths: Sequence[int]) -> Column:
    before = F.array(*[F.lit(n).cast("bigint") for n in accumulate(lengths, initial=0)])
    part = F.split_part(F.col("_metadata.file_name"), F.lit("-"), F.lit(2)).cast("int")
    return F.element_at(before, part + 1) + F.col("_metadata.row_index") + 1


def first(spark: SparkSession, url: str, profile: Profile, most: int, staging: Path) -> SourceFile:
    """At most so many rows of the table, as a small Parquet file. Raises as `tables` does."""
    fields = _fields(spark, url, profile)
    with _explained(url, profile):
        found = _reader(spark, url, profile).option("dbtable", _relation(profile)).load()
        texts = [as_text(field).alias(f"c{i}") for i, field in enumerate(fields)]
        rows = found.select(*texts).limit(most).collect()
    names = list(_named([f.name for f in fields], profile).values())
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(len(names))]
    path = staging / "beginning.parquet"
    pq.write_table(pa.Table.from_arrays(columns, names), path)
    return SourceFile(Remote(url), "parquet", 0, "", named_outright=True, unpacked=path)


@contextmanager
def _explained(url: str, profile: Profile) -> Iterator[None]:
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
        raise InputError(f"{_where(url, profile)}: {said}") from None


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
