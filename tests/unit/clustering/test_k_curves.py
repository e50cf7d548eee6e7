"""Curves over k: their values, and the suggestion by the rules of a run."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from custseg_spark.config import loading, shipped
from custseg_spark.config.model import ModelConfig
from custseg_spark.config.settings import Config
from custseg_spark.core.clustering.kmeans import FitSettings
from custseg_spark.core.clustering.preparation import DEFAULT_FEATURES
from custseg_spark.core.clustering.scaling import learned_scaler
from custseg_spark.core.clustering.selection import SelectionRules
from custseg_spark.core.clustering.sweep import sweep, verdicts
from custseg_spark.core.features.registry import arrow_schema
from custseg_spark.errors import InputError
from custseg_spark.pipeline.k_curves import k_curves

SETTINGS = FitSettings()


def blobs(groups: int, each: int = 60) -> NDArray[np.float64]:
    """Groups far from each other, in two dimensions."""
    rng = np.random.default_rng(5)
    centres = 20.0 * np.arange(groups)[:, None] * np.array([[1.0, 0.5]])
    return np.asfortranarray(np.concatenate([c + rng.normal(size=(each, 2)) for c in centres]))


def test_inertia_falls_and_the_true_k_has_the_best_silhouette() -> None:
    swept = sweep(blobs(4), range(2, 8), SETTINGS, 5)
    inertia = [one.inertia for one in swept]
    assert inertia == sorted(inertia, reverse=True)
    assert max(swept, key=lambda one: one.silhouette).k == 4
    of_true = next(one for one in swept if one.k == 4)
    assert of_true.stability is not None
    assert of_true.stability.mean == 1
    chosen = [v for v in verdicts(swept, SelectionRules()) if v.chosen]
    assert [v.candidate.k for v in chosen] == [4]


def test_the_measures_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    points = blobs(3)
    for one in sweep(points, [2, 3, 5], SETTINGS, 0):
        labels = one.candidate.model.labels(points)
        silhouette = metrics.silhouette_score(points, labels, metric="sqeuclidean")
        gaps = points - one.candidate.model.centres[labels]
        assert one.silhouette == pytest.approx(silhouette, rel=1e-9)
        assert one.inertia == pytest.approx((gaps * gaps).sum(), rel=1e-9)
        assert one.stability is None


def test_a_k_beyond_the_distinct_points_is_left_out() -> None:
    points = np.asfortranarray(np.repeat([[0.0], [1.0], [9.0]], 5, axis=0))
    assert [one.k for one in sweep(points, [2, 3, 4, 5], SETTINGS, 2)] == [2, 3]
    assert verdicts([], SelectionRules()) == []


def test_the_order_of_k_changes_nothing() -> None:
    assert [one.inertia for one in sweep(blobs(3), [4, 2, 2], SETTINGS, 0)] == [
        one.inertia for one in sweep(blobs(3), [2, 4], SETTINGS, 0)
    ]


@pytest.mark.parametrize(
    ("scaling", "spread"),
    [
        ("standard", lambda x: x.std(axis=0, ddof=1)),
        ("robust", lambda x: np.percentile(x, 75, axis=0) - np.percentile(x, 25, axis=0)),
    ],
)
def test_features_are_scaled_to_one_spread(
    scaling: str, spread: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> None:
    prepared = np.random.default_rng(2).normal(size=(200, 3)) * np.array([1.0, 50.0, 0.01])
    assert spread(learned_scaler(prepared, scaling).transform(prepared)) == pytest.approx(1.0)


def features(customers: int, seed: int = 3) -> pa.Table:
    """Rows of `customer_features` in two groups, all numbers filled."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, customers)
    columns = {}
    for field in arrow_schema():
        if pa.types.is_string(field.type):
            columns[field.name] = pa.array([f"c{n:05}" for n in range(customers)], pa.string())
            continue
        values = np.floor(rng.gamma(2.0, 10.0, customers) + 200 * group).astype(np.int64)
        columns[field.name] = pa.array([int(v) for v in values], field.type)
    return pa.table(columns, schema=arrow_schema())


@pytest.mark.parametrize("preset", ["", "rfm", "sales"])
def test_each_preset_has_curves(preset: str) -> None:
    path = shipped.conf_dir() / "presets" / f"{preset}.toml"
    config = loading.load(path) if preset else Config()
    # Components are not taken by the curves.
    assert config.model.preparation.pca_components is None
    found = k_curves(features(900), config.model)
    assert [one.k for one in found.swept] == list(range(2, 11))
    assert set(found.features) <= set(config.model.features or DEFAULT_FEATURES)
    assert found.suggested in range(2, 11)


def test_curves_are_of_a_bounded_number_of_customers() -> None:
    table = features(4_000)
    found = k_curves(table, ModelConfig(), customers=1_500, bootstraps=0)
    assert 1_200 < found.customers < 1_800
    again = k_curves(table, ModelConfig(), customers=1_500, bootstraps=0)
    assert [one.inertia for one in again.swept] == [one.inertia for one in found.swept]


def test_customers_who_do_not_differ_are_an_error() -> None:
    table = features(50).take([0] * 50)
    with pytest.raises(InputError, match="can't be told apart"):
        k_curves(table, replace(ModelConfig(), features=("monetary", "frequency")))
