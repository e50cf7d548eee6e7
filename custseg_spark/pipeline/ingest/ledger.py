"""The ledger of ingest, with one row per file: its keys, its balance, its rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import IngestPublication
from custseg_spark.engine.lake.schemas import INGEST_FILES
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.errors import InputError


@dataclass(frozen=True)
class LedgerRow:
    """A file's row in the ledger, without the counts of the finished write."""

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
    """Return the ids of the files in the ledger, and path and reason of skipped files."""
    names = ["file_id", "source_file", "skipped_because"]
    rows = lake.rows(INGEST_FILES, names).to_pylist()
    return {
        skip_key(r["source_file"], r["skipped_because"]) if r["skipped_because"] else r["file_id"]
        for r in rows
    }


def skip_key(path: str, reason: str) -> str:
    return f"{path}: {reason}"


@dataclass(frozen=True)
class Counts:
    """The numbers of a file's records by the result of validation."""

    valid: int = 0
    rejected: int = 0
    rounded: int = 0
    ignored: int = 0

    @property
    def records(self) -> int:
        """The number of all records."""
        return self.valid + self.rejected + self.ignored


def check_balance(rows: Iterable[LedgerRow], counts: Mapping[str, Counts]) -> None:
    """Check that the parser has seen every record that counting bytes has found."""
    for row in rows:
        seen = counts.get(row.file_id, Counts())
        expected = row.physical_records - row.header - row.blank
        if seen.records != expected and not row.skipped_because:
            raise InputError(
                f"{row.file.name}: the bytes hold {expected:,} records, the parser found"
                f" {seen.records:,}; the file may have changed while it was read"
                + (", or a quote stands inside a value" if row.multiline else "")
            )


def write(
    publication: IngestPublication,
    ledger_rows: Sequence[LedgerRow],
    counts: Mapping[str, Counts],
    accepted: Mapping[str, int],
    ingested_at: datetime,
) -> None:
    if not ledger_rows:
        return
    rows = [_row(r, counts, accepted, ingested_at) for r in ledger_rows]
    columns = list(zip(*rows, strict=True))
    arrays = [pa.array(c, f.type) for c, f in zip(columns, INGEST_FILES.schema, strict=True)]
    publication.append(pa.table(arrays, schema=INGEST_FILES.schema), INGEST_FILES)


def _row(
    row: LedgerRow,
    counts: Mapping[str, Counts],
    accepted: Mapping[str, int],
    ingested_at: datetime,
) -> tuple[object, ...]:
    seen, kept = counts.get(row.file_id, Counts()), accepted.get(row.file_id, 0)
    return (
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
        seen.ignored,
        seen.valid - kept,
        seen.rounded,
        row.skipped_because,
        ingested_at,
    )
