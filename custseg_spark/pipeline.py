"""Composes a segmentation: sessions to features, features to segments, the manifest last."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark import features, naming
from custseg_spark.config import Config
from custseg_spark.errors import InputError
from custseg_spark.features import rfm
from custseg_spark.models import algorithms, fitting, preparation, results, store
from custseg_spark.models.fitting import Fitted, Sample
from custseg_spark.models.selection import Verdict
from custseg_spark.progress import Progress
from custseg_spark.schemas import (
    CUSTOMER_SEGMENTS,
    EVENTS,
    MODEL_SELECTION,
    RUNS,
    SEGMENT_PROFILES,
    SESSIONS,
    Table,
)
from custseg_spark.session import size_shuffles
from custseg_spark.tables import Lake
from custseg_spark.trial import limited

CUSTOMER_FEATURES = Table("customer_features", features.schema_ddl(), ("run_date",))
OUTPUTS = (CUSTOMER_FEATURES, CUSTOMER_SEGMENTS, SEGMENT_PROFILES, MODEL_SELECTION, RUNS)


@dataclass
class SegmentRun:
    """What `segment` did: for the summary and the manifest."""

    run_date: date
    customers: int
    chosen: dict[str, Verdict] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)


def check(config: Config) -> None:
    """ConfigurationError for an unknown family, feature or algorithm, before Spark starts."""
    optional = config.features.optional_families
    features.families(date.min, optional)
    preparation.choose_features(config.model.features, features.all_features(optional))
    for algorithm in config.model.algorithms:
        algorithms.known(algorithm)


def segment(lake: Lake, config: Config, progress: Progress, *, finished_at: datetime) -> SegmentRun:
    """Features, models and segments of one run date, from the lake's sessions.

    Writes `customer_features`, `customer_segments`, `segment_profiles`, `model_selection` and,
    last, `runs`; the run date's rows are replaced, all others stay. Raises InputError where the
    lake has no event before the run date.
    """
    size_shuffles(lake.spark, lake.read(EVENTS).count())
    run_date = config.run.run_date or _day_after_last_event(lake)
    with progress.stage("create tables"):
        lake.create(OUTPUTS)
    with progress.stage("customer features") as stage:
        run = SegmentRun(run_date, _write_features(lake, config, run_date))
        stage.rows = run.customers
    customers = lake.read(CUSTOMER_FEATURES).where(F.col("run_date") == F.lit(run_date))
    known = features.all_features(config.features.optional_families)
    with progress.stage("fit models") as stage:
        names = [f.name for f in known]
        drawn = fitting.sample(customers, names, config.model, run.customers)
        fitted = fitting.fit(drawn, known, customers, config.model)
        run.left_out = dict(fitted.prepared.left_out)
        stage.rows = len(drawn.values)
        stage.note = f"{len(fitted.models)} fits on {len(fitted.prepared.names)} features"
    # Three scans and the assignment read it.
    labelled = fitting.label(customers, fitted, names, run.customers).persist()
    try:
        with progress.stage("quality indices") as stage:
            verdicts = fitting.judge(labelled, fitted, config.model)
            run.chosen = {v.candidate.algorithm: v for v in verdicts if v.chosen}
            stage.rows = run.customers
        with progress.stage("write segments") as stage:
            _write_segments(lake, labelled, fitted, drawn, verdicts, run, config)
            stage.rows = run.customers * len(run.chosen)
    finally:
        labelled.unpersist()
    with progress.stage("save models"):
        _save_models(lake, fitted, run, config)
    _write_run(lake, run, fitted, config, progress, finished_at)
    return run


def _day_after_last_event(lake: Lake) -> date:
    last: date | None = lake.read(EVENTS).agg(F.max("event_date")).collect()[0][0]
    if last is None:
        raise InputError("the lake has no events; ingest a source first")
    return last + timedelta(days=1)


def _write_features(lake: Lake, config: Config, run_date: date) -> int:
    """Writes the run date's features; returns the number of customers."""
    sessions = limited(lake.read(SESSIONS), config.run, run_date)
    with_prices = "price_relative" in config.features.optional_families
    events = lake.read(EVENTS) if with_prices else None
    # Three jobs need them: the customers' number, the quintiles among buyers, the write.
    unscored = features.customer_features(sessions, as_of=run_date, events=events).persist()
    try:
        cutoffs = {row.score: row.cutoffs for row in rfm.score_cutoffs(unscored).collect()}
        customers = unscored.count()
        if not customers:
            raise InputError(f"no event before run date {run_date}; there is nobody to segment")
        scored = naming.with_rfm_group(rfm.with_scores(unscored, cutoffs))
        absent = [n for n in CUSTOMER_FEATURES.schema.names if n not in scored.columns]
        complete = scored.withColumns({name: F.lit(None) for name in absent})
        lake.replace_dates(complete, CUSTOMER_FEATURES, [run_date])
        return customers
    finally:
        unscored.unpersist()


def _write_segments(
    lake: Lake,
    labelled: DataFrame,
    fitted: Fitted,
    drawn: Sample,
    verdicts: Sequence[Verdict],
    run: SegmentRun,
    config: Config,
) -> None:
    segments = results.segments(labelled, fitted.prepared, run.chosen, run.run_date).persist()
    try:
        lake.replace_dates(segments, CUSTOMER_SEGMENTS, [run.run_date])
        profiled = results.profile_rows(
            labelled, segments, drawn, run.chosen, config.model, run.run_date
        )
    finally:
        segments.unpersist()
    tried = results.selection_rows(verdicts, run.run_date)
    for rows, table in ((profiled, SEGMENT_PROFILES), (tried, MODEL_SELECTION)):
        frame = lake.spark.createDataFrame(rows, table.schema).coalesce(1)
        lake.replace_dates(frame, table, [run.run_date])


def _save_models(lake: Lake, fitted: Fitted, run: SegmentRun, config: Config) -> None:
    for algorithm, verdict in run.chosen.items():
        model = verdict.candidate.model
        centres, _, order = results.centres_of(model, fitted.prepared)
        manifest = store.Manifest(
            algorithm=algorithm,
            k=len(centres),
            features=fitted.prepared.features,
            scaling=config.model.scaling,
            seed=config.model.seed,
            order=tuple(order),
            centroids_sha256=store.centroids_hash(centres),
        )
        version = hashlib.sha256(manifest.as_json().encode()).hexdigest()[:12]
        path = f"{lake.models_path}/run_date={run.run_date}/{algorithm}-{version}"
        store.save(lake.spark, PipelineModel([*fitted.scaler.stages, model]), manifest, path)
        run.models[algorithm] = path


def _write_run(
    lake: Lake,
    run: SegmentRun,
    fitted: Fitted,
    config: Config,
    progress: Progress,
    finished_at: datetime,
) -> None:
    versions = dict(lake.versions([EVENTS, SESSIONS, CUSTOMER_FEATURES]))
    key = f"{config.hash()} {run.run_date} {versions['events']}"
    row = (
        run.run_date,
        hashlib.sha256(key.encode()).hexdigest()[:16],
        finished_at,
        config.hash(),
        config.as_json(),
        config.model.seed,
        versions,
        run.models,
        list(fitted.prepared.names),
        run.left_out,
        {**progress.rows, "customers": run.customers},
        progress.seconds,
    )
    manifest = lake.spark.createDataFrame([row], RUNS.schema).coalesce(1)
    lake.replace_dates(manifest, RUNS, [run.run_date])
