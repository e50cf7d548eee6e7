"""Tables of a database by JDBC as raw records: every value as the text one would type for it.

A table is read once, into Parquet files in the staging folder, so that both passes of ingest see
the same rows. `source_row` counts them in their order by the partition column and then by all
columns, so that it doesn't depend on the order in which the database gives them.
"""

import os
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import NumericType, StructField, TimestampNTZType

from custseg_spark.config import jdbc as jdbc_options
from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.discovery.paths import outright
from custseg_spark.engine.sources.formats.jdbc_queries import (
    described,
    explained,
    one_row,
    reader,
    relation,
)
from custseg_spark.engine.sources.formats.jdbc_tables import JdbcTable, fields_of, named
from custseg_spark.engine.sources.raw import RawSource, of_table
from custseg_spark.engine.sources.values import as_text, quoted
from custseg_spark.engine.spark.session import quoted_for
from custseg_spark.errors import InputError
from custseg_spark.paths import Remote, spark_uri

_ROWS_PER_PARTITION = 250_000
# Each is a connection.
_MOST_PARTITIONS = 32


def read(
    spark: SparkSession, table: JdbcTable, file_id: str, mapping: MappingFile, staging: Path
) -> tuple[int, RawSource | None]:
    """How many rows the table gave, and their records; none of an empty table.

    Raises InputError where rows are lost or come twice: rows that are added meanwhile may be among
    those read, and are known by their ids when they come again.
    """
    if not table.records:
        return 0, None
    folder = staging / f"{file_id}.table"
    url = str(table.path)
    with explained(url, mapping):
        staged = _ordered(_partitioned(spark, table, mapping), table)
        staged.write.parquet(spark_uri(folder))
    lengths = _lengths(folder)
    rows = sum(lengths)
    if rows != table.records:
        [now] = one_row(spark, url, mapping, ["COUNT(*)"])
        if not table.records <= rows <= int(now or 0):
            raise InputError(
                f"{described(url, mapping)}: {rows:,} rows were read, of {table.records:,} before"
                f" and {int(now or 0):,} after; rows were removed meanwhile, or jdbc.predicates"
                " leave some out or take some twice"
            )
    return rows, _records(spark, table, file_id, folder, lengths, mapping)


def _partitioned(spark: SparkSession, table: JdbcTable, mapping: MappingFile) -> DataFrame:
    """The table's rows as the database has them, in ranges of the partition column, ascending."""
    url, keys = str(table.path), mapping.jdbc
    needed = min(_MOST_PARTITIONS, -(-table.records // _ROWS_PER_PARTITION))
    partitions = keys.partitions or needed
    lowest, highest = table.bounds
    if keys.predicates:
        return _by_predicates(spark, url, mapping, keys.predicates)
    ranged = reader(spark, url, mapping).option("dbtable", relation(mapping))
    if table.ranged is None or lowest is None or highest is None or partitions == 1:
        return ranged.load()
    if isinstance(table.ranged.dataType, TimestampNTZType):
        # Spark has no ranges of these.
        [name] = quoted_for(spark, url, [table.ranged.name])
        return _by_predicates(spark, url, mapping, _ranges(url, name, lowest, highest, partitions))
    return ranged.options(
        partitionColumn=table.ranged.name,
        lowerBound=_bound(lowest, table.ranged),
        upperBound=_bound(highest, table.ranged),
        numPartitions=str(partitions),
    ).load()


def _by_predicates(
    spark: SparkSession, url: str, mapping: MappingFile, predicates: Sequence[str]
) -> DataFrame:
    properties = jdbc_options.options(url, mapping.jdbc, os.environ)
    return spark.read.jdbc(
        url, relation(mapping), predicates=list(predicates), properties=properties
    )


def _ranges(url: str, name: str, lowest: str, highest: str, partitions: int) -> list[str]:
    """So many ranges of times, ascending, as SQL; together they hold every row once."""
    begin, end = datetime.fromisoformat(lowest), datetime.fromisoformat(highest)
    step = (end - begin) / partitions
    # SQL Server alone doesn't know the standard's word.
    word = "" if jdbc_options.database(url) == "sqlserver" else "TIMESTAMP "
    borders = [
        word + (begin + step * i).strftime("'%Y-%m-%d %H:%M:%S'") for i in range(1, partitions)
    ]
    inner = [name + " >= " + low + " AND " + name + " < " + high for low, high in pairwise(borders)]
    before = name + " < " + borders[0] + " OR " + name + " IS NULL"
    return [before, *inner, name + " >= " + borders[-1]]


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
    mapping: MappingFile,
) -> RawSource:
    names = named([f.name for f in table.fields], mapping).values()
    texts = {name: F.col(f"c{i}") for i, name in enumerate(names)}
    schema = ", ".join(f"c{i} string" for i in range(len(texts)))
    found = spark.read.schema(schema).parquet(outright(folder))
    rows = found.select("*", _row_number(lengths).alias("source_row"))
    return of_table(rows, texts, F.lit(None).cast("string"), table, file_id, mapping)


def _row_number(lengths: Sequence[int]) -> Column:
    before = F.array(*[F.lit(n).cast("bigint") for n in accumulate(lengths, initial=0)])
    part = F.split_part(F.col("_metadata.file_name"), F.lit("-"), F.lit(2)).cast("int")
    return F.element_at(before, part + 1) + F.col("_metadata.row_index") + 1


def first(
    spark: SparkSession, url: str, mapping: MappingFile, most: int, staging: Path
) -> SourceFile:
    """At most so many rows of the table, as a small Parquet file. Raises as `tables` does."""
    fields = fields_of(spark, url, mapping)
    with explained(url, mapping):
        found = reader(spark, url, mapping).option("dbtable", relation(mapping)).load()
        texts = [as_text(field).alias(f"c{i}") for i, field in enumerate(fields)]
        rows = found.select(*texts).limit(most).collect()
    names = list(named([f.name for f in fields], mapping).values())
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(len(names))]
    path = staging / "beginning.parquet"
    pq.write_table(pa.Table.from_arrays(columns, names), path)
    return SourceFile(Remote(url), "parquet", 0, "", named_outright=True, unpacked=path)
