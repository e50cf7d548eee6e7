"""What ingest would make of the first records of a file, under a mapping: no lake, no writing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from custseg_spark import customers, quality
from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.formats import csv
from custseg_spark.engine.sources.heads import Head
from custseg_spark.engine.sources.raw import RawSource
from custseg_spark.engine.spark.session import settings
from custseg_spark.errors import InputError

# A head in one task: what is read is at most this.
_SPLIT_BYTES = 1 << 27
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
class Checked:
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


def check(
    spark: SparkSession, head: Head, mapping: MappingFile, staging: Path, *, now: datetime
) -> Checked:
    """The rules' verdict on a head. Raises InputError where a column of the mapping is missing."""
    # A head is text, whatever the file is.
    is_table = bool(head.table)
    mapping = replace(
        mapping, delimiter=head.delimiter, multiline=mapping.multiline and not is_table
    )
    facts = csv.inspect(head.file, mapping, _SPLIT_BYTES)
    if isinstance(facts, str):
        raise InputError(f"{head.file.path}: {facts}")
    source = csv.CsvFile(head.file, "head", facts)
    with settings(spark, csv.split_settings(_SPLIT_BYTES)):
        [raw] = csv.read(spark, [source], mapping, _SPLIT_BYTES, staging)
        judged = _judged(raw, mapping, now)
        # Three small questions; parsed once.
        judged = judged.coalesce(1).persist()
        try:
            return _checked(judged, mapping)
        finally:
            judged.unpersist()


def _judged(raw: RawSource, mapping: MappingFile, now: datetime) -> DataFrame:
    if mapping.fills == "customers":
        return customers.judge(raw.records, mapping, width=raw.width)
    return quality.judge(raw.records, mapping, width=raw.width, ingested_at=now)


def _checked(judged: DataFrame, mapping: MappingFile) -> Checked:
    valid = quality.accepted(judged)
    key = "customer_id" if mapping.fills == "customers" else "event_id"
    same = F.countDistinct(key) if mapping.duplicates == "drop" else F.count("*")
    [counts] = valid.agg(F.count("*").alias("valid"), same.alias("kept")).collect()
    refused = judged.where(F.col("reasons").isNotNull())
    first = valid.orderBy("source_row").limit(_FIRST).select("source_row", *_shown(mapping))
    return Checked(
        accepted=counts.kept,
        duplicates=counts.valid - counts.kept,
        refused=refused.count(),
        reasons=_reasons(refused),
        first=[row.asDict() for row in first.collect()],
    )


def _shown(mapping: MappingFile) -> list[Any]:
    """The columns that the mapping fills; a time as text, whatever this machine's zone."""
    if mapping.fills == "customers":
        return list(mapping.columns)
    at = F.date_format("event_at", "yyyy-MM-dd HH:mm:ss").alias("event_at")
    others = [c for c in mapping.columns if c not in ("event_at", "event_type", "net_amount")]
    return [at, "event_type", *others]


def _reasons(refused: DataFrame) -> list[Refused]:
    """As many as there are rules and columns, the most frequent first."""
    rows = (
        refused.select("source_row", F.explode("reasons").alias("reason"))
        .groupBy("reason.code", "reason.field")
        .agg(
            F.count("*").alias("records"),
            F.min(F.struct("source_row", "reason.value", "reason.expected")).alias("example"),
        )
        .orderBy(F.desc("records"), "code", "field")
        .collect()
    )
    return [
        Refused(
            row.code,
            row.field,
            row.records,
            row.example.source_row,
            row.example.value,
            row.example.expected,
        )
        for row in rows
    ]
