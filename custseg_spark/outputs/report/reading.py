"""Read tables into `Content`: bounded reads of one run date, and sums of them."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import polars as pl
import pyarrow as pa

from custseg_spark.core.sessions.buckets import text_key
from custseg_spark.engine.lake.columns import RUN_ID, Table
from custseg_spark.engine.lake.insight_tables import (
    EVENT_SUMMARY,
    SEGMENT_CATEGORIES,
    SEGMENT_PRODUCTS,
    SEGMENT_SEASONS,
)
from custseg_spark.engine.lake.reader import Tables
from custseg_spark.engine.lake.rows import dicts_of
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
from custseg_spark.errors import InputError
from custseg_spark.outputs.report import mixtures, shaping, words
from custseg_spark.outputs.report.content import Content
from custseg_spark.outputs.report.rows import (
    EventCount,
    Flow,
    Ledger,
    Memberships,
    OutlierCount,
    RfmCount,
    Run,
    SeasonIndex,
)
from custseg_spark.outputs.report.shaping import Rows

# The table is a sample already; this bounds what a picture can show.
MOST_POINTS = 4_000
_NEAREST_DATES = 5
_RFM_KEYS = ("segment_id", "rfm_r", "rfm_f", "rfm_group")
_ODD_KEYS = ("segment_id", "feature", "is_high")
_COUNTED = ("algorithm", *dict.fromkeys((*_RFM_KEYS, *_ODD_KEYS)))
_READ = ("algorithm", *_RFM_KEYS, "oddities")


# Runs a kernel on each portion of a table's date; returns the results.
OfPortions = Callable[
    [Table, date, Callable[[pa.Table], pl.DataFrame], Sequence[str]], list[pl.DataFrame]
]


def run_date_of(lake: Tables, requested: date | None) -> date:
    """Return the requested run date, or the latest.

    InputError names the nearest dates if it is missing.
    """
    run_dates = sorted(set(lake.rows(RUNS, ["run_date"])["run_date"].to_pylist()))
    if not run_dates:
        raise InputError(f"there is no run in {lake.name(RUNS)}; run jobs/segment.py first")
    if requested is None or requested in run_dates:
        return requested or run_dates[-1]
    near = sorted(run_dates, key=lambda day: (abs(day - requested), day))[:_NEAREST_DATES]
    listed = ", ".join(day.isoformat() for day in sorted(near))
    raise InputError(
        f"no run of {requested} in {lake.name(RUNS)}; the nearest of"
        f" {words.counted(len(run_dates), 'run date')} there: {listed}"
    )


def content(
    lake: Tables, run_date: date, of_portions: OfPortions, algorithm: str | None = None
) -> Content:
    """Read the content of a run date in `runs`; missing parts are None or empty.

    `lake` is as of one moment: the run may be made again meanwhile. `of_portions` goes through the
    one table with a row per customer. `algorithm` comes first; None: the run's main algorithm.
    """
    run = shaping.run(_manifest(lake, run_date))
    first_algorithm = [algorithm] if algorithm else []
    configured = [*dict.fromkeys([*first_algorithm, *(run.setting("model", "algorithms") or [])])]
    main = next(iter(configured), None)
    rows = _read(lake, run, main, of_portions)
    segments = shaping.segments(rows["segments"])
    algorithms = shaping.in_order(configured, {s.algorithm for s in segments})
    # Without the run's id, so that the same run made again writes the same file.
    previous, columns = rows["previous"], [n for n in MODEL_SELECTION.schema.names if n != RUN_ID]
    tried = shaping.in_turn(rows["selection"], [*configured, *algorithms])
    return Content(
        run=run,
        ledger=shaping.ledger(rows["ledger"]),
        algorithms=algorithms,
        all_segments=segments,
        previous_names={(r["algorithm"], r["segment_id"]): r["segment_name"] for r in previous},
        selection=shaping.selection(tried),
        selection_columns=columns,
        selection_rows=[[row[column] for column in columns] for row in tried],
        all_flows=shaping.ordered(Flow, rows["flows"]),
        drift=shaping.drift(rows["drift"]),
        plane=shaping.plane(rows["points"]),
        rfm=shaping.ordered(RfmCount, rows["rfm"]),
        outliers=shaping.ordered(OutlierCount, rows["outliers"]),
        memberships=_memberships(lake, run_date, configured, of_portions),
        clv=shaping.clv(rows["clv"]),
        seasons=shaping.ordered(SeasonIndex, rows["seasons"]),
        event_counts=shaping.ordered(EventCount, rows["events"]),
        affinities=shaping.affinities(rows["products"], rows["categories"]),
    )


def _read(lake: Tables, run: Run, main: str | None, of_portions: OfPortions) -> dict[str, Rows]:
    """Return the rows behind each part of a report; none for a missing table."""
    day, before = run.run_date, run.previous_run_date
    counts = _customer_counts(lake, day, main, of_portions)

    def of(table: Table, on: date | None, leaving_out: str = "") -> Rows:
        names = [name for name in table.schema.names if name != leaving_out]
        rows = lake.rows(table, names, [on]) if on else table.schema.empty_table()
        return [shaping.plain(row) for row in dicts_of(rows)]

    return {
        "ledger": [_ledger_sums(lake.rows(INGEST_FILES).to_pylist())],
        "segments": of(SEGMENT_PROFILES, day, leaving_out="centroid"),
        "previous": of(SEGMENT_PROFILES, before, leaving_out="centroid"),
        "selection": of(MODEL_SELECTION, day),
        "flows": of(SEGMENT_MIGRATIONS, day),
        "drift": of(FEATURE_DRIFT, day),
        "clv": of(CLV_MODELS, day),
        "products": of(SEGMENT_PRODUCTS, day),
        "categories": of(SEGMENT_CATEGORIES, day),
        "seasons": of(SEGMENT_SEASONS, day),
        "events": of(EVENT_SUMMARY, day),
        "points": _some_points(lake.rows(SEGMENT_POINTS, dates=[day]), main),
        "rfm": _added(counts, _RFM_KEYS),
        "outliers": _added(counts.filter(pl.col("feature").is_not_null()), _ODD_KEYS),
    }


def _manifest(lake: Tables, run_date: date) -> dict[str, Any]:
    [raw] = dicts_of(lake.rows(RUNS, dates=[run_date]))
    row = shaping.plain(raw)
    return {**row, "finished": f"{row['finished_at']:%Y-%m-%d %H:%M}"}


def _ledger_sums(files: Rows) -> dict[str, int]:
    read = [file for file in files if file["skipped_because"] is None]
    columns = [f.name for f in dataclasses.fields(Ledger) if "files" not in f.name]
    return {
        "files": len(read),
        "skipped_files": len(files) - len(read),
        **{name: sum(file[name] or 0 for file in read) for name in columns},
    }


def _some_points(points: pa.Table, main: str | None) -> Rows:
    """Choose and order points by a hash of the id, so that no segment is drawn over the others."""
    frame = pl.DataFrame(pl.from_arrow(points)).filter(
        pl.col("algorithm") == pl.lit(main, pl.String)
    )
    placed = frame.filter(pl.col("x").is_finite() & pl.col("y").is_finite())
    return placed.sort(text_key("customer_id"), "customer_id").head(MOST_POINTS).to_dicts()


def _customer_counts(
    lake: Tables, day: date, main: str | None, of_portions: OfPortions
) -> pl.DataFrame:
    """Count customers by RFM score and group, and outliers by their oddest feature."""
    counts: list[pl.DataFrame] = []
    if lake.exists(CUSTOMER_SEGMENTS):
        counts = of_portions(CUSTOMER_SEGMENTS, day, _count_customers, _READ)
    if not counts:
        return pl.DataFrame(schema=[*_COUNTED, "customers"])
    return pl.concat(counts).filter(pl.col("algorithm") == pl.lit(main, pl.String))


def _count_customers(bucket: pa.Table) -> pl.DataFrame:
    rows = pl.DataFrame(pl.from_arrow(bucket))
    oddest = pl.col("oddities").list.first().struct
    rows = rows.with_columns(feature=oddest.field("feature"), is_high=oddest.field("deviation") > 0)
    return rows.group_by(_COUNTED).agg(pl.len().cast(pl.Int64).alias("customers"))


def _memberships(
    lake: Tables, day: date, algorithms: Sequence[str], of_portions: OfPortions
) -> Memberships | None:
    """Return a mixture's memberships, in a separate pass: most runs have none."""
    if mixtures.ALGORITHM not in algorithms or not lake.exists(CUSTOMER_SEGMENTS):
        return None
    portions = of_portions(CUSTOMER_SEGMENTS, day, mixtures.portion, mixtures.READ)
    return mixtures.memberships(portions)


def _added(counts: pl.DataFrame, keys: Sequence[str]) -> Rows:
    """Add up counts by some of their keys: at most segments x 26 score pairs x 11 groups."""
    return counts.group_by(keys).agg(pl.col("customers").sum()).to_dicts()
