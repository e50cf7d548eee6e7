"""Judged records into `events` and `rejected_events`, each event once."""

from collections.abc import Sequence
from datetime import date, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark import quality
from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.engine.lake.tables import Appender, Lake
from custseg_spark.engine.spark.session import shuffle_partitions, size_shuffles
from custseg_spark.pipeline import counting, ledger
from custseg_spark.pipeline.counting import FileDate
from custseg_spark.pipeline.ledger import Counts, LedgerRow
from custseg_spark.pipeline.refusals import check_shares, write_rejected
from custseg_spark.progress import Progress
from custseg_spark.schemas import EVENTS


def publish(
    appender: Appender,
    judged: DataFrame,
    mappings: Sequence[MappingFile],
    rows: Sequence[LedgerRow],
    config: Config,
    progress: Progress,
    ingested_at: datetime,
) -> tuple[dict[str, Counts], dict[str, int]]:
    """Writes events and refused records: what the rules said, and what was kept, by file.

    Raises InputError where the counts don't add up and RejectedShareError where too much is
    refused, before anything is written.
    """
    in_order = [r for r in sorted(rows, key=lambda r: (r.file.name, r.file_id)) if r.file_id]
    partitions = shuffle_partitions(judged.sparkSession)
    with progress.stage("check records") as stage:
        found = counting.count(judged, [r.file_id for r in in_order], partitions=partitions)
        counts = _by_file(found)
        ledger.check_balance(rows, counts)
        check_shares(mappings, rows, counts, judged, config)
        stage.rows = sum(c.valid + c.rejected for c in counts.values())
    names = sorted(r.file_id for r in in_order)
    with progress.stage("write events") as stage:
        if any(c.rejected for c in counts.values()):
            write_rejected(appender, judged, names, ingested_at)
        keeping = sorted({p.name for p in mappings if p.duplicates == "keep"})
        accepted = _write_events(appender, judged, found, keeping, config)
        stage.rows = sum(accepted.values())
    return counts, accepted


def _by_file(found: Sequence[FileDate]) -> dict[str, Counts]:
    counts: dict[str, Counts] = {}
    for part in found:
        before = counts.get(part.file_id, Counts())
        counts[part.file_id] = Counts(
            before.valid + part.valid,
            before.rejected + part.rejected,
            before.rounded + part.rounded,
        )
    return counts


def _write_events(
    appender: Appender,
    judged: DataFrame,
    found: Sequence[FileDate],
    keeping: Sequence[str],
    config: Config,
) -> dict[str, int]:
    """Appends what isn't there yet: the number of events kept, by file."""
    per_date = _per_date(found)
    if not per_date:
        return {}
    valid = quality.accepted(judged)
    known = appender.lake.read(EVENTS).where(F.col("event_date").isin(*per_date))
    buckets = -(-max(per_date.values()) // config.ingest.events_per_file)
    if not keeping and counting.all_listed(found) and known.isEmpty():
        events = counting.without_copies(valid, found)
        if not counting.lies_together(found):
            events = quality.spread(events, buckets=buckets).drop("bucket")
        appender.append(events, EVENTS)
        return _kept(found)
    if keeping:
        valid = quality.with_copies(valid, keeping)
    size_shuffles(judged.sparkSession, known.count() + sum(per_date.values()))
    appender.append(quality.without_duplicates(valid, known, buckets=buckets), EVENTS)
    return _accepted_by_file(appender.lake, sorted({part.file_id for part in found}))


def _per_date(found: Sequence[FileDate]) -> dict[date, int]:
    per_date: dict[date, int] = {}
    for part in found:
        if part.event_date is not None:
            per_date[part.event_date] = per_date.get(part.event_date, 0) + part.valid
    return per_date


def _kept(found: Sequence[FileDate]) -> dict[str, int]:
    kept: dict[str, int] = {}
    for part in found:
        kept[part.file_id] = kept.get(part.file_id, 0) + part.valid - part.copies
    return kept


def _accepted_by_file(lake: Lake, names: Sequence[str]) -> dict[str, int]:
    rows = lake.read(EVENTS).where(F.col("file_id").isin(*names)).groupBy("file_id").count()
    return {row.file_id: row["count"] for row in rows.collect()}
