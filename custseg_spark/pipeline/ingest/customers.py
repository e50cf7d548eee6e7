"""Customer mappings into the table `customers`: the latest of each customer stays.

A later ingest goes before an earlier one; within one, the last file by name, and in it the last
row. The rows that gave way count as duplicates in the ledger. To write is to put rows in place of
those with their key, so that a killed run's successor changes nothing by doing it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark import customers, quality
from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.tables import Appender
from custseg_spark.engine.sources.raw import RawSource
from custseg_spark.pipeline import ledger
from custseg_spark.pipeline.ledger import Counts, LedgerRow
from custseg_spark.pipeline.refusals import check_shares, write_rejected
from custseg_spark.schemas import CUSTOMERS


@dataclass(frozen=True)
class Registration:
    """Judged customer attributes, their files' ledger rows, and what the rules said by file."""

    judged: DataFrame
    rows: Sequence[LedgerRow]
    counts: Mapping[str, Counts]


def check(
    sources: Sequence[tuple[MappingFile, RawSource]], rows: Sequence[LedgerRow], config: Config
) -> Registration | None:
    """The judged records of the sources; None without any.

    Raises RejectedShareError where too many are refused, InputError where records are missing.
    """
    judged: DataFrame | None = None
    for mapping, source in sources:
        one = customers.judge(source.records, mapping, width=source.width)
        judged = one if judged is None else judged.unionByName(one)
    if judged is None:
        return None
    counts = _counts(judged)
    ledger.check_balance(rows, counts)
    check_shares([p for p, _ in sources], rows, counts, judged, config)
    return Registration(judged, rows, counts)


def write(appender: Appender, found: Registration, ingested_at: datetime) -> dict[str, int]:
    """Writes refused records and mappings; the number of customers by the file that they are of."""
    lake = appender.lake
    names = sorted(row.file_id for row in found.rows if row.file_id)
    if any(c.rejected for c in found.counts.values()):
        write_rejected(appender, found.judged, names, ingested_at)
    if any(c.valid for c in found.counts.values()):
        lake.upsert(customers.latest(quality.accepted(found.judged)), CUSTOMERS, "customer_id")
    held = lake.read(CUSTOMERS).where(F.col("file_id").isin(*names)).groupBy("file_id").count()
    return {row.file_id: row["count"] for row in held.collect()}


def _counts(judged: DataFrame) -> dict[str, Counts]:
    is_valid = F.col("reasons").isNull()
    rows = (
        judged.groupBy("file_id")
        .agg(
            F.count_if(is_valid).alias("valid"),
            F.count_if(~is_valid).alias("rejected"),
            F.count_if(is_valid & F.col("was_rounded")).alias("rounded"),
        )
        .collect()
    )
    return {row.file_id: Counts(row.valid, row.rejected, row.rounded) for row in rows}
