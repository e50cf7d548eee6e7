"""Export a run's tables to databases and files, and lists of campaigns."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.core.segments.statuses import DIED
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.insight_tables import (
    SEGMENT_CATEGORIES,
    SEGMENT_PRODUCTS,
)
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    CUSTOMERS,
    EVENTS,
    MODEL_SELECTION,
    RUNS,
    SEGMENT_PROFILES,
)
from custseg_spark.engine.permissions import withheld
from custseg_spark.engine.spark.batches import batches
from custseg_spark.engine.spark.session import size_shuffles
from custseg_spark.errors import InputError, nearest
from custseg_spark.outputs.exports import evaluation
from custseg_spark.outputs.exports.folder import FolderLoading
from custseg_spark.outputs.exports.frames import REPORTS, changes, customers
from custseg_spark.outputs.exports.frames.behaviour import CUSTOMER_BEHAVIOR_METRICS
from custseg_spark.outputs.exports.frames.changes import SEGMENT_CHANGES, Campaign
from custseg_spark.outputs.exports.frames.metrics import customer_metrics
from custseg_spark.outputs.exports.layout import ReportTable, Run, reported
from custseg_spark.outputs.exports.loading import FrameLoading, Loading, Target
from custseg_spark.outputs.report.reading import run_date_of
from custseg_spark.pipeline.dates import number_of_events
from custseg_spark.progress import Progress

# The tables of runs that an export reads.
READ = (
    SEGMENT_PROFILES,
    CUSTOMER_SEGMENTS,
    CUSTOMER_FEATURES,
    MODEL_SELECTION,
    SEGMENT_PRODUCTS,
    SEGMENT_CATEGORIES,
)
TABLES = (*REPORTS, SEGMENT_CHANGES.name)
_METRICS = dict.fromkeys([*customers.CUSTOMER_SEGMENTS.columns, *CUSTOMER_BEHAVIOR_METRICS.columns])


@dataclass(frozen=True)
class Request:
    """A request for an export: `run_date` None is the latest.

    `since` adds `segment_changes`, whose `campaign` is by default the run date.
    """

    tables: tuple[str, ...]
    algorithm: str
    run_date: date | None = None
    since: date | None = None
    campaign: str | None = None
    control_share: float = 0.0


@dataclass(frozen=True)
class Exported:
    """The result of an export: rows by table."""

    run_date: date
    algorithm: str
    target: str
    rows: Mapping[str, int]


def export(lake: Lake, request: Request, target: Target, progress: Progress) -> Exported:
    """Write the tables of one run to a target, where all of them appear at once.

    Raises InputError if the lake has no such run or algorithm; then the target stays as it was. If
    the run is made again meanwhile, its state at the beginning is exported.
    """
    with withheld(lake.config.umask), target.opened() as loading:
        lake = lake.at_one_moment(READ)
        day = run_date_of(lake, request.run_date)
        rows = {}
        with frames_of(lake, request, day) as frames:
            for table, frame in frames:
                with progress.stage(table.name) as stage:
                    stage.rows = staged(loading, table, reported(frame, table))
                rows[table.name] = stage.rows
        if isinstance(loading, FolderLoading) and set(request.tables) & REPORTS.keys():
            loading.stage_document("evaluation_metrics", _evaluation(lake, day, request.algorithm))
        with progress.stage("publish"):
            loading.publish()
    return Exported(day, request.algorithm, target.shown, rows)


def staged(loading: Loading | FrameLoading, table: ReportTable, frame: DataFrame) -> int:
    """Stage a table's rows in the target's own way; return their number."""
    if isinstance(loading, FrameLoading):
        return loading.stage_frame(table, frame)
    return loading.stage(table, batches(frame))


def campaign_of(lake: Lake, request: Request, day: date) -> tuple[DataFrame, Campaign]:
    """Return the requested changes, a row per customer and change, and their campaign."""
    assert request.since is not None
    since = run_date_of(lake, request.since)
    if since >= day:
        raise InputError(f"changes since {since}: expected a run date before {day}")
    label = request.campaign or day.isoformat()
    campaign = Campaign(since, day, label, request.control_share)
    for of_run in (since, day):
        _require_algorithm(lake, of_run, request.algorithm)
    dates = lake.rows(RUNS, ["run_date"])["run_date"].to_pylist()
    run_dates = sorted(d for d in set(dates) if d <= day)
    segments = lake.read(CUSTOMER_SEGMENTS).where(
        (F.col("algorithm") == F.lit(request.algorithm)) & (F.col("run_date") <= F.lit(day))
    )
    return changes.rows(segments, run_dates, campaign), campaign


@contextmanager
def frames_of(
    lake: Lake, request: Request, day: date
) -> Iterator[list[tuple[ReportTable, DataFrame]]]:
    """Provide the requested tables with their rows; `lake` is as of one moment.

    Raises InputError if the algorithm isn't of that run.
    """
    _require_algorithm(lake, day, request.algorithm)
    size_shuffles(lake.spark, number_of_events(lake))
    run = _run(lake, day, request.algorithm)
    frames = [
        (REPORTS[name].table, REPORTS[name].rows(run)) for name in request.tables if name in REPORTS
    ]
    if SEGMENT_CHANGES.name in request.tables:
        frames.append((SEGMENT_CHANGES, campaign_of(lake, request, day)[0]))
    try:
        yield frames
    finally:
        run.metrics.unpersist()


def _run(lake: Lake, day: date, algorithm: str) -> Run:
    def of_algorithm(table: Table) -> DataFrame:
        # A lake of an older version lacks a table.
        return lake.read_or_empty(table, [day]).where(F.col("algorithm") == F.lit(algorithm))

    segments = of_algorithm(CUSTOMER_SEGMENTS)
    features = lake.read(CUSTOMER_FEATURES, [day])
    metrics = customer_metrics(segments, features, lake.read_or_empty(CUSTOMERS), day)
    return Run(
        run_date=day,
        segments=segments,
        features=features,
        # Three tables are made of them.
        metrics=metrics.select(*_METRICS).persist(),
        named=of_algorithm(SEGMENT_PROFILES).where(F.col("status") != DIED),
        events=lake.read(EVENTS),
        products=of_algorithm(SEGMENT_PRODUCTS),
        categories=of_algorithm(SEGMENT_CATEGORIES),
    )


def _require_algorithm(lake: Lake, day: date, algorithm: str) -> None:
    algorithms = set(lake.rows(SEGMENT_PROFILES, ["algorithm"], [day])["algorithm"].to_pylist())
    if algorithm not in algorithms:
        raise InputError(
            f"the run of {day} has no segments by {algorithm}{nearest(algorithm, algorithms)}"
        )


def _evaluation(lake: Lake, day: date, algorithm: str) -> dict[str, object]:
    selection = dicts_of(lake.rows(MODEL_SELECTION, dates=[day]))
    own = [row for row in selection if row["algorithm"] == algorithm]
    return evaluation.document(own, day, algorithm)
