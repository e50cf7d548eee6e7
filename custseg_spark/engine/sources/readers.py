"""The readers of files, by the files' kind; a database's table and a frame are among them.

A new kind of file is a module in `formats` (its facts, its pieces) and a line in READERS.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import csv, jdbc, json, parquet, sqlite, xlsx
from custseg_spark.engine.sources.formats.jdbc_queries import table_name
from custseg_spark.engine.sources.formats.jdbc_tables import JdbcTable
from custseg_spark.engine.sources.formats.parquet import ParquetFile
from custseg_spark.engine.sources.formats.remote_text import RemoteText
from custseg_spark.engine.sources.formats.texts import TextFacts
from custseg_spark.engine.sources.frames import FrameCopy
from custseg_spark.engine.sources.pieces import Piece
from custseg_spark.paths import Remote
from custseg_spark.redaction import redacted


@dataclass(frozen=True)
class Opened:
    """What a file holds: its records by kind, and how to read them.

    `table` is that of a database, or the sheet of a workbook. A file that Spark reads where it is
    has no pieces but `remotes`. `part` is the sheet as a file of its own, `part_id` its id.
    """

    physical_records: int
    header: int = 0
    blank: int = 0
    table: str = ""
    pieces: Sequence[Piece] = ()
    remotes: Sequence[RemoteText | ParquetFile] = ()
    part: SourceFile | None = None
    part_id: str = ""


@dataclass(frozen=True)
class Opening:
    """What a reader is given: where copies may go, how long a piece is, what Spark has counted.

    Only a database by JDBC needs `spark`.
    """

    spark: SparkSession | None
    staging: Path
    piece_bytes: int
    counted: TextFacts | None = None


def _csv(file: SourceFile, file_id: str, mapping: MappingFile, by: Opening) -> Opened | str:
    facts = csv.inspect(file, mapping, by.piece_bytes, by.counted)
    if isinstance(facts, str):
        return facts
    is_here = by.counted is None
    return Opened(
        facts.physical_records,
        header=facts.header_lines,
        blank=facts.blank,
        pieces=csv.pieces(file, file_id, facts) if is_here else (),
        remotes=() if is_here else (RemoteText(file, file_id, facts),),
    )


def _json(file: SourceFile, file_id: str, mapping: MappingFile, by: Opening) -> Opened | str:
    part = json.inspect(file, file_id, mapping, by.staging)
    if isinstance(part, str):
        return part
    return Opened(part.physical_records, blank=part.blank, pieces=part.pieces)


def _sqlite(file: SourceFile, file_id: str, mapping: MappingFile, by: Opening) -> Opened:
    database = sqlite.inspect(file, file_id, mapping, by.staging)
    pieces = sqlite.pieces(database) if database.physical_records else []
    return Opened(database.physical_records, table=mapping.table, pieces=pieces)


def _jdbc(file: SourceFile, file_id: str, mapping: MappingFile, by: Opening) -> Opened:
    assert isinstance(file, JdbcTable)
    assert by.spark is not None
    rows, pieces = jdbc.read(by.spark, file, file_id, mapping, by.staging)
    return Opened(rows, table=redacted(table_name(mapping)), pieces=pieces)


def _xlsx(file: SourceFile, file_id: str, mapping: MappingFile, by: Opening) -> list[Opened] | str:
    sheets = xlsx.inspect(file, file_id, mapping, by.staging)
    if isinstance(sheets, str):
        return sheets
    return [
        Opened(
            sheet.physical_records,
            header=sheet.header,
            blank=sheet.blank,
            table=sheet.sheet,
            pieces=() if sheet.file.skipped_because else xlsx.pieces(sheet),
            part=sheet.file,
            part_id=sheet.file_id,
        )
        for sheet in sheets
    ]


def _parquet(file: SourceFile, file_id: str, mapping: MappingFile, by: Opening) -> Opened | str:
    part = parquet.inspect(file, file_id, mapping)
    if isinstance(part, str):
        return part
    if isinstance(file.path, Remote) and file.unpacked is None:
        return Opened(part.physical_records, remotes=(part,))
    return Opened(part.physical_records, pieces=parquet.pieces(part))


def _frame(file: SourceFile, file_id: str, mapping: MappingFile, by: Opening) -> Opened:
    assert isinstance(file, FrameCopy)
    parts = file.parts_as(file_id)
    if isinstance(file.path, Remote):
        return Opened(file.rows, remotes=parts)
    return Opened(file.rows, pieces=[piece for part in parts for piece in parquet.pieces(part)])


# A text instead of what the file holds says why the file is passed over; a list has its parts.
Reader = Callable[[SourceFile, str, MappingFile, Opening], Opened | list[Opened] | str]
READERS: dict[str, Reader] = {
    "text": _csv,
    "gzip": _csv,
    "xz": _csv,
    "json": _json,
    "sqlite": _sqlite,
    "jdbc": _jdbc,
    "xlsx": _xlsx,
    "parquet": _parquet,
    "frame": _frame,
}
