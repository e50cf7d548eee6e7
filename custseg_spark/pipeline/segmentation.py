"""Compose a segmentation: sessions to features, features to segments, the manifest last."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime

from custseg_spark.config.settings import Config
from custseg_spark.core.segments.drift import Drift
from custseg_spark.core.segments.naming import Archetypes
from custseg_spark.engine.lake import publication
from custseg_spark.engine.lake.insight_tables import (
    EVENT_SUMMARY,
    SEGMENT_CATEGORIES,
    SEGMENT_PRODUCTS,
    SEGMENT_SEASONS,
)
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.publication import RunPublication
from custseg_spark.engine.lake.schemas import (
    CLV_MODELS,
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    FEATURE_DRIFT,
    MODEL_SELECTION,
    RUNS,
    SEGMENT_MIGRATIONS,
    SEGMENT_POINTS,
    SEGMENT_PROFILES,
)
from custseg_spark.engine.partitions import customer_buckets
from custseg_spark.engine.spark.session import size_shuffles
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.pipeline import (
    concentration,
    history,
    later_runs,
    modelling,
    models,
    planning,
    runs,
    segments,
    unchanged,
)
from custseg_spark.pipeline.clusterings import Clustering
from custseg_spark.pipeline.dates import day_after_last_event, number_of_events
from custseg_spark.pipeline.features import customer_groups, with_demographics, write_features
from custseg_spark.pipeline.features.events_pass import summary_rows
from custseg_spark.pipeline.insights import affinity, seasons
from custseg_spark.pipeline.planning import Plan
from custseg_spark.pipeline.population import Population
from custseg_spark.pipeline.runs import SegmentRun
from custseg_spark.pipeline.segments import Evaluated
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
    SEGMENT_PRODUCTS,
    SEGMENT_CATEGORIES,
    SEGMENT_SEASONS,
    EVENT_SUMMARY,
    RUNS,
)


def segment(
    lake: Lake,
    config: Config,
    archetypes: Archetypes,
    progress: Progress,
    *,
    now: Callable[[], datetime],
    model_date: date | None = None,
    again: bool = False,
) -> SegmentRun:
    """Compute features, models and segments of one run date from the lake's sessions.

    All tables of OUTPUTS are published at once, by the row of `runs`; until then an earlier run of
    the date stands. An earlier run with the same inputs stays as it is, unless `again` is set. With
    `model_date` the models of that run date score, whatever `model.use` says. Raises ConflictError
    if another run was published meanwhile, or a table that this run read was written. Raises
    InputError if the lake has no event before the run date, or no such model, and
    ConfigurationError if `model_date` is the run date: the run that fitted its models would be
    lost.
    """
    # A killed ingest may have left events without their sessions.
    refresh_sessions(lake, config.ingest, progress)
    with progress.stage("create tables"):
        lake.create(OUTPUTS)
    lake = publication.as_read(lake)
    if lake.native is None:
        size_shuffles(lake.spark, number_of_events(lake))
    config = with_demographics(lake, config)
    run_date = config.run.run_date or day_after_last_event(lake)
    if run_date is None:
        raise InputError("the lake has no events; ingest a source first")
    if model_date == run_date:
        raise ConfigurationError(
            f"--model-date {model_date}: expected another run date than the one to be scored"
        )
    if not again and not model_date and unchanged.unchanged_run(lake, run_date, config, archetypes):
        return unchanged.published(lake, run_date)
    with publication.of_run(lake, run_date) as output:
        return _segment(lake, output, config, archetypes, progress, now=now, model_date=model_date)


def _segment(
    lake: Lake,
    output: RunPublication,
    config: Config,
    archetypes: Archetypes,
    progress: Progress,
    *,
    now: Callable[[], datetime],
    model_date: date | None,
) -> SegmentRun:
    """Do the work of `segment` on `lake` as of one moment."""
    run_date = output.run_date
    past = history.past(lake, run_date, _continued(lake))
    source = history.run_of(lake, model_date) if model_date else None
    fixed = planning.without_drift(config.model, past.previous, source)
    # Loaded before the long work, so that a missing model ends the run at once.
    scoring = models.load(lake, fixed.source, config, progress) if fixed and fixed.source else None
    count = write_features(output, config, progress)
    groups = customer_groups(lake)
    customers = customer_buckets(output.lake, CUSTOMER_FEATURES, run_date, groups)
    population = Population(output.lake, config, run_date, customers, groups, past, output)
    with progress.stage("drift") as stage:
        plan, drifts = _planned(population, fixed)
        stage.note = f"{plan.use}: {plan.reason}"
    if plan.source and not scoring:
        scoring = models.load(lake, plan.source, config, progress)
    run = SegmentRun(run_date, output.run_id, count, plan)
    run.versions = runs.read_versions(lake, config)
    run.made_by = unchanged.made_by(archetypes, config)
    sizes = concentration.of_customers(customers)
    if config.event_summary.enabled:
        output.append_to_each({EVENT_SUMMARY: summary_rows(output, sizes.activity)})
    if sizes.largest and (problem := sizes.largest.problem(config.gate.max_customer_share)):
        run.warnings.append(problem)
    if plan.source and plan.source.fitted_on > run_date:
        run.warnings.append(f"the models are of {plan.source.fitted_on}: they know what came later")
    fitted, evaluated = modelling.evaluated(population, run, scoring, progress)
    with ThreadPoolExecutor(1) as beside:
        # MLlib saves in the JVM while the driver learns rules and kernels write.
        saving = None if plan.source else beside.submit(modelling.saved, population, run, fitted)
        clusterings = _written(evaluated, run, drifts, archetypes, progress)
        stale = later_runs.outdated(lake, output)
        run.warnings += [stale] if stale else []
        with progress.stage("save models"):
            run.models = saving.result() if saving else {}
    with progress.stage("publish models"):
        if plan.source:
            algorithms = [c.algorithm for c in clusterings]
            run.models = {a: plan.source.models[a] for a in algorithms}
            hashes = history.model_hashes(lake, plan.source.run_date)
            run.model_hashes = {a: hashes[a] for a in algorithms}
        else:
            run.model_hashes = models.publish(
                lake, clusterings, fitted.space, run.models, config, run_date
            )
    with progress.stage("publish"):
        runs.publish(population, run, fitted.space.preparation, progress, now())
    return run


def _written(
    evaluated: Evaluated,
    run: SegmentRun,
    drifts: Sequence[Drift],
    archetypes: Archetypes,
    progress: Progress,
) -> list[Clustering]:
    """Name the chosen clusterings, and add the run's rows to their tables."""
    with progress.stage("names"):
        clusterings, cells = segments.identified(evaluated, run.plan.source, archetypes)
    run.warnings += [warning for c in clusterings for warning in c.renamed]
    with progress.stage("write segments") as stage:
        segments.write(evaluated, clusterings, cells, drifts)
        stage.rows = run.customers * len(clusterings)
    affinity.write(evaluated.population, progress)
    seasons.write(evaluated.population, progress)
    return clusterings


def _continued(lake: Lake) -> Lake | None:
    """Return the configured lake whose segments continue in this one: read, never written."""
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
    """Segment with the published models of `model_date` (None: of the latest run before)."""
    frozen = replace(config, model=replace(config.model, use="frozen"))
    return segment(lake, frozen, archetypes, progress, now=now, model_date=model_date)


def _planned(of: Population, fixed_plan: Plan | None) -> tuple[Plan, list[Drift]]:
    """Return the plan, and the drift since the previous run."""
    previous = of.past.previous
    drifts = feature_drifts(of, previous)
    if fixed_plan:
        return fixed_plan, drifts
    assert previous is not None  # without a previous run, the plan is to fit
    decisive = drifts
    if previous.fitted_on != previous.run_date:
        # Drift adds up over runs that only score: the drift since the fit decides.
        decisive = feature_drifts(of, history.find(of.lake, previous.fitted_on))
    return planning.automatic(of.config, previous, decisive), drifts
