"""Tables to `Content`: bounded reads of one run date, side by side. Nothing is computed anew
but sums of what the tables hold."""

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from pyspark import inheritable_thread_target
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import (
    CLV_MODELS,
    CUSTOMER_SEGMENTS,
    FEATURE_DRIFT,
    INGEST_FILES,
    MODEL_SELECTION,
    RUNS,
    SEGMENT_MIGRATIONS,
    SEGMENT_POINTS,
    SEGMENT_PROFILES,
)
from custseg_spark.errors import ConflictError, InputError
from custseg_spark.outputs.report import shaping, words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import Flow, Ledger, RfmCount, Run
from custseg_spark.outputs.report.shaping import Rows

# The table is a sample already; this bounds what a picture can show.
MOST_POINTS = 4_000
_NEAREST_DATES = 5


def run_date_of(lake: Lake, wanted: date | None) -> date:
    """The wanted run date, or the latest. InputError names the nearest ones if it isn't there."""
    known = sorted(set(lake.rows(RUNS, ["run_date"])["run_date"].to_pylist()))
    if not known:
        raise InputError(f"there is no run in {lake.name(RUNS)}; run jobs/segment.py first")
    if wanted is None or wanted in known:
        return wanted or known[-1]
    near = sorted(known, key=lambda day: (abs(day - wanted), day))[:_NEAREST_DATES]
    listed = ", ".join(day.isoformat() for day in sorted(near))
    raise InputError(
        f"no run of {wanted} in {lake.name(RUNS)}; the nearest of"
        f" {words.counted(len(known), 'run date')} there: {listed}"
    )


def content(lake: Lake, run_date: date) -> Content:
    """What the tables say of a run date that is in `runs`; what they lack is None or empty.

    Raises ConflictError where the run is made again meanwhile.
    """
    manifest = _manifests(lake, run_date)
    run = shaping.run(manifest[0])
    configured = run.setting("model", "algorithms") or []
    found = _read(lake, run, next(iter(configured), None))
    if _manifests(lake, run_date) != manifest:
        raise ConflictError(f"the run of {run_date} was made again meanwhile; report it again")
    segments = shaping.segments(found["segments"])
    algorithms = shaping.in_order(configured, {s.algorithm for s in segments})
    previous, columns = found["previous"], MODEL_SELECTION.schema.names
    tried = shaping.in_turn(found["selection"], [*configured, *algorithms])
    return Content(
        run=run,
        ledger=shaping.ledger(found["ledger"]),
        algorithms=algorithms,
        all_segments=segments,
        previous_names={(r["algorithm"], r["segment_id"]): r["segment_name"] for r in previous},
        selection=shaping.selection(tried),
        selection_columns=columns,
        selection_rows=[[row[column] for column in columns] for row in tried],
        all_flows=shaping.ordered(Flow, found["flows"]),
        drift=shaping.drift(found["drift"]),
        plane=shaping.plane(found["points"]),
        rfm=shaping.ordered(RfmCount, found["rfm"]),
        clv=shaping.clv(found["clv"]),
    )


def _read(lake: Lake, run: Run, main: str | None) -> dict[str, Rows]:
    """The rows behind each part of a report, none where a table isn't there."""
    day, before, of_main = run.run_date, run.previous_run_date, F.col("algorithm") == F.lit(main)
    reads: dict[str, tuple[Table, Callable[[DataFrame], DataFrame]]] = {
        "ledger": (INGEST_FILES, _ledger_sums),
        "segments": (SEGMENT_PROFILES, lambda df: _on(df, day).drop("centroid")),
        "previous": (SEGMENT_PROFILES, lambda df: _names(_on(df, before))),
        "selection": (MODEL_SELECTION, lambda df: _on(df, day)),
        "flows": (SEGMENT_MIGRATIONS, lambda df: _on(df, day)),
        "drift": (FEATURE_DRIFT, lambda df: _on(df, day)),
        "clv": (CLV_MODELS, lambda df: _on(df, day)),
        "points": (SEGMENT_POINTS, lambda df: _some_points(_on(df, day).where(of_main))),
        "rfm": (CUSTOMER_SEGMENTS, lambda df: _rfm_counts(_on(df, day).where(of_main))),
    }

    @inheritable_thread_target(lake.spark)
    def rows(name: str) -> Rows:
        table, made = reads[name]
        return _collect(made(lake.read(table))) if lake.exists(table) else []

    # Side by side: reading so little is all waiting.
    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(reads, pool.map(rows, reads), strict=True))


def _on(table: DataFrame, day: date | None) -> DataFrame:
    return table.where(F.col("run_date") == F.lit(day))


def _collect(bounded: DataFrame) -> Rows:
    """Rows as dicts, NaN as None."""
    return [shaping.plain(row) for row in bounded.collect()]


def _manifests(lake: Lake, run_date: date) -> Rows:
    # As text made by Spark: collected, a timestamp would take this machine's time zone.
    finished = F.date_format("finished_at", "yyyy-MM-dd HH:mm")
    return _collect(_on(lake.read(RUNS), run_date).withColumn("finished", finished))


def _names(profiles: DataFrame) -> DataFrame:
    return profiles.select("algorithm", "segment_id", "segment_name")


def _ledger_sums(files: DataFrame) -> DataFrame:
    read = F.col("skipped_because").isNull()
    columns = [f.name for f in dataclasses.fields(Ledger) if "files" not in f.name]
    return files.agg(
        F.count_if(read).alias("files"),
        F.count_if(~read).alias("skipped_files"),
        *[F.coalesce(F.sum(F.when(read, F.col(c))), F.lit(0)).alias(c) for c in columns],
    )


def _some_points(points: DataFrame) -> DataFrame:
    """Chosen and ordered by a hash of the id, so that no segment is drawn over the others."""
    return (
        points.where(~F.isnan("x") & ~F.isnan("y"))
        .orderBy(F.xxhash64("customer_id"), "customer_id")
        .limit(MOST_POINTS)
    )


def _rfm_counts(segments: DataFrame) -> DataFrame:
    """At most segments x 26 score pairs x 11 groups."""
    keys = ("algorithm", "segment_id", "rfm_r", "rfm_f", "rfm_group")
    return segments.groupBy(*keys).agg(F.count("*").alias("customers"))
