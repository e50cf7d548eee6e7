"""The readers of files that have tables in them, by the files' kind; a database is one of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import jdbc, json, parquet, sqlite, xlsx
from custseg_spark.engine.sources.formats.jdbc_queries import table_name
from custseg_spark.engine.sources.formats.jdbc_tables import JdbcTable
from custseg_spark.engine.sources.formats.json import JsonFile
from custseg_spark.engine.sources.formats.parquet import ParquetFile
from custseg_spark.engine.sources.raw import RawSource
from custseg_spark.pipeline.ledger import LedgerRow

Part = ParquetFile | JsonFile


@dataclass(frozen=True)
class Opened:
    """A file's row in the ledger, and its records; none where it has none, or where they are read
    together with those of other files (`part`)."""

    row: LedgerRow
    records: RawSource | None
    part: Part | None = None


def _sqlite(
    spark: SparkSession, file: SourceFile, file_id: str, mapping: MappingFile, staging: Path
) -> Opened:
    database = sqlite.inspect(file, file_id, mapping, staging)
    row = LedgerRow(
        file_id,
        mapping.name,
        file,
        table=mapping.table,
        physical_records=database.physical_records,
    )
    records = sqlite.read(spark, database, mapping) if database.physical_records else None
    return Opened(row, records)


def _jdbc(
    spark: SparkSession, file: SourceFile, file_id: str, mapping: MappingFile, staging: Path
) -> Opened:
    assert isinstance(file, JdbcTable)
    rows, records = jdbc.read(spark, file, file_id, mapping, staging)
    row = LedgerRow(
        file_id,
        mapping.name,
        file,
        table=table_name(mapping),
        physical_records=rows,
    )
    return Opened(row, records)


def _xlsx(
    spark: SparkSession, file: SourceFile, file_id: str, mapping: MappingFile, staging: Path
) -> Opened | str:
    sheet = xlsx.inspect(file, file_id, mapping, staging)
    if isinstance(sheet, str):
        return sheet
    row = LedgerRow(
        file_id,
        mapping.name,
        file,
        table=sheet.sheet,
        physical_records=sheet.physical_records,
        header=1,
        blank=sheet.blank,
    )
    return Opened(row, xlsx.read(spark, sheet, mapping))


def _parquet(
    spark: SparkSession, file: SourceFile, file_id: str, mapping: MappingFile, staging: Path
) -> Opened | str:
    part = parquet.inspect(file, file_id, mapping)
    if isinstance(part, str):
        return part
    row = LedgerRow(file_id, mapping.name, file, physical_records=part.physical_records)
    return Opened(row, None, part)


def _json(
    spark: SparkSession, file: SourceFile, file_id: str, mapping: MappingFile, staging: Path
) -> Opened | str:
    part = json.inspect(file, file_id, mapping, staging)
    if isinstance(part, str):
        return part
    row = LedgerRow(
        file_id,
        mapping.name,
        file,
        physical_records=part.physical_records,
        blank=part.blank,
    )
    return Opened(row, None, part)


def joint(
    spark: SparkSession, parts: Sequence[Part], mapping: MappingFile, staging: Path
) -> list[RawSource]:
    """The records of files that are read together."""
    tables = [part for part in parts if isinstance(part, ParquetFile)]
    documents = [part for part in parts if isinstance(part, JsonFile) and part.pieces]
    found = parquet.read(spark, tables, mapping, staging)
    return [*found, json.read(spark, documents, mapping)] if documents else found


# A text instead of the records says why the file is passed over.
Reader = Callable[[SparkSession, SourceFile, str, MappingFile, Path], Opened | str]
READERS: dict[str, Reader] = {
    "sqlite": _sqlite,
    "jdbc": _jdbc,
    "xlsx": _xlsx,
    "parquet": _parquet,
    "json": _json,
}
