"""Parquet files as raw records: every value as the text that a person would type for it.

The footer says how many rows a file has; Spark reads them. Files of one schema are read together,
as a folder may hold thousands.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.discovery.paths import (
    metadata_path,
    of_input_file,
    outright,
    spark_path,
)
from custseg_spark.engine.sources.raw import NOT_ITS_COLUMNS, RawSource, check_columns, of_tables
from custseg_spark.engine.sources.values import as_text, is_text
from custseg_spark.errors import InputError

_MAGIC = b"PAR1"
_USUAL_FOOTER_BYTES = 1 << 16
# More is not a length but damage.
_MOST_FOOTER_BYTES = 1 << 28
_DAMAGES = (pa.ArrowInvalid, OSError)


@dataclass(frozen=True)
class ParquetFile:
    """A file with its schema and the number of its rows, as its footer has them."""

    file: SourceFile
    file_id: str
    schema: pa.Schema
    physical_records: int


def inspect(file: SourceFile, file_id: str, mapping: MappingFile) -> ParquetFile | str:
    """The file's footer, its columns checked against the mapping; or why it is passed over.

    Raises InputError for a damaged file, an absent column, one that is there twice but for its
    case, and a column of the mapping that holds more than one value.
    """
    try:
        with pq.ParquetFile(file.footer or file.data) as opened:
            schema, records = opened.schema_arrow, opened.metadata.num_rows
    except _DAMAGES as error:
        raise _damaged(file, error) from error
    if not file.named_outright and not set(schema.names) & set(mapping.columns.values()):
        return NOT_ITS_COLUMNS
    _check(schema, mapping, str(file.path))
    return ParquetFile(file, file_id, schema, records)


def _check(schema: pa.Schema, mapping: MappingFile, where: str) -> None:
    check_columns(schema.names, mapping, f"{where}: the file")
    folded = [name.lower() for name in schema.names]
    # Spark finds columns whatever their case.
    twice = [name for name in schema.names if folded.count(name.lower()) > 1]
    if twice:
        raise InputError(f"{where}: the file has the column '{twice[0]}' twice (case aside)")
    for source in mapping.columns.values():
        if source in schema.names and pa.types.is_nested(schema.field(source).type):
            kind = schema.field(source).type
            raise InputError(f"{where}: the column '{source}' is {kind}; expected a single value")


def footer(read_end: Callable[[int], bytes]) -> bytes:
    """The footer of a file, by itself as good as the file for its schema and the number of rows.

    `read_end` reads at most so many of the file's last bytes. Of a damaged file its end.
    """
    end = read_end(_USUAL_FOOTER_BYTES)
    needed = int.from_bytes(end[-8:-4], "little") + 8
    is_whole = needed <= len(end)
    if is_whole or not end.endswith(_MAGIC) or needed > _MOST_FOOTER_BYTES:
        return end[-needed:]
    return read_end(needed)


def first_rows(file: SourceFile, most: int) -> tuple[list[str], list[list[str | None]]]:
    """The names of the columns and at most so many rows, as text. Raises as `inspect` does."""
    rows: list[list[str | None]] = []
    try:
        with pq.ParquetFile(file.data) as opened:
            names = list(opened.schema_arrow.names)
            for batch in opened.iter_batches(batch_size=most):
                cells = [column.to_pylist() for column in batch.columns]
                rows += [[_typed(value) for value in row] for row in zip(*cells, strict=True)]
                if len(rows) >= most:
                    break
    except _DAMAGES as error:
        raise _damaged(file, error) from error
    return names, rows[:most]


def _typed(value: Any) -> str | None:
    """A value as `as_text` has it, near enough for a look at the first rows."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None or value != value else str(value)


def _damaged(file: SourceFile, error: Exception) -> InputError:
    said = " ".join(str(error).split())
    return InputError(f"{file.path}: the Parquet file is damaged: {said}")


def read(
    spark: SparkSession, sources: Sequence[ParquetFile], mapping: MappingFile, staging: Path
) -> list[RawSource]:
    """Raw records of the files, one RawSource for each schema among them; rows count from 1."""
    by_schema: dict[str, list[ParquetFile]] = {}
    for source in sources:
        by_schema.setdefault(source.schema.remove_metadata().to_string(), []).append(source)
    return [_read(spark, group, mapping, staging) for group in by_schema.values()]


def _read(
    spark: SparkSession, group: Sequence[ParquetFile], mapping: MappingFile, staging: Path
) -> RawSource:
    paths = {spark_path(c.file, c.file_id, staging): c for c in group}
    found = spark.read.parquet(*map(outright, paths))
    fields = found.schema.fields
    table = found.select(
        *[as_text(field).alias(f"c{i}") for i, field in enumerate(fields)],
        (F.col("_metadata.row_index") + 1).alias("source_row"),
        F.col("_metadata.file_path").alias("spark_path"),
    ).join(F.broadcast(_files(spark, found.inputFiles(), paths)), "spark_path", how="inner")
    texts = {field.name: F.col(f"c{i}") for i, field in enumerate(fields)}
    valid = F.lit(True)
    for field in filter(is_text, fields):
        valid = valid & F.coalesce(F.is_valid_utf8(texts[field.name]), F.lit(True))
    return of_tables(table, texts, F.when(~valid, "invalid_utf8"), mapping)


def _files(spark: SparkSession, uris: Sequence[str], paths: Mapping[str, ParquetFile]) -> DataFrame:
    """One row a file: Spark's name of it, and what the ledger calls it."""
    found = [(metadata_path(uri), of_input_file(uri, paths)) for uri in uris]
    rows = [(name, source.file_id, source.file.name) for name, source in found]
    return spark.createDataFrame(rows, "spark_path string, file_id string, source_file string")
