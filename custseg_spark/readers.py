"""The readers of files that have tables in them, by the files' kind."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession

from custseg_spark.ledger import LedgerRow
from custseg_spark.sources import sqlite, xlsx
from custseg_spark.sources.files import SourceFile
from custseg_spark.sources.profile import Profile
from custseg_spark.sources.raw import RawSource


@dataclass(frozen=True)
class Opened:
    """A file's row in the ledger, and its records; none where it has none."""

    row: LedgerRow
    records: RawSource | None


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


# A text instead of the records says why the file is passed over.
Reader = Callable[[SparkSession, SourceFile, str, Profile, Path], Opened | str]
READERS: dict[str, Reader] = {"sqlite": _sqlite, "xlsx": _xlsx}
