"""Preview how ingest would read the first records of a file: without a lake or Spark."""

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

# The head is one piece: at most this is read.
_PIECE_BYTES = 1 << 27
_FIRST = 5


@dataclass(frozen=True)
class Refused:
    """A reason to refuse records, with the first of them."""

    code: str
    field: str
    records: int
    row: int
    value: str | None
    expected: str


@dataclass(frozen=True)
class Preview:
    """The result of validating the first records; `first` are events by canonical column."""

    accepted: int
    duplicates: int
    refused: int
    reasons: Sequence[Refused]
    first: Sequence[Mapping[str, Any]]
    ignored: int = 0

    @property
    def refused_share(self) -> float:
        """The share of refused records among those not ignored, as ingest counts."""
        read = self.accepted + self.duplicates + self.refused
        return self.refused / read if read else 0.0


@dataclass
class Outcome:
    """The first records by result: rows of the tables that ingest would write.

    `accepted` has no copies; they are counted as `duplicates`.
    """

    accepted: list[pl.DataFrame] = field(default_factory=list)
    refused: list[pl.DataFrame] = field(default_factory=list)
    duplicates: int = 0
    ignored: int = 0


def preview(head: Head, mapping: MappingFile, *, now: datetime) -> Preview:
    """Validate a head. Raises InputError if a column of the mapping is missing."""
    outcome = judge(head, mapping, now=now)
    if not outcome.accepted:
        return Preview(0, 0, 0, [], [])
    accepted, refused = pl.concat(outcome.accepted), pl.concat(outcome.refused)
    copies = outcome.duplicates
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
        ignored=outcome.ignored,
    )


def judge(head: Head, mapping: MappingFile, *, now: datetime) -> Outcome:
    """Return the records of a head by result. Raises as `preview` does."""
    # A head is always text; the head of a table begins with its header.
    mapping = replace(mapping, delimiter=head.delimiter, nested="", sheets=())
    if head.is_table:
        mapping = replace(mapping, multiline=False, header_row=0, widths=())
    facts = csv.inspect(head.file, mapping, _PIECE_BYTES)
    if isinstance(facts, str):
        raise InputError(f"{head.file.path}: {facts}")
    outcome = Outcome()
    for piece in csv.pieces(head.file, "head", facts):
        for records in piece.records(mapping):
            _judge(outcome, records, mapping, str(head.file.path), now)
    return outcome


def _judge(
    outcome: Outcome, records: Records, mapping: MappingFile, source_file: str, now: datetime
) -> None:
    where = {"source_file": source_file, "file_id": "head"}
    if mapping.fills == "customers":
        customers = validate_customers(records, mapping, **where)
        outcome.accepted.append(customers.customers)
        outcome.refused.append(customers.rejected)
        return
    validated = validate_events(records, mapping, latest=now + LATEST_AFTER_INGEST, **where)
    events = validated.events
    if mapping.duplicates == "drop":
        is_copy = pl.Series(repeated(validated.id_high, validated.id_low))
        events = events.filter(~is_copy)
        outcome.duplicates += int(is_copy.sum())
    outcome.accepted.append(events)
    outcome.refused.append(validated.rejected)
    outcome.ignored += validated.ignored


def _shown(mapping: MappingFile) -> list[str | pl.Expr]:
    """Return the columns that the mapping fills, with times as text."""
    if mapping.fills == "customers":
        return list(mapping.columns)
    at = pl.col("event_at").dt.strftime("%Y-%m-%d %H:%M:%S").alias("event_at")
    others = [c for c in mapping.columns if c not in ("event_at", "event_type", "net_amount")]
    return [at, "event_type", *others]


def _reasons(refused: pl.DataFrame) -> list[Refused]:
    """Return all reasons by rule and column, the most frequent first."""
    flat = refused.select("source_row", "reasons").explode("reasons").unnest("reasons")
    rows = (
        flat.sort("source_row", maintain_order=True)
        .group_by("code", "field")
        .agg(pl.len().alias("records"), pl.first("source_row", "value", "expected"))
        .sort(["records", "code", "field"], descending=[True, False, False])
    )
    return [Refused(*row) for row in rows.iter_rows()]
