"""KMeans and bisecting KMeans on the driver against MLlib's."""

from collections.abc import Callable

import numpy as np
import pytest
from custseg_spark.models.local import (
    Clustering,
    bisecting_kmeans,
    generator,
    kmeans,
    lloyd,
    plus_plus,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.ml.clustering import BisectingKMeans
from pyspark.ml.linalg import Vectors
from pyspark.mllib.clustering import KMeans, KMeansModel
from pyspark.sql import SparkSession
from sklearn.metrics import adjusted_rand_score

from custseg_spark.config.settings import ModelConfig


def blobs(seed: int, centres: list[list[float]], each: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Points at unit distance or so about the centres, and which centre each is of."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(centres)), each))
    return np.array(centres)[labels] + rng.normal(size=(len(labels), len(centres[0]))), labels


def distinct(labels: np.ndarray) -> int:
    return len(np.unique(labels))


@pytest.mark.parametrize(
    ("k", "max_iterations", "tolerance"), [(2, 50, 1e-4), (5, 3, 0.0), (7, 50, 0.1)]
)
def test_centres_are_mllibs_from_the_same_start(
    spark: SparkSession, k: int, max_iterations: int, tolerance: float
) -> None:
    x = np.random.default_rng(k).normal(size=(400, 4))
    start = x[:k].copy()
    start[-1] = 50.0  # nobody's: it stays empty
    rdd = spark.sparkContext.parallelize(x, 2)
    model = KMeans.train(rdd, k, max_iterations, initialModel=KMeansModel(start), epsilon=tolerance)
    ours = lloyd(x, start, max_iterations, tolerance)
    np.testing.assert_allclose(ours.centres, np.array(model.centers), rtol=0, atol=1e-9)
    assert ours.labels.tolist() == model.predict(rdd).collect()
    assert ours.centres[-1].tolist() == [50.0] * 4
    assert ours.cost == pytest.approx(model.computeCost(rdd), rel=1e-9)


def test_a_weight_is_a_repetition() -> None:
    x = np.random.default_rng(1).normal(size=(200, 3))
    weights = np.random.default_rng(2).integers(1, 5, 200)
    repeated = np.repeat(x, weights, axis=0)
    once = lloyd(x, x[:4], 50, 0, weights.astype(float))
    each = lloyd(repeated, x[:4], 50, 0)
    np.testing.assert_allclose(once.centres, each.centres, rtol=0, atol=1e-12)
    assert once.cost == pytest.approx(each.cost)


def test_the_best_of_several_starts_is_taken() -> None:
    x, _ = blobs(3, [[0, 0], [9, 0], [0, 9], [30, 30], [39, 30], [30, 39]], each=30)
    costs = [kmeans(x, 6, ModelConfig(starts=1), generator(seed)).cost for seed in range(30)]
    best = kmeans(x, 6, ModelConfig(starts=30), generator(0)).cost
    assert max(costs) > 2 * min(costs)
    assert best == pytest.approx(min(costs))


@pytest.mark.parametrize("fit", [kmeans, bisecting_kmeans])
def test_equal_generators_give_equal_fits(fit: Callable[..., Clustering]) -> None:
    x, _ = blobs(4, [[0, 0], [3, 0], [0, 3]])
    first, again = (fit(x, 3, ModelConfig(), generator(-7, 3)) for _ in range(2))
    assert (first.labels == again.labels).all()
    assert (first.centres == again.centres).all()


@pytest.mark.parametrize("fit", [kmeans, bisecting_kmeans])
def test_fewer_distinct_points_than_k_give_fewer_clusters(fit: Callable[..., Clustering]) -> None:
    x = np.repeat([[0.0, 1.0], [2.0, 3.0], [5.0, 5.0]], 4, axis=0)
    found = fit(x, 6, ModelConfig(), generator(1))
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


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_bisecting_splits_as_mllib_where_clusters_are_apart(spark: SparkSession, k: int) -> None:
    # Two groups far apart, of two nearer ones, of which the larger are two again; sizes differ.
    centres = [[0, 0], [12, 0], [0, 60], [200, 0], [212, 0], [200, 60]]
    x, labels = blobs(5, centres, each=40)
    x = x[(labels < 3) | (np.arange(len(x)) % 4 > 0)]
    x -= x.mean(axis=0) + 1  # MLlib cannot start from a centre at zero
    frame = spark.createDataFrame([(Vectors.dense(p),) for p in x], ["features"]).coalesce(1)
    model = BisectingKMeans(k=k, seed=1).fit(frame)
    theirs = np.array([r.prediction for r in model.transform(frame).collect()])
    ours = bisecting_kmeans(x, k, ModelConfig(), generator(1))
    assert distinct(theirs) == distinct(ours.labels) == k
    assert adjusted_rand_score(theirs, ours.labels) == 1
    ordered = {tuple(np.round(c, 9)) for c in model.clusterCenters()}
    assert {tuple(np.round(c, 9)) for c in ours.centres} == ordered


def test_the_larger_leaves_of_a_level_are_divided_first() -> None:
    centres = [[0, 0], [0, 9], [300, 0], [300, 9], [-300, 0], [-300, 9]]
    x, labels = blobs(6, centres, each=40)
    x = x[(labels != 5) | (np.arange(len(x)) % 4 == 0)]
    found = bisecting_kmeans(x, 5, ModelConfig(), generator(2))
    smallest = x[:, 0] < -150
    assert distinct(found.labels) == 5
    assert distinct(found.labels[smallest]) == 1
