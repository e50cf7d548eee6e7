"""Refused records: whether they are too many, and their table."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark import quality
from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.tables import Appender
from custseg_spark.errors import RejectedShareError
from custseg_spark.pipeline.ledger import Counts, LedgerRow
from custseg_spark.schemas import REJECTED_EVENTS

_EXAMPLES = 3
_EXAMPLE_LENGTH = 120


def check_shares(
    mappings: Iterable[MappingFile],
    rows: Sequence[LedgerRow],
    counts: Mapping[str, Counts],
    judged: DataFrame,
    config: Config,
) -> None:
    """Raises RejectedShareError where more of a source is refused than its mapping allows."""
    for mapping in {p.name: p for p in mappings}.values():
        limit = mapping.limit(config.ingest.max_rejected_share)
        # As written: 0.29 of 100 as floating numbers is less than 29.
        allowed = Decimal(str(limit))
        of_source = [counts[r.file_id] for r in rows if _has_counts(r, mapping, counts)]
        refused = sum(c.rejected for c in of_source)
        read = refused + sum(c.valid for c in of_source)
        if refused > allowed * read:
            raise RejectedShareError(
                f"source {mapping.name}: {refused:,} of {read:,} records refused"
                f" ({refused / read:.1%}, at most {limit:.1%} allowed); nothing was published\n"
                + _examples(judged.where(F.col("source") == mapping.name))
            )


def _has_counts(row: LedgerRow, mapping: MappingFile, counts: Mapping[str, Counts]) -> bool:
    return row.source == mapping.name and row.file_id in counts


def _examples(judged: DataFrame) -> str:
    """The most frequent reasons, each with an example."""
    reason = F.explode("reasons").alias("reason")
    top = (
        judged.select("source_file", "source_row", reason)
        .groupBy("reason.code")
        .agg(
            F.count("*").alias("records"),
            F.min(F.struct("source_file", "source_row", "reason")).alias("example"),
        )
        .orderBy(F.desc("records"), "code")
        .limit(_EXAMPLES)
        .collect()
    )
    return "\n".join(
        f"  {row.code}: {row.records:,} records, first {row.example.source_file}, row"
        f" {row.example.source_row}: {row.example.reason.field} ="
        f" {_shortened(row.example.reason.value)}, expected {row.example.reason.expected}"
        for row in top
    )


def _shortened(value: str | None) -> str:
    if value is None:
        return "nothing"
    return repr(value if len(value) <= _EXAMPLE_LENGTH else value[:_EXAMPLE_LENGTH] + "…")


def write_rejected(
    appender: Appender, judged: DataFrame, names: Sequence[str], ingested_at: datetime
) -> None:
    """Appends the refused records of the files `names`, once, whatever was killed before."""
    # A file's refused records are in one commit: those of a killed run are all there.
    written = [
        row.file_id
        for row in appender.lake.read(REJECTED_EVENTS)
        .where(F.col("file_id").isin(*names))
        .select("file_id")
        .distinct()
        .collect()
    ]
    refused = quality.rejected(judged, ingested_at=ingested_at)
    appender.append(refused.where(~F.col("file_id").isin(*written)), REJECTED_EVENTS)
