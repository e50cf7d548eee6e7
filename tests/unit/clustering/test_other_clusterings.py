"""DBSCAN and agglomerative clustering beside the chosen segments."""

import sys

import numpy as np
import pytest
from sklearn.metrics import davies_bouldin_score, silhouette_score

from custseg_spark.config.model import COMPARISONS as CONFIGURABLE
from custseg_spark.core.clustering.comparison import COMPARISONS, compare, require
from custseg_spark.errors import ConfigurationError


def blobs(centres: list[list[float]], each: int = 80) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(centres)), each)
    noise = np.random.default_rng(2).normal(size=(len(labels), len(centres[0])))
    return np.array(centres)[labels] + noise, labels


def test_every_configurable_comparison_is_there() -> None:
    assert set(COMPARISONS) == set(CONFIGURABLE)


def test_clusters_apart_are_the_chosen_segments_to_each_of_them() -> None:
    points, labels = blobs([[0, 0], [60, 0], [0, 90]])
    for one in compare(points, labels, ("agglomerative", "dbscan"), 3):
        assert (one.k, one.customers) == (3, 240)
        assert one.agreement > 0.8
        assert one.why.startswith("comparison only; ")
    [ward] = compare(points, labels, ("agglomerative",), 3)
    assert ward.agreement == 1
    assert ward.smallest_share == 1 / 3
    assert ward.silhouette == pytest.approx(silhouette_score(points, labels, metric="sqeuclidean"))
    assert ward.davies_bouldin == pytest.approx(davies_bouldin_score(points, labels))
    assert ward.within_cluster_cost is not None
    assert ward.between_cluster_cost is not None
    total = ((points - points.mean(axis=0)) ** 2).sum()
    assert ward.within_cluster_cost + ward.between_cluster_cost == pytest.approx(total)
    assert ward.why == "comparison only; Ward linkage, the chosen k"


def test_dbscans_noise_is_reported_and_left_out_of_the_indices() -> None:
    points, labels = blobs([[0, 0], [60, 0]])
    far = np.array([[500.0, 500.0], [-700.0, 300.0], [300.0, -900.0], [20.0, 9_000.0]])
    [one] = compare(np.vstack([points, far]), np.append(labels, [0] * 4), ("dbscan",), 2)
    assert one.k == 2
    assert one.within_cluster_cost is not None
    assert one.within_cluster_cost < 1_000
    assert one.smallest_share == 80 / 164
    assert one.why.endswith("min_samples 4; 2.4% noise, not in the indices")
    assert 0.9 < one.agreement < 1


def test_it_is_the_same_each_time() -> None:
    points, labels = blobs([[0, 0], [4, 0]])
    names = ("dbscan", "agglomerative")
    assert compare(points, labels, names, 2) == compare(points, labels, names, 2)


def test_one_cluster_has_costs_but_no_indices() -> None:
    points = np.repeat([[3.0, 4.0]], 30, axis=0)
    [one] = compare(points, np.arange(30) % 2, ("dbscan",), 2)
    assert one.k == 1
    assert (one.silhouette, one.davies_bouldin, one.calinski_harabasz) == (None, None, None)
    assert (one.within_cluster_cost, one.between_cluster_cost) == (0, 0)
    assert (one.smallest_share, one.agreement) == (1, 0)
    assert "0.0% noise" in one.why


def test_a_single_customer_is_compared_too() -> None:
    for one in compare(np.zeros((1, 3)), np.zeros(1, dtype=int), ("dbscan", "agglomerative"), 4):
        assert (one.k, one.customers, one.silhouette) == (1, 1, None)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    require(())
    with pytest.raises(ConfigurationError, match=r"pip install 'custseg-spark\[compare\]'"):
        compare(np.zeros((3, 2)), np.zeros(3, dtype=int), ("dbscan",), 2)
