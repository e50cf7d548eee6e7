"""Composes the stages of a run: sessions to features, features to segments, the manifest last."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
from pyspark.ml import PipelineModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark import features, naming
from custseg_spark.config import Config
from custseg_spark.errors import InputError
from custseg_spark.features import rfm
from custseg_spark.models import assignment, indices, preparation, selection, store
from custseg_spark.models.preparation import VECTOR, Preparation
from custseg_spark.models.selection import Verdict
from custseg_spark.profiles import segment_profiles
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
from custseg_spark.tables import Lake

CUSTOMER_FEATURES = Table("customer_features", features.schema_ddl(), ("run_date",))
_OUTPUTS = (CUSTOMER_FEATURES, CUSTOMER_SEGMENTS, SEGMENT_PROFILES, MODEL_SELECTION, RUNS)

_ARRAY = "point"
_HASH_STEPS = 1_000_000
# Rows a partition of a fit: the number of partitions depends on the rows alone, never on cores
# or settings, and with it every floating sum.
_ROWS_PER_PARTITION = 50_000


@dataclass
class SegmentRun:
    """What `segment` did: for the summary and the manifest."""

    run_date: date
    customers: int
    chosen: dict[str, Verdict] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)


def segment(lake: Lake, config: Config, progress: Progress, *, finished_at: datetime) -> SegmentRun:
    """Features, models and segments of one run date, from the lake's sessions.

    Writes `customer_features`, `customer_segments`, `segment_profiles`, `model_selection` and,
    last, `runs`; the run date's rows are replaced, all others stay. Raises InputError where the
    lake has no event before the run date.
    """
    lake.create(_OUTPUTS)
    run_date = config.run.run_date or _day_after_last_event(lake)
    with progress.stage("customer features") as stage:
        stage.rows = _write_features(lake, config, run_date)
        if not stage.rows:
            raise InputError(f"no event before run date {run_date}; there is nobody to segment")
    run = SegmentRun(run_date, stage.rows)
    customers = lake.read(CUSTOMER_FEATURES).where(F.col("run_date") == F.lit(run_date))
    with progress.stage("prepare") as stage:
        prepared, sample, scaler = _prepare(lake, customers, run, config)
        stage.note = f"{len(prepared.names)} features, {len(sample):,} customers sampled"
    with progress.stage("fit models") as stage:
        ks = selection.k_range(config.model, len(np.unique(sample, axis=0)))
        frame = _sample_frame(lake, sample, prepared, scaler)
        models = selection.fit_all(frame, config.model.algorithms, ks, config.model)
        stage.note = f"{len(models)} fits, k = {ks[0]} to {ks[-1]}"
    _publish(lake, customers, prepared, scaler, models, run, config, progress)
    _write_run(lake, run, prepared, config, progress, finished_at)
    return run


def _day_after_last_event(lake: Lake) -> date:
    last = lake.read(EVENTS).agg(F.max("event_date")).collect()[0][0]
    if last is None:
        raise InputError("the lake has no events; ingest a source first")
    return last + timedelta(days=1)


def _write_features(lake: Lake, config: Config, run_date: date) -> int:
    """Writes the run date's features; returns the number of customers."""
    optional = config.features.optional_families
    features.families(run_date, optional)  # unknown names fail before any work
    sessions = _limited(lake.read(SESSIONS), config, run_date)
    events = lake.read(EVENTS) if "price_relative" in optional else None
    unscored = features.customer_features(sessions, as_of=run_date, events=events).persist()
    try:
        cutoffs = {row.score: row.cutoffs for row in rfm.score_cutoffs(unscored).collect()}
        customers = unscored.count()
        if customers:
            scored = naming.with_rfm_group(rfm.with_scores(unscored, cutoffs))
            lake.replace_dates(_with_absent_families(scored), CUSTOMER_FEATURES, [run_date])
        return customers
    finally:
        unscored.unpersist()


def _with_absent_families(scored: DataFrame) -> DataFrame:
    """Columns of optional families that weren't asked for are null."""
    absent = [n for n in CUSTOMER_FEATURES.schema.names if n not in scored.columns]
    return scored.withColumns({name: F.lit(None) for name in absent})


def _limited(sessions: DataFrame, config: Config, run_date: date) -> DataFrame:
    """The sessions of the customers that the trial limits leave: whole customers, by hash."""
    step = F.pmod(F.xxhash64("customer_id"), F.lit(_HASH_STEPS))
    below = round(config.run.sample_fraction * _HASH_STEPS)
    if config.run.max_rows is not None:
        before = sessions.where(F.col("session_date") < F.lit(run_date))
        # A thousand coarse steps reach the driver, not the customers.
        coarse = F.floor(step / 1000).alias("coarse")
        totals = before.groupBy(coarse).agg(F.sum("event_count").alias("events")).orderBy("coarse")
        taken = 0
        for row in totals.collect():
            taken += row.events
            if taken > config.run.max_rows:
                below = min(below, row.coarse * 1000)
                break
    return sessions if below >= _HASH_STEPS else sessions.where(step < below)


def _prepare(
    lake: Lake, customers: DataFrame, run: SegmentRun, config: Config
) -> tuple[Preparation, np.ndarray, PipelineModel]:
    """What the sample teaches, the sample's prepared matrix, and the fitted scaler."""
    wanted = preparation.choose_features(
        config.model.features, features.all_features(config.features.optional_families)
    )
    share = min(1.0, config.model.sample_customers / run.customers)
    step = F.pmod(F.xxhash64("customer_id"), F.lit(_HASH_STEPS))
    sampled = (
        customers.where(step < max(1, round(share * _HASH_STEPS)))
        .select("customer_id", *[F.col(f.name).cast("double").alias(f.name) for f in wanted])
        .toPandas()
        .sort_values("customer_id")
    )
    raw = sampled[[f.name for f in wanted]].to_numpy(dtype=float)
    prepared = preparation.learn(raw, wanted, config.model)
    run.left_out = dict(prepared.left_out)
    if not prepared.features:
        raise InputError(
            "the customers can't be told apart: every feature of the model is constant"
            f" ({', '.join(prepared.left_out)})"
        )
    column = {f.name: i for i, f in enumerate(wanted)}
    matrix = np.column_stack([f.values(raw[:, column[f.name]]) for f in prepared.features])
    frame = _local_frame(lake, matrix, prepared.names)
    return prepared, matrix, preparation.fit_scaler(frame, prepared, config.model)


def _local_frame(lake: Lake, matrix: np.ndarray, names: Sequence[str]) -> DataFrame:
    """A driver's small matrix as a frame of one partition a `_ROWS_PER_PARTITION` rows."""
    columns = {name: matrix[:, i] for i, name in enumerate(names)}
    frame = lake.spark.createDataFrame(pa.table({**columns, "row": np.arange(len(matrix))}))
    return _laid_out(frame, "row", len(matrix)).drop("row")


def _laid_out(frame: DataFrame, key: str, rows: int) -> DataFrame:
    """The rows in an order and in partitions that depend on their number and keys alone."""
    partitions = -(-rows // _ROWS_PER_PARTITION)
    return frame.repartition(max(1, partitions), key).sortWithinPartitions(key)


def _sample_frame(
    lake: Lake, sample: np.ndarray, prepared: Preparation, scaler: PipelineModel
) -> DataFrame:
    return scaler.transform(_local_frame(lake, sample, prepared.names)).select(VECTOR)


def _publish(
    lake: Lake,
    customers: DataFrame,
    prepared: Preparation,
    scaler: PipelineModel,
    models: Mapping[str, selection.Model],
    run: SegmentRun,
    config: Config,
    progress: Progress,
) -> None:
    algorithms = config.model.algorithms
    assigned = _assigned(customers, prepared, scaler, models, run.customers).persist()
    try:
        with progress.stage("quality indices") as stage:
            clusterings = {column: model.getK() for column, model in models.items()}
            dimensions = len(scaler_centre(models))
            found = indices.quality(assigned, _ARRAY, clusterings, dimensions)
            tried = selection.candidates(models, found, algorithms)
            verdicts = [
                v
                for a in algorithms
                for v in selection.choose([c for c in tried if c.algorithm == a], config.model)
            ]
            run.chosen = {v.candidate.algorithm: v for v in verdicts if v.chosen}
            stage.rows = run.customers
        with progress.stage("write segments") as stage:
            segments = _segments(assigned, prepared, run).persist()
            lake.replace_dates(segments, CUSTOMER_SEGMENTS, [run.run_date])
            profiles = segment_profiles(
                customers, segments, [f.name for f in features.all_features()]
            )
            lake.replace_dates(profiles, SEGMENT_PROFILES, [run.run_date])
            lake.replace_dates(
                _selection_rows(lake, verdicts, run), MODEL_SELECTION, [run.run_date]
            )
            segments.unpersist()
            stage.rows = run.customers * len(algorithms)
    finally:
        assigned.unpersist()
    with progress.stage("save models"):
        _save_models(lake, prepared, scaler, run, config)


def scaler_centre(models: Mapping[str, selection.Model]) -> np.ndarray:
    """A centre of any of the models: it has the matrix's dimensions."""
    return np.asarray(next(iter(models.values())).clusterCenters()[0])


def _assigned(
    customers: DataFrame,
    prepared: Preparation,
    scaler: PipelineModel,
    models: Mapping[str, selection.Model],
    rows: int,
) -> DataFrame:
    """One row a customer: the scaled point and each model's label."""
    keep = ("customer_id", "rfm_r", "rfm_f", "rfm_m", "rfm_group")
    frame = scaler.transform(_laid_out(prepared.apply(customers, keep), "customer_id", rows))
    for model in models.values():
        frame = model.transform(frame)
    return frame.select(*keep, vector_to_array(VECTOR).alias(_ARRAY), *models)


def _segments(assigned: DataFrame, prepared: Preparation, run: SegmentRun) -> DataFrame:
    frames = []
    for algorithm, verdict in run.chosen.items():
        centres = np.array(verdict.candidate.model.clusterCenters())
        names = prepared.names
        if centres.shape[1] != len(names):
            names = tuple(f"component_{i + 1}" for i in range(centres.shape[1]))
        order = assignment.order_by_value(centres, names)
        label = verdict.candidate.model.getPredictionCol()
        one = assignment.assign(assigned, _ARRAY, label, centres, order, names)
        frames.append(one.withColumn("algorithm", F.lit(algorithm)))
    union = frames[0]
    for frame in frames[1:]:
        union = union.unionByName(frame)
    return union.withColumns(
        {
            "run_date": F.lit(run.run_date),
            "segment_name": F.concat(F.lit("Segment "), F.col("segment_id").cast("string")),
        }
    )


def _selection_rows(lake: Lake, verdicts: Sequence[Verdict], run: SegmentRun) -> DataFrame:
    rows = [
        (
            run.run_date,
            v.candidate.algorithm,
            v.candidate.k,
            v.candidate.indices.silhouette,
            v.candidate.indices.davies_bouldin,
            v.candidate.indices.calinski_harabasz,
            v.candidate.indices.within_cluster_cost,
            v.candidate.smallest_share,
            run.customers,
            v.chosen,
            v.why,
        )
        for v in verdicts
    ]
    return lake.spark.createDataFrame(rows, MODEL_SELECTION.schema).coalesce(1)


def _save_models(
    lake: Lake, prepared: Preparation, scaler: PipelineModel, run: SegmentRun, config: Config
) -> None:
    for algorithm, verdict in run.chosen.items():
        model = verdict.candidate.model
        centres = np.array(model.clusterCenters())
        manifest = store.Manifest(
            algorithm=algorithm,
            k=len(centres),
            features=prepared.features,
            scaling=config.model.scaling,
            seed=config.model.seed,
            order=tuple(assignment.order_by_value(centres, prepared.names)),
            centroids_sha256=store.centroids_hash(centres),
        )
        version = hashlib.sha256(manifest.as_json().encode()).hexdigest()[:12]
        path = f"{lake.models_path}/run_date={run.run_date}/{algorithm}-{version}"
        store.save(lake.spark, PipelineModel([*scaler.stages, model]), manifest, path)
        run.models[algorithm] = path


def _write_run(
    lake: Lake,
    run: SegmentRun,
    prepared: Preparation,
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
        list(prepared.names),
        run.left_out,
        {**progress.rows, "customers": run.customers},
        progress.seconds,
    )
    manifest = lake.spark.createDataFrame([row], RUNS.schema).coalesce(1)
    lake.replace_dates(manifest, RUNS, [run.run_date])
