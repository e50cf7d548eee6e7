"""Composes a segmentation: sessions to features, features to segments, the manifest last."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial

import numpy as np
from pyspark.sql import functions as F

from custseg_spark.config.settings import Config
from custseg_spark.core.clustering import comparison, preparation
from custseg_spark.core.clustering.preparation import Preparation
from custseg_spark.core.clustering.selection import Verdict
from custseg_spark.core.features import registry
from custseg_spark.core.features.demographics import DEMOGRAPHICS
from custseg_spark.core.segments.drift import Drift, DriftRules
from custseg_spark.core.segments.naming import Archetypes
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.rows import rows_of
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
from custseg_spark.engine.partitions import FramedPortions, Portions, customer_buckets
from custseg_spark.engine.spark import mllib
from custseg_spark.engine.spark.mllib import MllibFits
from custseg_spark.engine.spark.model_store import Manifest
from custseg_spark.engine.spark.session import size_shuffles
from custseg_spark.errors import ConfigurationError, InputError, nearest
from custseg_spark.pipeline import clustering, history, models, planning, segments
from custseg_spark.pipeline.clustering import Fitted
from custseg_spark.pipeline.clustering.everyone import informed_customers
from custseg_spark.pipeline.clustering.refits import RefitsInTasks
from custseg_spark.pipeline.clustering.sample import CustomerSample, draw
from custseg_spark.pipeline.features import customer_groups, with_demographics, write_features
from custseg_spark.pipeline.history import Past, PreviousRun
from custseg_spark.pipeline.planning import Plan
from custseg_spark.pipeline.segments import PICTURED_CUSTOMERS, Evaluated
from custseg_spark.pipeline.segments.movement import feature_drifts
from custseg_spark.pipeline.sessions import refresh_sessions
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
    preparation.choose_features(config.model.features, registry.all_features(optional))
    for algorithm in config.model.algorithms:
        known_algorithm(algorithm)
    comparison.require(config.model.selection.compare)


def known_algorithm(algorithm: str) -> str:
    """The algorithm's name; ConfigurationError for an unknown one."""
    if algorithm not in mllib.FITS:
        raise ConfigurationError(f"unknown algorithm '{algorithm}'{nearest(algorithm, mllib.FITS)}")
    return algorithm


def feature_names() -> list[str]:
    """Every feature that an archetype may weigh, whatever families a run has."""
    return [f.name for f in registry.all_features(tuple(registry.OPTIONAL_FAMILIES))]


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
    if lake.native is None:
        size_shuffles(lake.spark, lake.read(EVENTS).count())
    config = with_demographics(lake, config)
    run_date = config.run.run_date or _day_after_last_event(lake)
    if model_date == run_date:
        raise ConfigurationError(
            f"--model-date {model_date}: expected another run date than the one to be scored"
        )
    with progress.stage("create tables"):
        lake.create(OUTPUTS)
    past = history.past(lake, run_date, _continued(lake))
    source = history.run_of(lake, model_date) if model_date else None
    asked = planning.asked(config.model, past.previous, source)
    # Before anything is written: models that can't be loaded leave the last good result.
    scoring = models.load(lake, asked.source, config, progress) if asked and asked.source else None
    count = write_features(lake, config, run_date, progress)
    groups = customer_groups(lake)
    customers = customer_buckets(lake, CUSTOMER_FEATURES, run_date, groups)
    with progress.stage("drift") as stage:
        plan, drifts = _planned(lake, config, past.previous, customers, asked, groups)
        stage.note = f"{plan.use}: {plan.reason}"
    if plan.source and not scoring:
        scoring = models.load(lake, plan.source, config, progress)
    run = SegmentRun(run_date, count, plan, versions=read)
    if plan.source and plan.source.fitted_on > run_date:
        run.warnings.append(f"the models are of {plan.source.fitted_on}: they know what came later")
    fitted, evaluated = _evaluated(lake, config, past, customers, groups, run, scoring, progress)
    with progress.stage("names") as stage:
        clusterings, cells = segments.identified(
            lake, evaluated, past, plan.source, config, archetypes
        )
    run.warnings += [warning for c in clusterings for warning in c.renamed]
    with progress.stage("write segments") as stage:
        segments.write(lake, evaluated, clusterings, cells, drifts, past, config)
        stage.rows = count * len(clusterings)
    with progress.stage("publish models"):
        if plan.source:
            run.models = {c.algorithm: plan.source.models[c.algorithm] for c in clusterings}
        else:
            models.publish(lake, clusterings, fitted.space, run.models, config)
    _write_run(lake, run, fitted, config, progress, past, now())
    return run


def _continued(lake: Lake) -> Lake | None:
    """The lake whose segments go on in this one, where one is named: read, never written."""
    older = lake.config.continue_from
    if older is None:
        return None
    # By Spark: native IO would write a probe file into the folder.
    by_spark = replace(lake.config, io="spark", continue_from=None)
    if lake.config.catalog and not set("/:").intersection(older):
        continued = Lake(lake.spark, replace(by_spark, catalog=older))
    else:
        continued = Lake(lake.spark, replace(by_spark, path=older, catalog=None))
    if not history.run_dates(continued):
        raise InputError(f"lake.continue_from: there is no run in {continued.name(RUNS)}")
    return continued


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
    last: date | None
    if lake.native is not None:
        last = max((f.day for f in lake.native.files(EVENTS) if f.day and f.rows), default=None)
    else:
        last = lake.read(EVENTS).agg(F.max("event_date")).collect()[0][0]
    if last is None:
        raise InputError("the lake has no events; ingest a source first")
    return last + timedelta(days=1)


def _planned(
    lake: Lake,
    config: Config,
    previous: PreviousRun | None,
    customers: Portions,
    asked: Plan | None,
    groups: int,
) -> tuple[Plan, list[Drift]]:
    """What to do, and the drift since the previous run."""
    rules = DriftRules(**asdict(config.drift))
    drifts = feature_drifts(lake, previous, customers, _names(config), rules, groups)
    if asked:
        return asked, drifts
    assert previous is not None  # without one, a fit was asked for
    decisive = drifts
    if previous.fitted_on != previous.run_date:
        # Drift adds up over runs that only score; what counts is how far the model is behind.
        fitting_run = history.find(lake, previous.fitted_on)
        decisive = feature_drifts(lake, fitting_run, customers, _names(config), rules, groups)
    return planning.automatic(config, previous, decisive), drifts


def _names(config: Config) -> list[str]:
    return [f.name for f in registry.all_features(config.features.optional_families)]


def _evaluated(
    lake: Lake,
    config: Config,
    past: Past,
    customers: FramedPortions,
    groups: int,
    run: SegmentRun,
    scoring: tuple[Fitted, dict[str, Manifest]] | None,
    progress: Progress,
) -> tuple[Fitted, Evaluated]:
    """The models with their verdicts, and what the tables are made of.

    `scoring` are published models with their manifests; without any, new ones are fitted.
    """
    model, names = config.model, _names(config)
    with progress.stage("sample customers") as stage:
        selection, bar = model.selection, model.preparation
        sizes = (model.fit.sample_customers, selection.silhouette_customers, PICTURED_CUSTOMERS)
        sample = draw(
            customers,
            names,
            min_events=bar.min_events,
            informed_share=bar.informed_share,
            informed_customers=bar.informed_customers,
            size=max(*sizes, selection.compare_customers if selection.compare else 0),
        )
        stage.rows = len(sample.rows)
    published: dict[str, Manifest] = {}
    if scoring:
        fitted, published = scoring
    else:
        fitted = _fitted(lake, config, customers, sample, progress)
    run.left_out = dict(fitted.space.preparation.left_out)
    with progress.stage("evaluate models") as stage:
        if run.plan.source:
            why = f"the model of {run.plan.source.fitted_on}: {run.plan.reason}"
            verdicts = clustering.evaluate_published(customers, sample, fitted, model, why)
        else:
            previous = past.previous
            previous_k = {a: previous.k(a) for a in model.algorithms} if previous else {}
            fitted, verdicts = clustering.choose(
                customers, sample, fitted, model, previous_k, RefitsInTasks(lake.spark)
            )
        stage.rows = run.customers
    run.chosen = {v.candidate.algorithm: v for v in verdicts if v.chosen}
    run.warnings += _warnings(run, config, is_fitted=not scoring)
    compared = clustering.compared(sample, fitted.space, next(iter(run.chosen.values())), model)
    if not published:
        with progress.stage("save models"):
            assert isinstance(fitted.fits, MllibFits)
            chosen = {a: v.candidate.k for a, v in run.chosen.items()}
            folder, scaling = f"run_date={run.run_date}", model.preparation.scaling
            run.models = models.save(
                lake, fitted.fits, chosen, fitted.space, scaling, fitted.models, folder
            )
    return fitted, Evaluated(
        run.run_date,
        customers,
        groups,
        names,
        fitted.space,
        sample,
        verdicts,
        compared,
        published,
    )


def _fitted(
    lake: Lake,
    config: Config,
    customers: FramedPortions,
    sample: CustomerSample,
    progress: Progress,
) -> Fitted:
    settings = clustering.fit_settings(config.model)

    def make_fits(matrix: np.ndarray, prepared: Preparation, scaling: str) -> MllibFits:
        fit = config.model.fit
        everyone = partial(informed_customers, customers, prepared, sample.bar.events)
        return MllibFits(
            lake.spark,
            matrix,
            prepared,
            scaling,
            settings,
            fit.parallel,
            everyone if fit.customers == "all" else None,
        )

    with progress.stage("fit models") as stage:
        features = registry.all_features(config.features.optional_families)
        fitted = clustering.fit(sample, features, make_fits, config.model)
        stage.rows = len(fitted.points) if fitted.points is not None else None
        names = fitted.space.preparation.names
        stage.note = f"{len(fitted.models)} fits on {len(names)} features"
    return fitted


def _warnings(run: SegmentRun, config: Config, *, is_fitted: bool) -> list[str]:
    warnings = [f"{a}, k = {v.candidate.k}: {v.flaw}" for a, v in run.chosen.items() if v.flaw]
    asked, tried = config.model.k, next(iter(run.chosen.values())).candidate.k
    if asked and is_fitted and tried < asked:
        few = f"k = {asked} was asked for, but there are only {tried} distinct customers"
        return [few, *warnings]
    return warnings


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
        list(fitted.space.preparation.names),
        run.left_out,
        {**progress.rows, "customers": run.customers},
        progress.seconds,
    )
    lake.replace_dates(rows_of([row], RUNS.schema), RUNS, [run.run_date])
