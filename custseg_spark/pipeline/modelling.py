"""Find a population's models with their verdicts: fit and choose, or load and measure."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from custseg_spark.config.settings import Config
from custseg_spark.core.clustering import continuum
from custseg_spark.core.clustering.preparation import Preparation
from custseg_spark.core.features import registry
from custseg_spark.engine.spark.mllib import MllibFits
from custseg_spark.engine.spark.model_store import Manifest
from custseg_spark.pipeline import clustering, models
from custseg_spark.pipeline.clustering import Fitted
from custseg_spark.pipeline.clustering.everyone import informed_customers
from custseg_spark.pipeline.clustering.refits import RefitsInTasks
from custseg_spark.pipeline.clustering.sample import CustomerSample, draw
from custseg_spark.pipeline.clustering.settings import fit_settings
from custseg_spark.pipeline.population import Population
from custseg_spark.pipeline.runs import SegmentRun
from custseg_spark.pipeline.segments import PICTURED_CUSTOMERS, Evaluated
from custseg_spark.progress import Progress

# The fewest customers for medians and examples of segments.
_DESCRIBED_CUSTOMERS = 50_000


def evaluated(
    of: Population,
    run: SegmentRun,
    scoring: tuple[Fitted, dict[str, Manifest]] | None,
    progress: Progress,
) -> tuple[Fitted, Evaluated]:
    """Return the models with their verdicts, and the material of the tables.

    `scoring` are published models with their manifests; without any, new ones are fitted.
    """
    model, names, customers = of.config.model, of.features, of.customers
    with progress.stage("sample customers") as stage:
        selection, bar = model.selection, model.preparation
        sizes = (model.fit.sample_customers, selection.silhouette_customers, PICTURED_CUSTOMERS)
        described = max(_DESCRIBED_CUSTOMERS, *sizes)
        sample = draw(
            customers,
            names,
            min_events=bar.min_events,
            informed_share=bar.informed_share,
            informed_customers=bar.informed_customers,
            size=max(described, selection.compare_customers if selection.compare else 0),
        )
        stage.rows = len(sample.rows)
    published: dict[str, Manifest] = {}
    if scoring:
        fitted, published = scoring
    else:
        fitted = _fitted(of, sample, progress)
    run.left_out = dict(fitted.space.preparation.left_out)
    with progress.stage("evaluate models") as stage, ThreadPoolExecutor(1) as beside:
        structured = fitted.space.points(sample.informed(continuum.POINTS))
        structure = beside.submit(continuum.structure, structured, model.seed)
        if run.plan.source:
            why = f"the model of {run.plan.source.fitted_on}: {run.plan.reason}"
            verdicts = clustering.evaluate_published(customers, sample, fitted, model, why)
        else:
            previous = of.past.previous
            previous_k = {a: previous.k(a) for a in model.algorithms} if previous else {}
            fitted, verdicts = clustering.choose(
                customers, sample, fitted, model, previous_k, RefitsInTasks(of.lake.spark)
            )
        stage.rows = run.customers
        run.structure = structure.result()
    run.chosen = {v.candidate.algorithm: v for v in verdicts if v.chosen}
    run.warnings += _warnings(run, of.config, is_fitted=not scoring)
    compared = clustering.compared(sample, fitted.space, next(iter(run.chosen.values())), model)
    return fitted, Evaluated(of, fitted.space, sample, verdicts, compared, published)


def saved(of: Population, run: SegmentRun, fitted: Fitted) -> dict[str, str]:
    """Save the chosen models, still without a manifest; their names below the lake's models."""
    assert isinstance(fitted.fits, MllibFits)
    chosen = {a: v.candidate.k for a, v in run.chosen.items()}
    # Each run has its own folder: published models are never overwritten.
    folder = f"run_date={run.run_date}/run_id={run.run_id}"
    scaling = of.config.model.preparation.scaling
    return models.save(of.lake, fitted.fits, chosen, fitted.space, scaling, fitted.models, folder)


def _fitted(of: Population, sample: CustomerSample, progress: Progress) -> Fitted:
    config = of.config
    settings = fit_settings(config.model)

    def make_fits(matrix: np.ndarray, prepared: Preparation, scaling: str) -> MllibFits:
        fit = config.model.fit
        everyone = partial(informed_customers, of.customers, prepared, sample.bar.events)
        return MllibFits(
            of.lake.spark,
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
    warnings = [run.structure.words] if run.structure and run.structure.words else []
    warnings += [f"{a}, k = {v.candidate.k}: {v.flaw}" for a, v in run.chosen.items() if v.flaw]
    requested_k, tried = config.model.k, next(iter(run.chosen.values())).candidate.k
    if requested_k and is_fitted and tried < requested_k:
        few = f"k = {requested_k} was asked for, but there are only {tried} distinct customers"
        return [few, *warnings]
    return warnings
