"""`sessions` brought up to date with `events`."""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark import sessions
from custseg_spark.config.settings import IngestConfig
from custseg_spark.engine.lake.tables import Lake
from custseg_spark.engine.spark.session import size_shuffles
from custseg_spark.progress import Progress
from custseg_spark.schemas import EVENTS, SESSIONS


def refresh_sessions(lake: Lake, config: IngestConfig, progress: Progress) -> None:
    """Rebuilds the session dates that don't hold all of `events`."""
    with progress.stage("sessions") as stage:
        events, version, parts = lake.read(EVENTS), lake.version(SESSIONS), lake.read(SESSIONS)
        per_date = events.groupBy("event_date").agg(F.count("*").alias("events"))
        held = parts.groupBy("session_date").agg(F.sum("event_count").alias("events"))
        rows = sessions.stale_dates(per_date, held).collect()
        stale = {row.event_date: row.events for row in rows if not row.is_current}
        if not stale:
            stage.note = "up to date"
            return
        counts = {row.event_date: row.events for row in rows}
        dates = _with_bridged(events, parts, stale, set(counts))
        size_shuffles(lake.spark, sum(counts[d] for d in dates))
        before = [d - sessions.ONE_DAY for d in dates if d - sessions.ONE_DAY not in dates]
        earlier = parts.where(F.col("session_date").isin(*before))
        rebuilt = sessions.session_parts(
            events.where(F.col("event_date").isin(*dates)),
            earlier=earlier,
            buckets=-(-max(stale.values()) // config.events_per_file),
        )
        lake.replace_dates(rebuilt, SESSIONS, dates, as_of=version)
        stage.note = f"{len(dates)} of {len(rows)} dates"


def _with_bridged(
    events: DataFrame, parts: DataFrame, stale: Mapping[date, int], known: set[date]
) -> list[date]:
    followed = any(
        d + sessions.ONE_DAY in known and d + sessions.ONE_DAY not in stale for d in stale
    )
    if not followed:
        return sorted(stale)
    bridges = sessions.midnight_bridges(events, parts, list(stale)).collect()
    return sessions.dates_to_rebuild(stale, {row.session_date for row in bridges})
