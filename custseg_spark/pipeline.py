"""Composes a segmentation: sessions to features, features to segments, the manifest last."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark import features, naming
from custseg_spark.config import Config
from custseg_spark.errors import InputError
from custseg_spark.features import rfm
from custseg_spark.models import algorithms, assignment, indices, preparation, selection, store
from custseg_spark.models.layout import in_sample, laid_out, local_frame
from custseg_spark.models.preparation import VECTOR, Preparation
from custseg_spark.models.profiles import profiles
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

_POINT, _VALUES = "point", "feature_values"


@dataclass
class SegmentRun:
    """What `segment` did: for the summary and the manifest."""

    run_date: date
    customers: int
    chosen: dict[str, Verdict] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """The features of the sampled customers on the driver, by customer id, NaN for null."""

    names: tuple[str, ...]
    values: np.ndarray

    def of(self, names: tuple[str, ...]) -> np.ndarray:
        """The columns of these features."""
        return self.values[:, [self.names.index(name) for name in names]]


@dataclass(frozen=True)
class Fitted:
    """The preparation, MLlib's scaler after it, and a model for each algorithm and k."""

    prepared: Preparation
    scaler: PipelineModel
    models: Mapping[str, selection.Model]


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
    with progress.stage("fit models") as stage:
        sample = _sample(customers, run, config)
        fitted = _fit(lake, sample, run, config)
        stage.rows = len(sample.values)
        stage.note = f"{len(fitted.models)} fits on {len(fitted.prepared.names)} features"
    assigned = _assigned(customers, fitted, sample.names, run.customers).persist()
    try:
        with progress.stage("quality indices") as stage:
            verdicts = _verdicts(assigned, fitted, config)
            run.chosen = {v.candidate.algorithm: v for v in verdicts if v.chosen}
            stage.rows = run.customers
        with progress.stage("write segments") as stage:
            _write_segments(lake, assigned, fitted, sample, verdicts, run, config)
            stage.rows = run.customers * len(run.chosen)
    finally:
        assigned.unpersist()
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


def _sample(customers: DataFrame, run: SegmentRun, config: Config) -> Sample:
    names = [f.name for f in features.all_features(config.features.optional_families)]
    local = (
        customers.where(in_sample(config.model.sample_customers, run.customers))
        .select("customer_id", *[F.col(n).cast("double").alias(n) for n in names])
        .toPandas()
        .sort_values("customer_id")
    )
    return Sample(tuple(names), local[names].to_numpy(dtype=float))


def _fit(lake: Lake, sample: Sample, run: SegmentRun, config: Config) -> Fitted:
    wanted = preparation.choose_features(
        config.model.features, features.all_features(config.features.optional_families)
    )
    raw = sample.of(tuple(f.name for f in wanted))
    prepared = preparation.learn(raw, wanted, config.model)
    run.left_out = dict(prepared.left_out)
    if not prepared.features:
        raise InputError(
            "the customers can't be told apart: every feature of the model is constant"
            f" ({', '.join(prepared.left_out)})"
        )
    raw = sample.of(prepared.names)
    matrix = np.column_stack([f.values(raw[:, i]) for i, f in enumerate(prepared.features)])
    frame = local_frame(lake.spark, matrix, prepared.names)
    scaler = preparation.fit_scaler(frame, prepared, config.model)
    ks = selection.k_range(config.model, len(np.unique(matrix, axis=0)))
    vectors = scaler.transform(frame).select(VECTOR)
    models = selection.fit_all(vectors, config.model.algorithms, ks, config.model)
    return Fitted(prepared, scaler, models)


def _assigned(customers: DataFrame, fitted: Fitted, names: tuple[str, ...], rows: int) -> DataFrame:
    """One row a customer: the scaled point, all features, and each model's label."""
    keep = ["customer_id", "monetary", "rfm_r", "rfm_f", "rfm_m", "rfm_group"]
    values = F.array(*[F.col(n).cast("double") for n in names]).alias(_VALUES)
    prepared = customers.select(
        *[F.col(n).alias(f"kept_{n}") for n in keep],
        values,
        *[f.column() for f in fitted.prepared.features],
    )
    frame = fitted.scaler.transform(laid_out(prepared, "kept_customer_id", rows))
    for model in fitted.models.values():
        frame = model.transform(frame)
    return frame.select(
        *[F.col(f"kept_{n}").alias(n) for n in keep],
        vector_to_array(VECTOR).alias(_POINT),
        _VALUES,
        *fitted.models,
    )


def _verdicts(assigned: DataFrame, fitted: Fitted, config: Config) -> list[Verdict]:
    clusterings = {column: model.getK() for column, model in fitted.models.items()}
    dimensions = len(next(iter(fitted.models.values())).clusterCenters()[0])
    found = indices.quality(assigned, _POINT, clusterings, dimensions)
    tried = selection.candidates(fitted.models, found, config.model.algorithms)
    by_algorithm = [[c for c in tried if c.algorithm == a] for a in config.model.algorithms]
    return [v for candidates in by_algorithm for v in selection.choose(candidates, config.model)]


def _write_segments(
    lake: Lake,
    assigned: DataFrame,
    fitted: Fitted,
    sample: Sample,
    verdicts: list[Verdict],
    run: SegmentRun,
    config: Config,
) -> None:
    segments = _segments(assigned, fitted, run).persist()
    try:
        lake.replace_dates(segments, CUSTOMER_SEGMENTS, [run.run_date])
        rows = _profile_rows(assigned, segments, sample, run, config)
    finally:
        segments.unpersist()
    spark = lake.spark
    written = spark.createDataFrame(rows, SEGMENT_PROFILES.schema).coalesce(1)
    lake.replace_dates(written, SEGMENT_PROFILES, [run.run_date])
    tried = [_selection_row(v, run) for v in verdicts]
    written = spark.createDataFrame(tried, MODEL_SELECTION.schema).coalesce(1)
    lake.replace_dates(written, MODEL_SELECTION, [run.run_date])


def _segments(assigned: DataFrame, fitted: Fitted, run: SegmentRun) -> DataFrame:
    """One row a customer and algorithm."""
    frames = []
    for algorithm, verdict in run.chosen.items():
        centres = np.array(verdict.candidate.model.clusterCenters())
        names = _coordinates(centres, fitted.prepared)
        order = assignment.order_by_value(centres, names)
        label = verdict.candidate.model.getPredictionCol()
        one = assignment.assign(assigned, _POINT, label, centres, order, names)
        frames.append(one.withColumn("algorithm", F.lit(algorithm)))
    union = frames[0]
    for frame in frames[1:]:
        union = union.unionByName(frame)
    name = F.concat(F.lit("Segment "), F.col("segment_id").cast("string"))
    return union.withColumns({"run_date": F.lit(run.run_date), "segment_name": name})


def _coordinates(centres: np.ndarray, prepared: Preparation) -> tuple[str, ...]:
    """The names of the space's axes: features, or principal components."""
    dimensions = centres.shape[1]
    if dimensions == len(prepared.names):
        return prepared.names
    return tuple(f"component_{i + 1}" for i in range(dimensions))


def _profile_rows(
    assigned: DataFrame, segments: DataFrame, sample: Sample, run: SegmentRun, config: Config
) -> list[tuple[object, ...]]:
    labels = {v.candidate.model.getPredictionCol(): v.candidate.k for v in run.chosen.values()}
    sampled = (
        assigned.where(in_sample(config.model.sample_customers, run.customers))
        .select("customer_id", *labels)
        .toPandas()
        .sort_values("customer_id")
    )
    found = profiles(
        assigned, _VALUES, labels, sample.values, {c: sampled[c].to_numpy() for c in labels}
    )
    sizes = (
        segments.groupBy("algorithm", "cluster", "segment_id", "segment_name")
        .agg(F.count("*").alias("customers"), F.sum("monetary").alias("revenue"))
        .collect()
    )
    rows: list[tuple[object, ...]] = []
    for size in sorted(sizes, key=lambda s: (s.algorithm, s.segment_id)):
        column = run.chosen[size.algorithm].candidate.model.getPredictionCol()
        total = sum(s.revenue for s in sizes if s.algorithm == size.algorithm)
        rows.append(
            (
                run.run_date,
                size.algorithm,
                size.segment_id,
                size.segment_name,
                size.customers,
                size.customers / run.customers,
                size.revenue,
                float(size.revenue / total) if total else 0.0,
                found[column][size.cluster].as_map(sample.names),
            )
        )
    return rows


def _selection_row(verdict: Verdict, run: SegmentRun) -> tuple[object, ...]:
    candidate = verdict.candidate
    found = candidate.indices
    return (
        run.run_date,
        candidate.algorithm,
        candidate.k,
        found.silhouette,
        found.davies_bouldin,
        found.calinski_harabasz,
        found.within_cluster_cost,
        candidate.smallest_share,
        run.customers,
        verdict.chosen,
        verdict.why,
    )


def _save_models(lake: Lake, fitted: Fitted, run: SegmentRun, config: Config) -> None:
    for algorithm, verdict in run.chosen.items():
        model = verdict.candidate.model
        centres = np.array(model.clusterCenters())
        names = _coordinates(centres, fitted.prepared)
        manifest = store.Manifest(
            algorithm=algorithm,
            k=len(centres),
            features=fitted.prepared.features,
            scaling=config.model.scaling,
            seed=config.model.seed,
            order=tuple(assignment.order_by_value(centres, names)),
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
