"""The ledger of ingest, one row a file: its keys, its balance, its rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from custseg_spark.engine.lake.tables import Appender, Lake
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.errors import InputError
from custseg_spark.schemas import INGEST_FILES


@dataclass(frozen=True)
class LedgerRow:
    """A file's row in the ledger, but for what only the finished write can tell."""

    file_id: str
    source: str
    file: SourceFile
    table: str = ""
    physical_records: int = 0
    header: int = 0
    blank: int = 0
    skipped_because: str | None = None
    multiline: bool = False


def keys(lake: Lake) -> set[str]:
    """The ids of the files in the ledger, and of skipped ones path and reason: a few bytes each."""
    rows = lake.read(INGEST_FILES).select("file_id", "source_file", "skipped_because").collect()
    return {r.file_id if r.skipped_because is None else skip_key(r[1], r[2]) for r in rows}


def skip_key(path: str, reason: str) -> str:
    return f"{path}: {reason}"


@dataclass(frozen=True)
class Counts:
    """What the rules said of a file's records."""

    valid: int = 0
    rejected: int = 0
    rounded: int = 0


def check_balance(rows: Iterable[LedgerRow], counts: Mapping[str, Counts]) -> None:
    """The parser must have seen each record that the byte count has."""
    for row in rows:
        seen = counts.get(row.file_id, Counts())
        expected = row.physical_records - row.header - row.blank
        if seen.valid + seen.rejected != expected and not row.skipped_because:
            raise InputError(
                f"{row.file.name}: the bytes hold {expected:,} records, the parser found"
                f" {seen.valid + seen.rejected:,}; the file may have changed while it was read"
                + (", or a quote stands inside a value" if row.multiline else "")
            )


def write(
    appender: Appender,
    ledger_rows: Sequence[LedgerRow],
    counts: Mapping[str, Counts],
    accepted: Mapping[str, int],
    ingested_at: datetime,
) -> None:
    if not ledger_rows:
        return
    rows = []
    for row in ledger_rows:
        seen, kept = counts.get(row.file_id, Counts()), accepted.get(row.file_id, 0)
        rows.append(
            (
                row.file_id,
                row.source,
                row.file.name,
                row.table,
                row.file.sha256,
                row.file.bytes,
                row.physical_records,
                row.header,
                row.blank,
                kept,
                seen.rejected,
                seen.valid - kept,
                seen.rounded,
                row.skipped_because,
                ingested_at,
            )
        )
    ledger = appender.lake.spark.createDataFrame(rows, INGEST_FILES.schema)
    appender.append(ledger.coalesce(1), INGEST_FILES)
