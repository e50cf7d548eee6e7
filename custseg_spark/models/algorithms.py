"""The clustering algorithms, by name: how each is made from the configuration."""

from collections.abc import Callable

from pyspark.ml.clustering import (
    BisectingKMeans,
    BisectingKMeansModel,
    KMeans,
    KMeansModel,
)

from custseg_spark.config import ModelConfig
from custseg_spark.errors import ConfigurationError, nearest
from custseg_spark.models.preparation import VECTOR

Estimator = KMeans | BisectingKMeans
Model = KMeansModel | BisectingKMeansModel


def _kmeans(config: ModelConfig, k: int) -> KMeans:
    return KMeans(
        k=k,
        seed=config.seed,
        maxIter=config.max_iterations,
        tol=config.tolerance,
        featuresCol=VECTOR,
        predictionCol=prediction_column("kmeans", k),
    )


def _bisecting_kmeans(config: ModelConfig, k: int) -> BisectingKMeans:
    return BisectingKMeans(
        k=k,
        seed=config.seed,
        # It has no tolerance and always runs them all.
        maxIter=config.bisecting_iterations,
        featuresCol=VECTOR,
        predictionCol=prediction_column("bisecting_kmeans", k),
    )


ALGORITHMS: dict[str, Callable[[ModelConfig, int], Estimator]] = {
    "kmeans": _kmeans,
    "bisecting_kmeans": _bisecting_kmeans,
}


def prediction_column(algorithm: str, k: int) -> str:
    """The column of labels that a model adds."""
    return f"{algorithm}_{k}"


def known(algorithm: str) -> Callable[[ModelConfig, int], Estimator]:
    """The maker of an algorithm; ConfigurationError for an unknown one."""
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(f"unknown algorithm '{algorithm}'{nearest(algorithm, ALGORITHMS)}")
    return ALGORITHMS[algorithm]
