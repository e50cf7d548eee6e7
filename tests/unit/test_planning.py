"""Fit or score: what `model.use` comes to, and the reason in words."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import date

import pytest

from custseg_spark.config.model import FitConfig, ModelConfig, SelectionConfig
from custseg_spark.config.settings import Config, LakeConfig, RunConfig
from custseg_spark.core.segments.drift import FEATURE, REFIT, SAME, Drift
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.errors import InputError
from custseg_spark.pipeline.history import PreviousRun, settings_of
from custseg_spark.pipeline.planning import FIT, SCORE, Plan, automatic, without_drift

STEADY = [Drift(FEATURE, "monetary", 0.01, SAME, ())]
DRIFTED = [Drift(FEATURE, "monetary", 0.41, REFIT, ()), Drift(FEATURE, "recency", 9.0, REFIT, ())]


def config(**model: object) -> Config:
    return Config(model=ModelConfig(algorithms=("kmeans",), **model))  # type: ignore[arg-type]


def previous(made_with: Config, algorithm: str = "kmeans") -> PreviousRun:
    settings = settings_of(json.loads(made_with.as_json()))
    day = date(2021, 1, 1)
    return PreviousRun(day, {algorithm: "models/x"}, settings, ("monetary",), day, {})


def plan(config: Config, previous: PreviousRun | None, drifts: Sequence[Drift]) -> Plan:
    decided = without_drift(config.model, previous)
    if decided or previous is None:
        assert decided
        return decided
    return automatic(config, previous, drifts)


def test_the_first_run_fits() -> None:
    assert plan(config(), None, []).reason == "there is no earlier run"
    with pytest.raises(InputError, match="there is no earlier run with one; fit first"):
        plan(config(use="frozen"), None, [])


def test_auto_scores_as_long_as_no_feature_of_the_model_drifts() -> None:
    source = previous(config())
    steady = plan(config(), source, STEADY)
    assert (steady.use, steady.source) == (SCORE, source)
    drifted = plan(config(), source, DRIFTED)
    assert (drifted.use, drifted.source) == (FIT, None)
    assert drifted.reason == "1 of 1 features drifted beyond 0.25: monetary 0.41"


def test_auto_fits_when_the_configuration_of_the_models_changed() -> None:
    source = previous(config())
    assert plan(config(selection=SelectionConfig(k_max=5)), source, STEADY).reason == (
        "model.selection.k_max is not what it was on 2021-01-01"
    )
    assert plan(config(features=("monetary",)), source, STEADY).use == FIT
    trial = dataclasses.replace(config(), run=RunConfig(sample_fraction=0.1))
    assert plan(trial, source, STEADY).reason.startswith("run.sample_fraction is not")
    assert (
        plan(config(features=("monetary",)), previous(config(features=("monetary",))), STEADY).use
        == SCORE
    )
    other = config(fit=FitConfig(parallel=8), selection=SelectionConfig(compare=("dbscan",)))
    assert plan(other, source, STEADY).use == SCORE


def test_the_models_of_another_lake_are_fitted_anew() -> None:
    elsewhere = dataclasses.replace(
        previous(config()),
        lake=Lake(None, LakeConfig()),  # type: ignore[arg-type]
    )
    assert plan(config(), elsewhere, STEADY) == Plan(FIT, "the earlier run is another lake's")
    with pytest.raises(InputError, match="the earlier run is another lake's; fit first"):
        plan(config(use="frozen"), elsewhere, STEADY)


def test_auto_fits_where_there_is_nothing_left_to_compare_with() -> None:
    source = previous(config())
    assert "are gone" in plan(config(), source, []).reason
    assert "are gone" in plan(config(), dataclasses.replace(source, made_with={}), STEADY).reason


def test_use_asked_for_is_done_whatever_drifts() -> None:
    source = previous(config())
    assert plan(config(use="fit"), source, STEADY).use == FIT
    assert plan(config(use="frozen"), source, DRIFTED).use == SCORE


def test_an_algorithm_without_a_published_model() -> None:
    source = previous(config(), "bisecting_kmeans")
    assert plan(config(), source, STEADY).reason == (
        "the run of 2021-01-01 published no model of kmeans"
    )
    with pytest.raises(InputError, match="published no model of kmeans; it has bisecting_kmeans"):
        plan(config(use="frozen"), source, STEADY)


def test_a_run_named_outright_is_scored_with_whatever_else_is_asked() -> None:
    source = previous(config())
    for use in ("fit", "frozen", "auto"):
        decided = without_drift(config(use=use).model, None, source)
        assert decided == Plan(SCORE, "asked for the models of 2021-01-01", source)
