"""What ingest would make of the first records of a file, under a mapping: no lake, no Spark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.customers.validation import validate_customers
from custseg_spark.core.events.copies import repeated
from custseg_spark.core.events.schema import LATEST_AFTER_INGEST
from custseg_spark.core.events.validation import validate_events
from custseg_spark.engine.sources.formats import csv
from custseg_spark.engine.sources.heads import Head
from custseg_spark.errors import InputError

# A head in one piece: what is read is at most this.
_PIECE_BYTES = 1 << 27
_FIRST = 5


@dataclass(frozen=True)
class Refused:
    """A reason for which records would be refused, with the first of them."""

    code: str
    field: str
    records: int
    row: int
    value: str | None
    expected: str


@dataclass(frozen=True)
class Preview:
    """What the rules say of the first records; `first` are events by canonical column."""

    accepted: int
    duplicates: int
    refused: int
    reasons: Sequence[Refused]
    first: Sequence[Mapping[str, Any]]

    @property
    def refused_share(self) -> float:
        """Refused of all that were looked at."""
        read = self.accepted + self.duplicates + self.refused
        return self.refused / read if read else 0.0


def preview(head: Head, mapping: MappingFile, *, now: datetime) -> Preview:
    """What the rules say of a head. Raises InputError where a column of the mapping is missing."""
    # A head is text, whatever the file is; of a table its header comes first.
    mapping = replace(mapping, delimiter=head.delimiter, nested="", sheets=())
    if head.is_table:
        mapping = replace(mapping, multiline=False, header_row=0, widths=())
    facts = csv.inspect(head.file, mapping, _PIECE_BYTES)
    if isinstance(facts, str):
        raise InputError(f"{head.file.path}: {facts}")
    rows, copies, rejected = [], 0, []
    for piece in csv.pieces(head.file, "head", facts):
        for records in piece.records(mapping):
            where = {"source_file": str(head.file.path), "file_id": "head"}
            if mapping.fills == "customers":
                customers = validate_customers(records, mapping, **where)
                rows.append(customers.customers)
                rejected.append(customers.rejected)
                continue
            events = validate_events(records, mapping, latest=now + LATEST_AFTER_INGEST, **where)
            rows.append(events.events)
            rejected.append(events.rejected)
            if mapping.duplicates == "drop":
                copies += int(repeated(events.id_high, events.id_low).sum())
    if not rows:
        return Preview(0, 0, 0, [], [])
    accepted, refused = pl.concat(rows), pl.concat(rejected)
    if mapping.fills == "customers":
        copies = len(accepted) - accepted["customer_id"].n_unique()
    return Preview(
        accepted=len(accepted) - copies,
        duplicates=copies,
        refused=len(refused),
        reasons=_reasons(refused),
        first=list(
            accepted.head(_FIRST).select("source_row", *_shown(mapping)).iter_rows(named=True)
        ),
    )


def _shown(mapping: MappingFile) -> list[str | pl.Expr]:
    """The columns that the mapping fills; a time as text."""
    if mapping.fills == "customers":
        return list(mapping.columns)
    at = pl.col("event_at").dt.strftime("%Y-%m-%d %H:%M:%S").alias("event_at")
    others = [c for c in mapping.columns if c not in ("event_at", "event_type", "net_amount")]
    return [at, "event_type", *others]


def _reasons(refused: pl.DataFrame) -> list[Refused]:
    """As many as there are rules and columns, the most frequent first."""
    flat = refused.select("source_row", "reasons").explode("reasons").unnest("reasons")
    rows = (
        flat.sort("source_row", maintain_order=True)
        .group_by("code", "field")
        .agg(pl.len().alias("records"), pl.first("source_row", "value", "expected"))
        .sort(["records", "code", "field"], descending=[True, False, False])
    )
    return [Refused(*row) for row in rows.iter_rows()]
