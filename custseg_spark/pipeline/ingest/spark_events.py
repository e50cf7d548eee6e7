"""Write events by Spark, in two passes over the records: the first counts and finds copies."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from custseg_spark.config.settings import Config
from custseg_spark.core.events.schema import LATEST_AFTER_INGEST
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import IngestPublication
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.engine.spark.session import shuffle_partitions, size_shuffles
from custseg_spark.pipeline.ingest import counting, ledger
from custseg_spark.pipeline.ingest.batch import Batch
from custseg_spark.pipeline.ingest.counting import FileDate
from custseg_spark.pipeline.ingest.ledger import Counts
from custseg_spark.pipeline.ingest.refused import check_shares, refusals_in, write_rejected
from custseg_spark.pipeline.ingest.validated import VALIDATED_EVENTS, ValidatedEvents, ddl
from custseg_spark.progress import Progress


def publish(
    publication: IngestPublication,
    batch: Batch,
    config: Config,
    progress: Progress,
    ingested_at: datetime,
) -> tuple[dict[str, Counts], dict[str, int]]:
    """Write events and refused records; return the counts and the kept records by file.

    Raises InputError if the counts don't add up and RejectedShareError if too much is refused,
    before anything is written.
    """
    columns = ddl(VALIDATED_EVENTS)
    latest = ingested_at + LATEST_AFTER_INGEST
    frames = [stream.frame(ValidatedEvents(latest), columns) for stream in batch.streams]
    read = reduce(DataFrame.unionByName, frames)
    validated = read.where(F.col("ignored").isNull()).drop("ignored")
    in_order = [r for r in sorted(batch.rows, key=lambda r: (r.file.name, r.file_id)) if r.file_id]
    partitions = shuffle_partitions(validated.sparkSession)
    with progress.stage("check records") as stage:
        counted = counting.count(read, [r.file_id for r in in_order], partitions=partitions)
        counts = _by_file(counted)
        ledger.check_balance(batch.rows, counts)
        check_shares(batch.mappings, batch.rows, counts, lambda: refusals_in(validated), config)
        stage.rows = sum(c.records for c in counts.values())
    names = sorted(r.file_id for r in in_order)
    with progress.stage("write events") as stage:
        if any(c.rejected for c in counts.values()):
            write_rejected(publication, validated, names, ingested_at.date())
        keeping = sorted({m.name for m in batch.mappings if m.duplicates == "keep"})
        accepted = _write_events(publication, validated, counted, keeping, config)
        stage.rows = sum(accepted.values())
    return counts, accepted


def _by_file(counted: Sequence[FileDate]) -> dict[str, Counts]:
    counts: dict[str, Counts] = {}
    for part in counted:
        before = counts.get(part.file_id, Counts())
        counts[part.file_id] = Counts(
            before.valid + part.valid,
            before.rejected + part.rejected,
            before.rounded + part.rounded,
            before.ignored + part.ignored,
        )
    return counts


def _write_events(
    publication: IngestPublication,
    validated: DataFrame,
    counted: Sequence[FileDate],
    keeping: Sequence[str],
    config: Config,
) -> dict[str, int]:
    """Append the events that aren't in the table yet; return the number of kept events by file."""
    per_date = _per_date(counted)
    if not per_date:
        return {}
    valid = validated.where(F.col("reasons").isNull())
    existing = publication.lake.read(EVENTS).where(F.col("event_date").isin(*per_date))
    buckets = -(-max(per_date.values()) // config.ingest.events_per_file)
    if not keeping and counting.all_listed(counted) and existing.isEmpty():
        events = counting.without_copies(valid, counted)
        if not counting.lies_together(counted):
            events = spread(events, buckets=buckets).drop("bucket")
        publication.append(events, EVENTS)
        return _kept(counted)
    if keeping:
        valid = with_copies(valid, keeping)
    size_shuffles(validated.sparkSession, existing.count() + sum(per_date.values()))
    publication.append(without_duplicates(valid, existing, buckets=buckets), EVENTS)
    return _accepted_by_file(publication.lake, sorted({part.file_id for part in counted}))


def _per_date(counted: Sequence[FileDate]) -> dict[date, int]:
    per_date: dict[date, int] = {}
    for part in counted:
        if part.event_date is not None:
            per_date[part.event_date] = per_date.get(part.event_date, 0) + part.valid
    return per_date


def _kept(counted: Sequence[FileDate]) -> dict[str, int]:
    kept: dict[str, int] = {}
    for part in counted:
        kept[part.file_id] = kept.get(part.file_id, 0) + part.valid - part.copies
    return kept


def _accepted_by_file(lake: Lake, names: Sequence[str]) -> dict[str, int]:
    rows = lake.read(EVENTS).where(F.col("file_id").isin(*names)).groupBy("file_id").count()
    return {row.file_id: row["count"] for row in rows.collect()}


def with_copies(events: DataFrame, sources: Sequence[str]) -> DataFrame:
    """Return the events; equal records of one file of these sources are separate events.

    The id of the second is made from the first one's id and the number 2. So the same file in
    another form, or an overlapping second delivery, adds nothing.
    """
    equal = Window.partitionBy("event_date", "event_id", "file_id").orderBy("source_row")
    number = F.when(F.col("source").isin(*sources), F.row_number().over(equal)).otherwise(1)
    own_id = F.md5(F.concat_ws(" ", "event_id", "copy"))
    is_copy = F.col("copy") > 1
    is_order = F.col("order_id") == F.col("event_id")
    return (
        events.withColumn("copy", number)
        .withColumns(
            {
                "order_id": F.when(is_copy & is_order, own_id).otherwise(F.col("order_id")),
                "event_id": F.when(is_copy, own_id).otherwise(F.col("event_id")),
            }
        )
        .drop("copy")
    )


def spread(events: DataFrame, *, buckets: int) -> DataFrame:
    """Partition the events for a table by `event_date`: at most `buckets` files per date."""
    bucket = F.pmod(F.xxhash64("event_id"), F.lit(buckets))
    return events.withColumn("bucket", bucket).repartition("event_date", "bucket")


def without_duplicates(events: DataFrame, existing: DataFrame, *, buckets: int) -> DataFrame:
    """Return one row per event id, the first by file and row, without ids in `existing`.

    Equal events share date and bucket, so that one exchange serves the comparison and the write.
    """
    copies = Window.partitionBy("event_date", "bucket", "event_id").orderBy(
        "source_file", "source_row"
    )
    numbered = spread(events, buckets=buckets).withColumn("copy", F.row_number().over(copies))
    first = numbered.where(F.col("copy") == 1).drop("bucket", "copy")
    keys = ["event_date", "event_id"]
    return first.join(existing.select(*keys), keys, how="left_anti")
