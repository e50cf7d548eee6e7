"""Composes a segmentation: sessions to features, features to segments, the manifest last."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark import features
from custseg_spark.config.settings import Config
from custseg_spark.core.segments.naming import Archetypes
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import (
    CLV_MODELS,
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    CUSTOMERS,
    EVENTS,
    FEATURE_DRIFT,
    MODEL_SELECTION,
    RUNS,
    SEGMENT_MIGRATIONS,
    SEGMENT_POINTS,
    SEGMENT_PROFILES,
    SESSIONS,
)
from custseg_spark.engine.spark.session import size_shuffles
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.features.demographics import DEMOGRAPHICS
from custseg_spark.models import (
    algorithms,
    comparison,
    drift,
    fitting,
    judging,
    preparation,
    store,
    tree,
)
from custseg_spark.models.drift import Drift
from custseg_spark.models.fitting import Fitted, Informed
from custseg_spark.models.results import Clustering
from custseg_spark.models.selection import Verdict
from custseg_spark.models.store import Manifest
from custseg_spark.models.tree import Node
from custseg_spark.pipeline import history, planning, publishing
from custseg_spark.pipeline.featurising import with_demographics, write_features
from custseg_spark.pipeline.history import Past, PreviousRun
from custseg_spark.pipeline.planning import Plan
from custseg_spark.pipeline.publishing import Judged
from custseg_spark.pipeline.refresh import refresh_sessions
from custseg_spark.progress import Progress

OUTPUTS = (
    CUSTOMER_FEATURES,
    CLV_MODELS,
    CUSTOMER_SEGMENTS,
    SEGMENT_PROFILES,
    MODEL_SELECTION,
    SEGMENT_MIGRATIONS,
    FEATURE_DRIFT,
    SEGMENT_POINTS,
    RUNS,
)


@dataclass
class SegmentRun:
    """What `segment` did: for the summary and the manifest.

    `models` by name in the folder of models; `versions` of the tables that it read.
    """

    run_date: date
    customers: int
    plan: Plan
    chosen: dict[str, Verdict] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def check(config: Config) -> None:
    """ConfigurationError for an unknown family, feature or algorithm, before Spark starts."""
    optional = config.features.optional_families
    features.families(date.min, optional)
    preparation.choose_features(config.model.features, features.all_features(optional))
    for algorithm in config.model.algorithms:
        algorithms.known(algorithm)
    comparison.require(config.model.compare)


def feature_names() -> list[str]:
    """Every feature that an archetype may weigh, whatever families a run has."""
    return [f.name for f in features.all_features(tuple(features.OPTIONAL_FAMILIES))]


def segment(
    lake: Lake,
    config: Config,
    archetypes: Archetypes,
    progress: Progress,
    *,
    now: Callable[[], datetime],
    model_date: date | None = None,
) -> SegmentRun:
    """Features, models and segments of one run date, from the lake's sessions.

    Writes every table of OUTPUTS, `runs` last; the run date's rows are replaced, all others stay.
    With `model_date` the models of that run date score, whatever `model.use` says. Raises
    InputError where the lake has no event before the run date, or no such model, and
    ConfigurationError for a `model_date` that is the run date: what fitted it would be lost.
    """
    # An ingest that was killed may have left events without their sessions.
    refresh_sessions(lake, config.ingest, progress)
    read = lake.versions([EVENTS, SESSIONS, CUSTOMERS])
    size_shuffles(lake.spark, lake.read(EVENTS).count())
    config = with_demographics(lake, config)
    run_date = config.run.run_date or _day_after_last_event(lake)
    if model_date == run_date:
        raise ConfigurationError(
            f"--model-date {model_date}: expected another run date than the one to be scored"
        )
    with progress.stage("create tables"):
        lake.create(OUTPUTS)
    past = history.past(lake, run_date)
    source = history.run_of(lake, model_date) if model_date else None
    asked = planning.asked(config.model, past.previous, source)
    # Before anything is written: models that can't be loaded leave the last good result.
    scoring = _loaded(lake, asked.source, config, progress) if asked and asked.source else None
    count = write_features(lake, config, run_date, progress)
    customers = lake.read(CUSTOMER_FEATURES).where(F.col("run_date") == F.lit(run_date))
    with progress.stage("drift") as stage:
        plan, drifts = _planned(lake, config, past.previous, customers, asked)
        stage.note = f"{plan.use}: {plan.reason}"
    if plan.source and not scoring:
        scoring = _loaded(lake, plan.source, config, progress)
    run = SegmentRun(run_date, count, plan, versions=read)
    if plan.source and plan.source.fitted_on > run_date:
        run.warnings.append(f"the models are of {plan.source.fitted_on}: they know what came later")
    with _judged(lake, config, past, customers, run, scoring, progress) as judged:
        with progress.stage("names") as stage:
            clusterings, cells = publishing.identified(
                lake, judged, past, plan.source, config, archetypes
            )
        run.warnings += [said for c in clusterings for said in c.renamed]
        with progress.stage("write segments") as stage:
            publishing.write(lake, judged, clusterings, cells, drifts, past, config)
            stage.rows = count * len(clusterings)
    with progress.stage("publish models"):
        _publish(lake, clusterings, judged.fitted, run, config)
    _write_run(lake, run, judged.fitted, config, progress, past, now())
    return run


def score(
    lake: Lake,
    config: Config,
    archetypes: Archetypes,
    progress: Progress,
    model_date: date | None,
    *,
    now: Callable[[], datetime],
) -> SegmentRun:
    """As `segment`, with the published models of `model_date` (None: of the latest run before)."""
    frozen = replace(config, model=replace(config.model, use="frozen"))
    return segment(lake, frozen, archetypes, progress, now=now, model_date=model_date)


def _day_after_last_event(lake: Lake) -> date:
    last: date | None = lake.read(EVENTS).agg(F.max("event_date")).collect()[0][0]
    if last is None:
        raise InputError("the lake has no events; ingest a source first")
    return last + timedelta(days=1)


def _planned(
    lake: Lake,
    config: Config,
    previous: PreviousRun | None,
    customers: DataFrame,
    asked: Plan | None,
) -> tuple[Plan, list[Drift]]:
    """What to do, and the drift since the previous run."""
    drifts = _drifts(lake, config, previous, customers)
    if asked:
        return asked, drifts
    assert previous is not None  # without one, a fit was asked for
    decisive = drifts
    if previous.fitted_on != previous.run_date:
        # Drift adds up over runs that only score; what counts is how far the model is behind.
        fitting_run = history.find(lake, previous.fitted_on)
        decisive = _drifts(lake, config, fitting_run, customers)
    return planning.automatic(config, previous, decisive), drifts


def _drifts(
    lake: Lake, config: Config, since: PreviousRun | None, customers: DataFrame
) -> list[Drift]:
    if since is None:
        return []
    before = lake.read(CUSTOMER_FEATURES).where(F.col("run_date") == F.lit(since.run_date))
    return drift.feature_drift(before, customers, _names(config), since.customers, config.drift)


def _names(config: Config) -> list[str]:
    return [f.name for f in features.all_features(config.features.optional_families)]


@contextmanager
def _judged(
    lake: Lake,
    config: Config,
    past: Past,
    customers: DataFrame,
    run: SegmentRun,
    scoring: tuple[Fitted, dict[str, Manifest]] | None,
    progress: Progress,
) -> Iterator[Judged]:
    """The labelled and judged customers, cached for as long as the tables are made.

    `scoring` are published models with their manifests; without any, new ones are fitted.
    """
    names = _names(config)
    bar = fitting.informed(customers, config.model, run.customers)
    drawn = fitting.sample(customers, names, config.model, run.customers)
    published: dict[str, Manifest] = {}
    if scoring:
        fitted, published = scoring
    else:
        with progress.stage("fit models") as stage:
            known = features.all_features(config.features.optional_families)
            fitted = fitting.fit(customers, known, bar, config.model)
            stage.rows = len(fitted.sample.points) if fitted.sample else None
            stage.note = f"{len(fitted.models)} fits on {len(fitted.prepared.names)} features"
    run.left_out = dict(fitted.prepared.left_out)
    # Half a dozen scans and the assignment read it.
    labelled = fitting.label(customers, fitted, names, run.customers, bar).persist()
    try:
        with progress.stage("quality") as stage:
            verdicts = _verdicts(labelled, fitted, config, past, run, bar)
            stage.rows = run.customers
        run.chosen = {v.candidate.algorithm: v for v in verdicts if v.chosen}
        run.warnings = [
            f"{a}, k = {v.candidate.k}: {v.flaw}" for a, v in run.chosen.items() if v.flaw
        ]
        asked, tried = config.model.k, next(iter(run.chosen.values())).candidate.k
        if asked and not scoring and tried < asked:
            run.warnings.insert(
                0, f"k = {asked} was asked for, but there are only {tried} distinct customers"
            )
        compared = judging.compared(labelled, next(iter(run.chosen.values())), config.model, bar)
        trees: dict[str, Sequence[Node]] = {a: m.tree for a, m in published.items()}
        if not published:
            with progress.stage("save models"):
                trees = _save_models(lake, fitted, run, config)
        yield Judged(
            run.run_date,
            labelled,
            run.customers,
            names,
            fitted,
            drawn,
            verdicts,
            compared,
            published,
            trees,
        )
    finally:
        labelled.unpersist()


def _verdicts(
    labelled: DataFrame,
    fitted: Fitted,
    config: Config,
    past: Past,
    run: SegmentRun,
    bar: Informed,
) -> list[Verdict]:
    algorithms, source = config.model.algorithms, run.plan.source
    if source:
        why = f"the model of {source.fitted_on}: {run.plan.reason}"
        return judging.judge_published(labelled, fitted, config.model, run.customers, bar, why)
    previous_k = {a: past.previous.k(a) for a in algorithms} if past.previous else {}
    return judging.judge(labelled, fitted, config.model, run.customers, bar, previous_k)


def _loaded(
    lake: Lake, source: PreviousRun, config: Config, progress: Progress
) -> tuple[Fitted, dict[str, Manifest]]:
    """The published models of a run, checked against their manifests."""
    with progress.stage("load models") as stage:
        paths = {a: lake.model_path(source.models[a]) for a in config.model.algorithms}
        loaded = {a: store.load(lake.spark, path) for a, path in paths.items()}
        stage.note = f"of {source.fitted_on}"
    manifests = {a: manifest for a, (_, manifest) in loaded.items()}
    known = _names(config)
    for algorithm, manifest in manifests.items():
        absent = [f.name for f in manifest.features if f.name not in known]
        if absent:
            raise ConfigurationError(
                f"the model of {algorithm} takes {absent[0]}, of a family that this run has not:"
                " features.optional_families must be what it was at the fit"
            )
    models = {m.column: store.clusterer(loaded[a][0]) for a, m in manifests.items()}
    # One run's models share their preparation and scaler.
    prepared = next(iter(manifests.values())).preparation
    scaler = PipelineModel(next(iter(loaded.values()))[0].stages[:-1])
    return Fitted(prepared, scaler, models), manifests


def _save_models(
    lake: Lake, fitted: Fitted, run: SegmentRun, config: Config
) -> dict[str, Sequence[Node]]:
    """Saves the chosen models, still without a manifest; returns the trees of those that are."""
    trees: dict[str, Sequence[Node]] = {}
    for algorithm, verdict in run.chosen.items():
        model = verdict.candidate.model
        key = f"{fitted.prepared.features} {config.model.scaling} {store.model_hash(model)}"
        version = hashlib.sha256(key.encode()).hexdigest()[:12]
        name = f"run_date={run.run_date}/{algorithm}-{version}"
        path = lake.model_path(name)
        store.save_model(lake.spark, PipelineModel([*fitted.scaler.stages, model]), path)
        trees[algorithm] = tree.read_tree(lake.spark, path) if tree.has_tree(model) else ()
        run.models[algorithm] = name
    return trees


def _publish(
    lake: Lake, clusterings: Sequence[Clustering], fitted: Fitted, run: SegmentRun, config: Config
) -> None:
    """Writes the manifests that make the saved models published ones; keeps loaded ones."""
    if run.plan.source:
        run.models = {c.algorithm: run.plan.source.models[c.algorithm] for c in clusterings}
        return
    for clustering in clusterings:
        manifest = store.Manifest(
            algorithm=clustering.algorithm,
            k=len(clustering.segment_ids),
            features=fitted.prepared.features,
            components=fitted.prepared.components,
            scaling=config.model.scaling,
            seed=config.model.seed,
            segment_ids=clustering.segment_ids,
            segment_names=clustering.segment_names,
            tree=tuple(clustering.tree),
            model_sha256=store.model_hash(clustering.model),
        )
        path = lake.model_path(run.models[clustering.algorithm])
        store.save_manifest(lake.spark, manifest, path)


def _write_run(
    lake: Lake,
    run: SegmentRun,
    fitted: Fitted,
    config: Config,
    progress: Progress,
    past: Past,
    finished_at: datetime,
) -> None:
    versions = {**run.versions, **lake.versions([CUSTOMER_FEATURES])}
    if DEMOGRAPHICS not in config.features.optional_families:
        versions.pop(CUSTOMERS.name, None)
    key = f"{config.hash()} {run.run_date} {versions['events']}"
    row = (
        run.run_date,
        past.previous.run_date if past.previous else None,
        hashlib.sha256(key.encode()).hexdigest()[:16],
        run.plan.use,
        run.plan.reason,
        run.plan.source.fitted_on if run.plan.source else run.run_date,
        run.warnings,
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
