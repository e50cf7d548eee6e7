"""What the algorithms find through MLlib, and what they say when they find nothing."""

from dataclasses import replace

import numpy as np
import pytest
from custseg_spark.models.algorithms import ALGORITHMS, FitError, centres, known, membership_column
from custseg_spark.models.preparation import VECTOR
from pyspark.ml.clustering import KMeans
from pyspark.ml.linalg import Vectors
from pyspark.sql import DataFrame, SparkSession
from sklearn.metrics import adjusted_rand_score

from custseg_spark.config.settings import ModelConfig
from custseg_spark.errors import ConfigurationError, InputError

CONFIG = ModelConfig(seed=3, starts=2, bisecting_iterations=5)
CORNERS = [[1, 1], [41, 1], [1, 61]]


def frame(spark: SparkSession, points: np.ndarray) -> DataFrame:
    return spark.createDataFrame([(Vectors.dense(p),) for p in points], [VECTOR]).coalesce(1)


def blobs(places: list[list[float]], each: int = 30) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(places)), each)
    noise = np.random.default_rng(5).normal(size=(len(labels), len(places[0])))
    return np.array(places)[labels] + noise, labels


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_each_finds_clusters_that_are_apart(spark: SparkSession, algorithm: str) -> None:
    points, labels = blobs(CORNERS)
    customers = frame(spark, points)
    trial = known(algorithm)(CONFIG, 3)
    model = trial.fit(customers)
    assert trial.column == model.getPredictionCol() == f"{algorithm}_3"
    assert trial.k == model.getK() == 3
    found = np.array([r[trial.column] for r in model.transform(customers).collect()])
    assert adjusted_rand_score(found, labels) == 1
    means = [points[found == c].mean(axis=0) for c in range(3)]
    np.testing.assert_allclose(centres(model), means, atol=1e-6)


def test_a_mixtures_memberships_are_kept_and_their_largest_is_the_label(
    spark: SparkSession,
) -> None:
    points, _ = blobs([[0, 0], [3, 0]], each=50)
    customers = frame(spark, points)
    trial = known("gaussian_mixture")(CONFIG, 2)
    scored = trial.fit(customers).transform(customers)
    assert membership_column("gaussian_mixture", 2) == "gaussian_mixture_2_probability"
    rows = scored.select(trial.column, "gaussian_mixture_2_probability").collect()
    memberships = np.array([r[1].toArray() for r in rows])
    assert memberships.shape == (100, 2)
    np.testing.assert_allclose(memberships.sum(axis=1), 1)
    assert memberships.argmax(axis=1).tolist() == [r[0] for r in rows]
    assert (memberships.max(axis=1) < 0.99).any()


def test_the_cheapest_of_several_starts_is_taken_the_first_at_a_tie(spark: SparkSession) -> None:
    # So many clusters that few starts, if any, find them all.
    places = np.random.default_rng(10).uniform(1, 60, (10, 2))
    points, _ = blobs(places.tolist(), each=12)
    customers = frame(spark, points)
    alone = [
        KMeans(k=10, seed=seed, maxIter=50, featuresCol=VECTOR).fit(customers) for seed in range(4)
    ]
    costs = [model.summary.trainingCost for model in alone]
    assert max(costs) > 1.5 * min(costs)
    for first, starts in ((0, 3), (2, 2)):
        seen = costs[first : first + starts]
        best = first + next(i for i, c in enumerate(seen) if c <= min(seen) * (1 + 1e-9))
        config = replace(CONFIG, seed=first, starts=starts)
        model = known("kmeans")(config, 10).fit(customers)
        assert centres(model).tolist() == centres(alone[best]).tolist()


@pytest.mark.parametrize(("algorithm", "found"), [("kmeans", 2), ("bisecting_kmeans", 2)])
def test_fewer_clusters_than_k_are_no_fit(spark: SparkSession, algorithm: str, found: int) -> None:
    customers = frame(spark, np.repeat([[1.0, 2.0], [3.0, 4.0]], 10, axis=0))
    message = f"{algorithm} found {found} clusters where k = 4"
    with pytest.raises(FitError, match=message):
        known(algorithm)(CONFIG, 4).fit(customers)


def test_a_degenerate_mixture_is_no_fit(spark: SparkSession) -> None:
    points, _ = blobs(CORNERS)
    points[0] = 1e200
    message = "gaussian_mixture with k = 2: a cluster's covariance is degenerate"
    with pytest.raises(FitError, match=message):
        known("gaussian_mixture")(CONFIG, 2).fit(frame(spark, points))
    assert issubclass(FitError, InputError)


def test_an_unknown_algorithm_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="'k-means'; did you mean 'kmeans'"):
        known("k-means")
