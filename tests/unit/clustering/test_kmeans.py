"""KMeans and bisecting KMeans on the driver, KMeans against scikit-learn's."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans as SklearnKMeans

from custseg_spark.core.clustering.bisecting import bisecting_kmeans
from custseg_spark.core.clustering.kmeans import (
    Clustering,
    FitSettings,
    generator,
    kmeans,
    lloyd,
    plus_plus,
    prepared,
    swapped,
)


def blobs(seed: int, centres: list[list[float]], each: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Points at unit distance or so about the centres, and which centre each is of."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(centres)), each))
    return np.array(centres)[labels] + rng.normal(size=(len(labels), len(centres[0]))), labels


@pytest.mark.parametrize("k", [2, 5, 9])
def test_lloyd_is_scikit_learns_from_the_same_start(k: int) -> None:
    x = np.random.default_rng(k).normal(size=(9_000, 4))
    ours = lloyd(x, x[:k], 300, 0)
    theirs = SklearnKMeans(k, init=x[:k], n_init=1, max_iter=300, tol=0, algorithm="lloyd").fit(x)
    np.testing.assert_allclose(ours.centres, theirs.cluster_centers_, rtol=0, atol=1e-9)
    assert ours.labels.tolist() == theirs.labels_.tolist()
    assert ours.cost == pytest.approx(theirs.inertia_, rel=1e-9)


def test_an_empty_cluster_keeps_its_centre() -> None:
    x = np.random.default_rng(1).normal(size=(400, 4))
    start = x[:3].copy()
    start[-1] = 50.0
    assert lloyd(x, start, 50, 1e-4).centres[-1].tolist() == [50.0] * 4


def test_a_weight_is_a_repetition() -> None:
    x = np.random.default_rng(1).normal(size=(200, 3))
    weights = np.random.default_rng(2).integers(1, 5, 200)
    repeated = np.repeat(x, weights, axis=0)
    once = lloyd(x, x[:4], 50, 0, weights.astype(float))
    each = lloyd(repeated, x[:4], 50, 0)
    np.testing.assert_allclose(once.centres, each.centres, rtol=0, atol=1e-12)
    assert once.cost == pytest.approx(each.cost)


def test_a_start_that_ends_in_a_worse_optimum_is_mended() -> None:
    x, _ = blobs(3, [[0, 0], [9, 0], [0, 9], [30, 30], [39, 30], [30, 39]], each=30)
    x, ones = prepared(x, None)
    starts = [plus_plus(x, 6, generator(seed), ones) for seed in range(30)]
    costs = [lloyd(x, start, 50, 1e-4).cost for start in starts]
    mended = [kmeans(x, 6, FitSettings(starts=1), generator(seed)).cost for seed in range(30)]
    assert max(costs) > 2 * min(costs)
    assert mended == pytest.approx([min(costs)] * 30)


def test_the_centre_that_is_missed_least_goes_where_the_cost_is_largest() -> None:
    x = np.array([[0.0], [1.0], [100.0], [140.0]])
    fit = lloyd(x, np.array([[0.0], [1.0], [120.0]]), 0, 0.0)
    moved = swapped(x, fit, generator(1), np.ones(4))
    assert sorted(moved[:, 0].tolist())[:2] in ([0, 100], [1, 100], [0, 120], [1, 120])
    assert moved[2].tolist() == [120]
    assert {100.0, 140.0} & set(moved[:, 0].tolist())


@pytest.mark.parametrize("fit", [kmeans, bisecting_kmeans])
def test_equal_generators_give_equal_fits(fit: Callable[..., Clustering]) -> None:
    x, _ = blobs(4, [[0, 0], [3, 0], [0, 3]])
    first, again = (fit(x, 3, FitSettings(), generator(-7, 3)) for _ in range(2))
    assert (first.labels == again.labels).all()
    assert (first.centres == again.centres).all()


@pytest.mark.parametrize("fit", [kmeans, bisecting_kmeans])
def test_fewer_distinct_points_than_k_give_fewer_clusters(fit: Callable[..., Clustering]) -> None:
    x = np.repeat([[0.0, 1.0], [2.0, 3.0], [5.0, 5.0]], 4, axis=0)
    found = fit(x, 6, FitSettings(), generator(1))
    assert sorted(found.centres.tolist()) == [[0, 1], [2, 3], [5, 5]]
    assert found.cost == 0
    assert found.labels.tolist() == np.repeat(found.labels[::4], 4).tolist()


@given(st.integers(0, 10_000), st.integers(1, 12))
@settings(max_examples=50, deadline=None)
def test_starting_centres_are_distinct_points(seed: int, k: int) -> None:
    x = np.random.default_rng(seed).integers(0, 3, (10, 2)).astype(float)
    start = plus_plus(x, k, generator(seed), np.ones(10))
    points = {tuple(p) for p in x}
    assert {tuple(p) for p in start} <= points
    assert len({tuple(p) for p in start}) == len(start) == min(k, len(points))
