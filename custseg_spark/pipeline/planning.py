"""Decide whether a run fits new models or scores with the published ones, and say why."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from custseg_spark.config.model import ModelConfig
from custseg_spark.config.settings import Config
from custseg_spark.core.segments.drift import Drift, DriftRules, needs_refit
from custseg_spark.errors import InputError
from custseg_spark.pipeline.history import PreviousRun, settings_of

FIT, SCORE = "fit", "score"
# Keys of the model section that don't affect a model.
_NOT_OF_THE_MODEL = {
    "model.use",
    "model.fit.parallel",
    "model.selection.compare",
    "model.selection.compare_customers",
    "model.selection.switch_margin",
    "model.selection.silhouette_customers",
    "model.stability.hysteresis",
}


@dataclass(frozen=True)
class Plan:
    """The decision with its reason; `source` is the run whose models score."""

    use: str
    reason: str
    source: PreviousRun | None = None


def without_drift(
    model: ModelConfig, previous: PreviousRun | None, source: PreviousRun | None = None
) -> Plan | None:
    """Return the plan if it doesn't depend on drift; None if drift decides.

    `source`: a run named on the command line. Raises InputError if the requested models don't
    exist.
    """
    if source:
        return published(model, source)
    if model.use == "fit":
        return Plan(FIT, "asked for by model.use = fit")
    if previous is None:
        if model.use == "frozen":
            raise InputError(
                "model.use = frozen scores with a published model, and there is no earlier run"
                " with one; fit first"
            )
        return Plan(FIT, "there is no earlier run")
    if previous.lake:
        return _elsewhere(model)
    return published(model, previous) if model.use == "frozen" else None


def _elsewhere(model: ModelConfig) -> Plan:
    """Plan after an earlier run of another lake: its segments continue, its models don't."""
    if model.use == "frozen":
        raise InputError(
            "model.use = frozen scores with a published model of this lake, and the earlier run is"
            " another lake's; fit first"
        )
    return Plan(FIT, "the earlier run is another lake's")


def automatic(config: Config, previous: PreviousRun, drifts: Sequence[Drift]) -> Plan:
    """Decide for `auto`.

    Fit if an algorithm has no published model, the models' configuration changed, or one of their
    features drifted.
    """
    limits = DriftRules(**dataclasses.asdict(config.drift))
    missing = [a for a in config.model.algorithms if a not in previous.models]
    if missing:
        return Plan(FIT, f"the run of {previous.run_date} published no model of {missing[0]}")
    fitted_on = previous.fitted_on
    if not previous.made_with or not drifts:
        return Plan(
            FIT, f"the run of {fitted_on}, which fitted the models, or its features are gone"
        )
    changed = _changed(config, previous)
    if changed:
        return Plan(FIT, f"{changed[0]} is not what it was on {fitted_on}")
    drifted = needs_refit(drifts, previous.features, limits)
    if drifted:
        return Plan(FIT, drifted)
    return Plan(SCORE, f"no feature drifted beyond {limits.refit}", previous)


def published(model: ModelConfig, source: PreviousRun) -> Plan:
    """Plan to score with a run's models. Raises InputError if one is missing."""
    for algorithm in model.algorithms:
        if algorithm not in source.models:
            raise InputError(
                f"the run of {source.run_date} published no model of {algorithm}; it has"
                f" {', '.join(sorted(source.models))}"
            )
    return Plan(SCORE, f"asked for the models of {source.run_date}", source)


def _changed(config: Config, previous: PreviousRun) -> list[str]:
    """Return the models' settings that differ."""
    now = settings_of(dataclasses.asdict(config))
    return [
        key
        for key, value in now.items()
        if key not in _NOT_OF_THE_MODEL
        and (list(value) if isinstance(value, tuple) else value) != previous.made_with.get(key)
    ]
