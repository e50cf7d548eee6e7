"""Write customer attributes into the table `customers`: the latest row of each customer stays.

A later ingest goes before an earlier one; within an ingest, the last file by name counts, and in it
the last row. Replaced rows count as duplicates in the ledger. Writing replaces rows by their key,
so repeating a killed run's work changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.publication import IngestPublication
from custseg_spark.engine.lake.schemas import CUSTOMERS
from custseg_spark.engine.sources.streams import RecordStream
from custseg_spark.pipeline.ingest import ledger
from custseg_spark.pipeline.ingest.ledger import Counts, LedgerRow
from custseg_spark.pipeline.ingest.refused import check_shares, refusals_in, write_rejected
from custseg_spark.pipeline.ingest.validated import VALIDATED_CUSTOMERS, ValidatedCustomers, ddl


@dataclass(frozen=True)
class Registration:
    """Validated customer attributes, their files' ledger rows, and the counts by file."""

    validated: DataFrame
    rows: Sequence[LedgerRow]
    counts: Mapping[str, Counts]


def check(
    streams: Sequence[RecordStream],
    mappings: Sequence[MappingFile],
    rows: Sequence[LedgerRow],
    config: Config,
) -> Registration | None:
    """Return the validated records of the streams; None without any.

    Raises RejectedShareError where too many are refused, InputError where records are missing.
    """
    columns = ddl(VALIDATED_CUSTOMERS)
    frames = [stream.frame(ValidatedCustomers(), columns) for stream in streams]
    if not frames:
        return None
    validated = reduce(DataFrame.unionByName, frames)
    counts = _counts(validated)
    ledger.check_balance(rows, counts)
    check_shares(mappings, rows, counts, lambda: refusals_in(validated), config)
    return Registration(validated, rows, counts)


def write(
    publication: IngestPublication, registration: Registration, ingest_date: date
) -> dict[str, int]:
    """Write refused records and attributes; return the number of customers by file."""
    lake = publication.lake
    names = sorted(row.file_id for row in registration.rows if row.file_id)
    if any(c.rejected for c in registration.counts.values()):
        write_rejected(publication, registration.validated, names, ingest_date)
    if any(c.valid for c in registration.counts.values()):
        valid = registration.validated.where(F.col("reasons").isNull())
        lake.upsert(latest(valid), CUSTOMERS, "customer_id")
    written = lake.read(CUSTOMERS).where(F.col("file_id").isin(*names)).groupBy("file_id").count()
    return {row.file_id: row["count"] for row in written.collect()}


def latest(valid: DataFrame) -> DataFrame:
    """Return one row per customer: the last row of the last file by name."""
    others = [c for c in valid.columns if c != "customer_id"]
    place = F.struct("source_file", "source_row", "source")
    last = valid.groupBy("customer_id").agg(F.max_by(F.struct(*others), place).alias("last"))
    return last.select("customer_id", "last.*")


def _counts(validated: DataFrame) -> dict[str, Counts]:
    is_valid = F.col("reasons").isNull()
    rows = (
        validated.groupBy("file_id")
        .agg(
            F.count_if(is_valid).alias("valid"),
            F.count_if(~is_valid).alias("rejected"),
            F.count_if(is_valid & F.col("was_rounded")).alias("rounded"),
        )
        .collect()
    )
    return {row.file_id: Counts(row.valid, row.rejected, row.rounded) for row in rows}
