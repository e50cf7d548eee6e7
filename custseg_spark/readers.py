"""The readers of files that have tables in them, by the files' kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession

from custseg_spark.ledger import LedgerRow
from custseg_spark.sources import json, parquet, sqlite, xlsx
from custseg_spark.sources.files import SourceFile
from custseg_spark.sources.json import JsonFile
from custseg_spark.sources.parquet import ParquetFile
from custseg_spark.sources.profile import Profile
from custseg_spark.sources.raw import RawSource

Part = ParquetFile | JsonFile


@dataclass(frozen=True)
class Opened:
    """A file's row in the ledger, and its records; none where it has none, or where they are read
    together with those of other files (`part`)."""

    row: LedgerRow
    records: RawSource | None
    part: Part | None = None


def _sqlite(
    spark: SparkSession, file: SourceFile, file_id: str, profile: Profile, staging: Path
) -> Opened:
    database = sqlite.inspect(file, file_id, profile, staging)
    row = LedgerRow(
        file_id,
        profile.name,
        file,
        table=profile.table,
        physical_records=database.physical_records,
    )
    records = sqlite.read(spark, database, profile) if database.physical_records else None
    return Opened(row, records)


def _xlsx(
    spark: SparkSession, file: SourceFile, file_id: str, profile: Profile, staging: Path
) -> Opened | str:
    sheet = xlsx.inspect(file, file_id, profile, staging)
    if isinstance(sheet, str):
        return sheet
    row = LedgerRow(
        file_id,
        profile.name,
        file,
        table=sheet.sheet,
        physical_records=sheet.physical_records,
        header=1,
        blank=sheet.blank,
    )
    return Opened(row, xlsx.read(spark, sheet, profile))


def _parquet(
    spark: SparkSession, file: SourceFile, file_id: str, profile: Profile, staging: Path
) -> Opened | str:
    part = parquet.inspect(file, file_id, profile)
    if isinstance(part, str):
        return part
    row = LedgerRow(file_id, profile.name, file, physical_records=part.physical_records)
    return Opened(row, None, part)


def _json(
    spark: SparkSession, file: SourceFile, file_id: str, profile: Profile, staging: Path
) -> Opened | str:
    part = json.inspect(file, file_id, profile, staging)
    if isinstance(part, str):
        return part
    row = LedgerRow(
        file_id,
        profile.name,
        file,
        physical_records=part.physical_records,
        blank=part.blank,
    )
    return Opened(row, None, part)


def joint(
    spark: SparkSession, parts: Sequence[Part], profile: Profile, staging: Path
) -> list[RawSource]:
    """The records of files that are read together."""
    tables = [part for part in parts if isinstance(part, ParquetFile)]
    documents = [part for part in parts if isinstance(part, JsonFile) and part.pieces]
    found = parquet.read(spark, tables, profile, staging)
    return [*found, json.read(spark, documents, profile)] if documents else found


# A text instead of the records says why the file is passed over.
Reader = Callable[[SparkSession, SourceFile, str, Profile, Path], Opened | str]
READERS: dict[str, Reader] = {"sqlite": _sqlite, "xlsx": _xlsx, "parquet": _parquet, "json": _json}
