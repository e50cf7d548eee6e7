"""Refused records: whether they are too many, and their table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import IngestPublication
from custseg_spark.engine.lake.schemas import REJECTED_EVENTS
from custseg_spark.errors import RejectedShareError
from custseg_spark.pipeline.ingest.ledger import Counts, LedgerRow
from custseg_spark.pipeline.ingest.written import Example, Refusal

_EXAMPLES = 3
_EXAMPLE_LENGTH = 120


def check_shares(
    mappings: Iterable[MappingFile],
    rows: Sequence[LedgerRow],
    counts: Mapping[str, Counts],
    refusals: Callable[[], Sequence[Refusal]],
    config: Config,
) -> None:
    """Raise RejectedShareError if more of a source is refused than its mapping allows.

    Only then `refusals` is called: it returns the reasons, the most frequent first.
    """
    for mapping in {m.name: m for m in mappings}.values():
        limit = mapping.limit(config.ingest.max_rejected_share)
        # Exact decimals: as doubles, 0.29 of 100 is less than 29.
        allowed = Decimal(str(limit))
        of_source = [counts[r.file_id] for r in rows if _has_counts(r, mapping, counts)]
        refused = sum(c.rejected for c in of_source)
        read = refused + sum(c.valid for c in of_source)
        if refused > allowed * read:
            examples = [r for r in refusals() if r.source == mapping.name][:_EXAMPLES]
            raise RejectedShareError(
                f"source {mapping.name}: {refused:,} of {read:,} records refused"
                f" ({refused / read:.1%}, at most {limit:.1%} allowed); nothing was published\n"
                + "\n".join(map(_described, examples))
            )


def _described(refusal: Refusal) -> str:
    first = refusal.example
    return (
        f"  {refusal.code}: {refusal.records:,} records, first {first.source_file}, row"
        f" {first.source_row}: {first.field} = {_shortened(first.value)}, expected"
        f" {first.expected}"
    )


def refusals_in(validated: DataFrame) -> list[Refusal]:
    """Return the reasons of a frame's refused records, the most frequent first."""
    reason = F.explode("reasons").alias("reason")
    rows = (
        validated.select("source", "source_file", "source_row", reason)
        .groupBy("source", "reason.code")
        .agg(
            F.count("*").alias("records"),
            F.min(F.struct("source_file", "source_row", "reason")).alias("example"),
        )
        .orderBy(F.desc("records"), "code")
        .collect()
    )
    return [
        Refusal(
            row.source,
            row.code,
            row.records,
            Example(
                row.example.source_file,
                row.example.source_row,
                row.example.reason.field,
                row.example.reason.value,
                row.example.reason.expected,
            ),
        )
        for row in rows
    ]


def _has_counts(row: LedgerRow, mapping: MappingFile, counts: Mapping[str, Counts]) -> bool:
    return row.source == mapping.name and row.file_id in counts


def _shortened(value: str | None) -> str:
    if value is None:
        return "nothing"
    return repr(value if len(value) <= _EXAMPLE_LENGTH else value[:_EXAMPLE_LENGTH] + "…")


def write_rejected(
    publication: IngestPublication, validated: DataFrame, names: Sequence[str], ingest_date: date
) -> None:
    """Append the refused records of the files `names` exactly once, even after a killed run."""
    written = already_written(publication.lake, names)
    refused = validated.where(F.col("reasons").isNotNull() & ~F.col("file_id").isin(*written))
    publication.append(refused.withColumn("ingest_date", F.lit(ingest_date)), REJECTED_EVENTS)


def already_written(lake: Lake, names: Sequence[str]) -> list[str]:
    """Return the files whose refused records a killed run has already written.

    A file's refused records are in one commit, so they are complete.
    """
    written = pc.unique(lake.rows(REJECTED_EVENTS, ["file_id"])["file_id"]).to_pylist()
    return sorted(set(written) & set(names))
