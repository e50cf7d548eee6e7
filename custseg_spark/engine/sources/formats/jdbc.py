"""Read tables of a database by JDBC as records, every value as the text a person would type.

A table is read once, into Parquet files in the staging folder, so that both passes of ingest see
the same rows. `source_row` numbers the rows by the partition column and then by all columns, so
that it doesn't depend on the database's order.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import NumericType, StructField, TimestampNTZType

from custseg_spark.config import jdbc as jdbc_options
from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.events.records import Records
from custseg_spark.core.events.tables import table_records
from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats.jdbc_queries import (
    described,
    explained,
    one_row,
    reader,
    relation,
)
from custseg_spark.engine.sources.formats.jdbc_tables import JdbcTable, fields_of, named
from custseg_spark.engine.sources.formats.parquet import quoted
from custseg_spark.engine.sources.pieces import ROWS_PER_CHUNK
from custseg_spark.engine.spark.session import quoted_for
from custseg_spark.errors import InputError
from custseg_spark.paths import Remote, spark_uri

_ROWS_PER_PARTITION = 250_000
# The number of connections.
_MOST_PARTITIONS = 32


@dataclass(frozen=True)
class JdbcPiece:
    """A staged partition of a table; `first_row` is the number of its first row."""

    file_id: str
    source_file: str
    path: Path
    columns: tuple[str, ...]
    first_row: int
    size: int

    def records(self, mapping: SourceMapping) -> Iterator[Records]:
        row = self.first_row
        with pq.ParquetFile(self.path, coerce_int96_timestamp_unit="us") as opened:
            for batch in opened.iter_batches(batch_size=ROWS_PER_CHUNK, use_threads=False):
                rows = np.arange(row, row + batch.num_rows, dtype=np.int64)
                table = pa.Table.from_batches([batch]).rename_columns(list(self.columns))
                yield table_records(table, rows, decimal=mapping.decimal)
                row += batch.num_rows


def read(
    spark: SparkSession, table: JdbcTable, file_id: str, mapping: MappingFile, staging: Path
) -> tuple[int, list[JdbcPiece]]:
    """Return the number of rows of the table, and the pieces to read them.

    Raises InputError if rows are lost or read twice. Rows that are added meanwhile may be among
    them; ingest recognises them by their ids later.
    """
    if not table.records:
        return 0, []
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
    return rows, _pieces(table, file_id, folder, lengths, mapping)


def _partitioned(spark: SparkSession, table: JdbcTable, mapping: MappingFile) -> DataFrame:
    """Return the table's rows as the database has them, in ascending ranges of the partition
    column.
    """
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
        # Spark has no ranges of such types.
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
    """Return ascending ranges of times as SQL; together they hold every row once."""
    begin, end = datetime.fromisoformat(lowest), datetime.fromisoformat(highest)
    step = (end - begin) / partitions
    # Only SQL Server lacks the standard's word.
    word = "" if jdbc_options.database(url) == "sqlserver" else "TIMESTAMP "
    borders = [
        word + (begin + step * i).strftime("'%Y-%m-%d %H:%M:%S'") for i in range(1, partitions)
    ]
    inner = [name + " >= " + low + " AND " + name + " < " + high for low, high in pairwise(borders)]
    before = name + " < " + borders[0] + " OR " + name + " IS NULL"
    return [before, *inner, name + " >= " + borders[-1]]


def _bound(text: str, field: StructField) -> str:
    """Return a bound in Spark's form: whole for numbers."""
    return str(int(Decimal(text))) if isinstance(field.dataType, NumericType) else text


def _ordered(rows: DataFrame, table: JdbcTable) -> DataFrame:
    """Sort the rows within each partition; columns are given by number."""
    names = [f"c{i}" for i in range(len(table.fields))]
    values = [F.col(quoted(f.name)).alias(n) for f, n in zip(table.fields, names, strict=True)]
    first = F.col(quoted(table.ranged.name)) if table.ranged else F.lit(0)
    ordered = rows.select(*values, first.alias("first"))
    texts = [F.col(n).cast("string") for n in names]
    return ordered.sortWithinPartitions("first", *texts).select(*names)


def _lengths(folder: Path) -> list[int]:
    """Return the number of rows of each partition; an empty one may have no file."""
    lengths = {
        _number(path): pq.read_metadata(path).num_rows for path in folder.glob("part-*.parquet")
    }
    return [lengths.get(i, 0) for i in range(max(lengths, default=-1) + 1)]


def _pieces(
    table: JdbcTable, file_id: str, folder: Path, lengths: Sequence[int], mapping: MappingFile
) -> list[JdbcPiece]:
    columns = tuple(named([f.name for f in table.fields], mapping).values())
    before = list(accumulate(lengths, initial=0))
    return [
        JdbcPiece(
            file_id, table.name, path, columns, before[_number(path)] + 1, path.stat().st_size
        )
        for path in sorted(folder.glob("part-*.parquet"), key=_number)
    ]


def _number(path: Path) -> int:
    return int(path.name.split("-")[1])


def first(
    spark: SparkSession, url: str, mapping: MappingFile, most: int, staging: Path
) -> SourceFile:
    """Return at most so many rows as a small Parquet file. Raises as `tables` does."""
    fields = fields_of(spark, url, mapping)
    with explained(url, mapping):
        table = reader(spark, url, mapping).option("dbtable", relation(mapping)).load()
        values = [F.col(quoted(f.name)).alias(f"c{i}") for i, f in enumerate(fields)]
        rows = table.select(*values).limit(most).toArrow()
    names = list(named([f.name for f in fields], mapping).values())
    path = staging / "beginning.parquet"
    pq.write_table(rows.rename_columns(names), path)
    return SourceFile(Remote(url), "parquet", 0, "", named_outright=True, unpacked=path)
