"""What ingest would make of the first records of a file, under a mapping: no lake, no Spark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import polars as pl

from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.customers.validation import validate_customers
from custseg_spark.core.events.copies import repeated
from custseg_spark.core.events.records import Records
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
    ignored: int = 0

    @property
    def refused_share(self) -> float:
        """Refused of all that were looked at and aren't ignored, as ingest counts."""
        read = self.accepted + self.duplicates + self.refused
        return self.refused / read if read else 0.0


@dataclass
class Judged:
    """The first records by what became of them: rows of the tables that ingest would write.

    `accepted` has no copies; they are counted as `duplicates`.
    """

    accepted: list[pl.DataFrame] = field(default_factory=list)
    refused: list[pl.DataFrame] = field(default_factory=list)
    duplicates: int = 0
    ignored: int = 0


def preview(head: Head, mapping: MappingFile, *, now: datetime) -> Preview:
    """What the rules say of a head. Raises InputError where a column of the mapping is missing."""
    judged = judge(head, mapping, now=now)
    if not judged.accepted:
        return Preview(0, 0, 0, [], [])
    accepted, refused = pl.concat(judged.accepted), pl.concat(judged.refused)
    copies = judged.duplicates
    if mapping.fills == "customers":
        copies = len(accepted) - accepted["customer_id"].n_unique()
    return Preview(
        accepted=len(accepted) - (copies if mapping.fills == "customers" else 0),
        duplicates=copies,
        refused=len(refused),
        reasons=_reasons(refused),
        first=list(
            accepted.head(_FIRST).select("source_row", *_shown(mapping)).iter_rows(named=True)
        ),
        ignored=judged.ignored,
    )


def judge(head: Head, mapping: MappingFile, *, now: datetime) -> Judged:
    """The records of a head by what becomes of them. Raises as `preview` does."""
    # A head is text, whatever the file is; of a table its header comes first.
    mapping = replace(mapping, delimiter=head.delimiter, nested="", sheets=())
    if head.is_table:
        mapping = replace(mapping, multiline=False, header_row=0, widths=())
    facts = csv.inspect(head.file, mapping, _PIECE_BYTES)
    if isinstance(facts, str):
        raise InputError(f"{head.file.path}: {facts}")
    judged = Judged()
    for piece in csv.pieces(head.file, "head", facts):
        for records in piece.records(mapping):
            _judge(judged, records, mapping, str(head.file.path), now)
    return judged


def _judge(
    judged: Judged, records: Records, mapping: MappingFile, source_file: str, now: datetime
) -> None:
    where = {"source_file": source_file, "file_id": "head"}
    if mapping.fills == "customers":
        customers = validate_customers(records, mapping, **where)
        judged.accepted.append(customers.customers)
        judged.refused.append(customers.rejected)
        return
    found = validate_events(records, mapping, latest=now + LATEST_AFTER_INGEST, **where)
    events = found.events
    if mapping.duplicates == "drop":
        is_copy = pl.Series(repeated(found.id_high, found.id_low))
        events = events.filter(~is_copy)
        judged.duplicates += int(is_copy.sum())
    judged.accepted.append(events)
    judged.refused.append(found.rejected)
    judged.ignored += found.ignored


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
