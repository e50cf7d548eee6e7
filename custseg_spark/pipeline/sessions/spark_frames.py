"""Sessions by Spark's own reader and writer, with the same kernel between them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.settings import IngestConfig
from custseg_spark.core.sessions.gaps import EDGES, gap_edges
from custseg_spark.core.sessions.parts import session_parts
from custseg_spark.engine.lake.ddl import ddl
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS, SESSIONS
from custseg_spark.engine.spark import tasks
from custseg_spark.engine.spark.session import size_shuffles
from custseg_spark.pipeline.sessions.large_dates import EVENT_SCHEMA
from custseg_spark.pipeline.sessions.midnights import PART_COLUMNS, midnights


def refresh(lake: Lake, config: IngestConfig) -> tuple[Sequence[date], int]:
    """Rebuild stale dates; return them and their number of events."""
    events, version, parts = lake.read(EVENTS), lake.version(SESSIONS), lake.read(SESSIONS)
    counts = {r[0]: r[1] for r in events.groupBy("event_date").count().collect()}
    sums = parts.groupBy("session_date").agg(F.sum("event_count").alias("events")).collect()
    held = {row.session_date: row.events for row in sums}
    stale = sorted(day for day, count in counts.items() if held.get(day) != count)
    if not stale:
        return [], len(counts)
    size_shuffles(lake.spark, sum(counts[day] for day in stale))

    def parts_of(day: date) -> pl.DataFrame:
        rows = parts.where(F.col("session_date") == F.lit(day)).select(*PART_COLUMNS)
        return pl.DataFrame(pl.from_arrow(rows.toArrow()))

    buckets = -(-max(counts[day] for day in stale) // config.events_per_file)
    over_midnight = midnights(_edges(_spread(events, stale, buckets), stale), counts, parts_of)
    dates = sorted({*stale, *over_midnight.changed})
    kernel = _Parts(over_midnight.carried)
    rebuilt = tasks.map_partitions(_spread(events, dates, buckets), kernel, ddl(SESSIONS))
    lake.replace_dates(rebuilt, SESSIONS, dates, read_version=version)
    return dates, len(counts)


def _spread(events: DataFrame, days: Sequence[date], buckets: int) -> DataFrame:
    """Partition the events of some dates so that all events of a customer and date are together."""
    bucket = F.pmod(F.xxhash64("customer_id"), F.lit(buckets)).alias("bucket")
    narrow = events.where(F.col("event_date").isin(*days)).select(
        "event_date", bucket, *EVENT_SCHEMA.names
    )
    spread = narrow.repartition("event_date", "bucket")
    return spread.sortWithinPartitions("event_date", "bucket").drop("bucket")


def _edges(events: DataFrame, days: Sequence[date]) -> dict[date, pl.DataFrame]:
    """Return the edges of the gap sessions of each date."""
    gap = events.where(F.col("session_id").isNull() & F.col("order_id").isNull())
    found: dict[date, pl.DataFrame] = dict.fromkeys(days, pl.DataFrame(schema=EDGES))
    for part in tasks.run_on_partitions(gap, _edges_of_dates):
        for day, edges in part:
            found[day] = pl.concat([found[day], edges])
    return found


def _edges_of_dates(batches: Iterator[pa.RecordBatch]) -> list[tuple[date, pl.DataFrame]]:
    return [(day, gap_edges(events)) for day, events in _by_date(batches)]


@dataclass(frozen=True)
class _Parts:
    carried: Mapping[date, pl.DataFrame] = field(default_factory=dict)

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
        for day, events in _by_date(batches):
            parts = session_parts(events, carried=self.carried.get(day))
            dates = pa.array([day], pa.date32()).take(pa.array([0] * len(parts), pa.int32()))
            yield parts.add_column(0, "session_date", dates).select(SESSIONS.schema.names)


def _by_date(batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[date, pl.DataFrame]]:
    """Yield the events of each date of a partition that is sorted by date."""
    held: list[pl.DataFrame] = []
    for batch in batches:
        rows = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
        for day_rows in rows.partition_by("event_date", maintain_order=True):
            if held and held[0]["event_date"][0] != day_rows["event_date"][0]:
                yield held[0]["event_date"][0], pl.concat(held)
                held = []
            held.append(day_rows)
    if held:
        yield held[0]["event_date"][0], pl.concat(held)
