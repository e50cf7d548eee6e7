"""What MLlib's fits find, and that the driver's own fits find the same."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.mllib.clustering import KMeans as RddKMeans
from pyspark.mllib.clustering import KMeansModel as RddKMeansModel
from pyspark.sql import SparkSession
from sklearn.metrics import adjusted_rand_score

from custseg_spark.core.clustering.bisecting import bisecting_tree
from custseg_spark.core.clustering.kmeans import FitSettings, generator, lloyd
from custseg_spark.core.clustering.models import ALGORITHMS, BisectingKMeans
from custseg_spark.core.clustering.preparation import Preparation, PreparedFeature
from custseg_spark.engine.spark.mllib import FITS
from custseg_spark.engine.spark.mllib_models import core_model, core_scaler
from custseg_spark.engine.spark.mllib_scaling import VECTOR, MllibSample, sample_in_mllib
from custseg_spark.errors import ConfigurationError
from custseg_spark.pipeline.checks import known_algorithm

SETTINGS = FitSettings(seed=3, starts=2, bisecting_iterations=5)
PREPARATION = Preparation(
    tuple(PreparedFeature(n, 0.0, "none", -np.inf, np.inf) for n in "xy"), {}, None
)
# Two groups far apart, each of two pairs; the larger pairs are two clusters again. With sizes.
PLACES = {
    (0, 0): 40,
    (12, 0): 39,
    (0, 60): 38,
    (200, 0): 30,
    (212, 0): 29,
    (200, 60): 28,
}


def around(places: list[tuple[float, float]], sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Points at unit distance or so around places, and the place of each."""
    labels = np.repeat(np.arange(len(places)), sizes)
    noise = np.random.default_rng(9).normal(size=(len(labels), 2))
    return np.array(places, dtype=float)[labels] + noise + 5, labels


def in_mllib(spark: SparkSession, points: np.ndarray) -> tuple[MllibSample, np.ndarray]:
    """The sample, and its points as they are scaled."""
    sample = sample_in_mllib(spark, points, PREPARATION, "standard")
    return sample, core_scaler(sample.stages).transform(points)


def as_it_is(spark: SparkSession, points: np.ndarray) -> MllibSample:
    """The sample with its points unscaled."""
    frame = spark.createDataFrame(pa.table({"point": list(points)})).coalesce(1)
    sample, _ = in_mllib(spark, points)
    return replace(sample, vectors=frame.select(array_to_vector("point").alias(VECTOR)))


@pytest.mark.parametrize("algorithm", list(FITS))
def test_each_finds_clusters_that_are_apart(spark: SparkSession, algorithm: str) -> None:
    points, labels = around([(1, 1), (41, 1), (1, 61)], [30] * 3)
    sample, scaled = in_mllib(spark, points)
    model = core_model(FITS[algorithm](sample, 3, SETTINGS))
    assert adjusted_rand_score(model.labels(scaled), labels) == 1
    means = [scaled[model.labels(scaled) == c].mean(axis=0) for c in range(3)]
    np.testing.assert_allclose(model.centres, means, atol=1e-6)


@pytest.mark.parametrize(
    ("k", "max_iterations", "tolerance"), [(2, 50, 1e-4), (5, 3, 0.0), (7, 50, 0.1)]
)
def test_the_drivers_centres_are_mllibs_from_the_same_start(
    spark: SparkSession, k: int, max_iterations: int, tolerance: float
) -> None:
    x = np.random.default_rng(k).normal(size=(400, 4))
    start = x[:k].copy()
    start[-1] = 50.0  # nobody's: it stays empty
    rdd = spark.sparkContext.parallelize(x, 2)
    given = RddKMeansModel(start)
    model = RddKMeans.train(rdd, k, max_iterations, initialModel=given, epsilon=tolerance)
    ours = lloyd(x, start, max_iterations, tolerance)
    np.testing.assert_allclose(ours.centres, np.array(model.centers), rtol=0, atol=1e-9)
    assert ours.labels.tolist() == model.predict(rdd).collect()
    assert ours.centres[-1].tolist() == [50.0] * 4
    assert ours.cost == pytest.approx(model.computeCost(rdd), rel=1e-9)


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_the_driver_bisects_as_mllib_where_clusters_are_apart(spark: SparkSession, k: int) -> None:
    points, _ = around(list(PLACES), list(PLACES.values()))
    theirs = core_model(FITS["bisecting_kmeans"](as_it_is(spark, points), k, SETTINGS))
    ours = bisecting_tree(points, k, SETTINGS, generator(1))
    assert len(np.unique(ours.labels(points))) == k
    assert adjusted_rand_score(theirs.labels(points), ours.labels(points)) == 1
    assert {tuple(np.round(c, 9)) for c in ours.centres} == {
        tuple(np.round(c, 9)) for c in theirs.centres
    }


def bisected(spark: SparkSession, k: int) -> tuple[BisectingKMeans, np.ndarray]:
    """A tree of the points around PLACES, and the cluster at each place."""
    points, labels = around(list(PLACES), list(PLACES.values()))
    model = core_model(FITS["bisecting_kmeans"](as_it_is(spark, points), k, SETTINGS))
    assert isinstance(model, BisectingKMeans)
    first_of_each = [int(np.flatnonzero(labels == place)[0]) for place in range(len(PLACES))]
    return model, model.labels(points)[first_of_each]


@pytest.mark.parametrize("k", [2, 5, 6])
def test_sizes_of_a_trees_children_add_up_and_costs_fall(spark: SparkSession, k: int) -> None:
    model, _ = bisected(spark, k)
    assert model.nodes[0].size == sum(PLACES.values())
    for node, children in zip(model.nodes, model.children, strict=True):
        if children:
            assert sum(model.nodes[c].size for c in children) == node.size
            assert sum(model.nodes[c].cost for c in children) < node.cost


def test_a_tree_is_the_datas_hierarchy(spark: SparkSession) -> None:
    model, cluster_at = bisected(spark, 6)

    def below(place: int) -> set[int]:
        cluster = model.nodes[place].cluster
        own = set() if cluster is None else {cluster}
        return own.union(*(below(child) for child in model.children[place]))

    clusters = dict(zip(PLACES, cluster_at.tolist(), strict=True))
    expected = [
        {(0, 0), (12, 0)},
        {(200, 0), (212, 0)},
        {(0, 0), (12, 0), (0, 60)},
        {(200, 0), (212, 0), (200, 60)},
        set(PLACES),
    ]
    inner = [below(i) for i, node in enumerate(model.nodes) if node.cluster is None]
    assert sorted(map(sorted, inner)) == sorted(
        sorted(clusters[place] for place in group) for group in expected
    )
    sizes = {node.cluster: node.size for node in model.nodes if node.cluster is not None}
    assert {place: sizes[cluster] for place, cluster in clusters.items()} == PLACES


def test_each_algorithm_of_the_configuration_has_a_fit() -> None:
    # KMeans' fit begins at centres.
    assert {*FITS, "kmeans"} == set(ALGORITHMS)


def test_an_unknown_algorithm_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="'k-means'; did you mean 'kmeans'"):
        known_algorithm("k-means")
