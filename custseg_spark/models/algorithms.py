"""The clustering algorithms, by name: how each is made from the configuration, and fitted."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from py4j.protocol import Py4JJavaError
from pyspark.ml.clustering import (
    BisectingKMeans,
    BisectingKMeansModel,
    GaussianMixture,
    GaussianMixtureModel,
    KMeans,
    KMeansModel,
)
from pyspark.sql import DataFrame

from custseg_spark.config.settings import ModelConfig
from custseg_spark.errors import ConfigurationError, InputError, nearest
from custseg_spark.models.preparation import VECTOR

Estimator = KMeans | BisectingKMeans | GaussianMixture
Model = KMeansModel | BisectingKMeansModel | GaussianMixtureModel

MEMBERSHIP_SUFFIX = "_probability"
# Costs are summed in the order in which tasks end: what differs by less is a tie.
_SAME_COST = 1e-9
# What a covariance that has no inverse looks like from outside.
_DEGENERATE = ("breeze.linalg", "MultivariateGaussian")


class FitError(InputError):
    """The customers don't have these clusters: one algorithm and k has no model."""


@dataclass(frozen=True)
class Trial:
    """One algorithm at one k: `estimators` that differ in their seed, the lowest first."""

    algorithm: str
    k: int
    estimators: tuple[Estimator, ...]

    @property
    def column(self) -> str:
        """The column of labels that the model adds."""
        return prediction_column(self.algorithm, self.k)

    def fit(self, frame: DataFrame) -> Model:
        """The model of the lowest training cost; at a tie that of the lowest seed.

        Raises FitError where it has fewer than k clusters, or a mixture no inverse covariance
        from any seed.
        """
        models = [self._fit(estimator, frame) for estimator in self.estimators]
        fitted = [model for model in models if model is not None]
        if not fitted:
            raise FitError(
                f"{self.algorithm} with k = {self.k}: a cluster's covariance is degenerate"
            )
        best = fitted[0]
        for model in fitted[1:]:
            lowest = _training_cost(best)
            if _training_cost(model) < lowest - _SAME_COST * abs(lowest):
                best = model
        found = len(centres(best))
        if found < self.k:
            raise FitError(f"{self.algorithm} found {found} clusters where k = {self.k}")
        return best

    @staticmethod
    def _fit(estimator: Estimator, frame: DataFrame) -> Model | None:
        """The model; None where a covariance is degenerate."""
        try:
            model = estimator.fit(frame)
        except Py4JJavaError as error:
            if not any(sign in str(error.java_exception) for sign in _DEGENERATE):
                raise
            return None
        return model if np.isfinite(centres(model)).all() else None


def _kmeans(config: ModelConfig, k: int) -> Trial:
    starts = tuple(
        KMeans(
            k=k,
            seed=config.seed + start,
            maxIter=config.max_iterations,
            tol=config.tolerance,
            featuresCol=VECTOR,
            predictionCol=prediction_column("kmeans", k),
        )
        for start in range(config.starts)
    )
    return Trial("kmeans", k, starts)


def _bisecting_kmeans(config: ModelConfig, k: int) -> Trial:
    estimator = BisectingKMeans(
        k=k,
        seed=config.seed,
        # It has no tolerance and always runs them all.
        maxIter=config.bisecting_iterations,
        featuresCol=VECTOR,
        predictionCol=prediction_column("bisecting_kmeans", k),
    )
    return Trial("bisecting_kmeans", k, (estimator,))


def _gaussian_mixture(config: ModelConfig, k: int) -> Trial:
    # With MLlib's own tolerance: it is of the log-likelihood, not of distances as KMeans' is.
    starts = tuple(
        GaussianMixture(
            k=k,
            seed=config.seed + start,
            maxIter=config.max_iterations,
            featuresCol=VECTOR,
            predictionCol=prediction_column("gaussian_mixture", k),
            probabilityCol=membership_column("gaussian_mixture", k),
        )
        for start in range(config.starts)
    )
    return Trial("gaussian_mixture", k, starts)


ALGORITHMS: dict[str, Callable[[ModelConfig, int], Trial]] = {
    "kmeans": _kmeans,
    "bisecting_kmeans": _bisecting_kmeans,
    "gaussian_mixture": _gaussian_mixture,
}


def known(algorithm: str) -> Callable[[ModelConfig, int], Trial]:
    """The maker of an algorithm's trials; ConfigurationError for an unknown one."""
    if algorithm not in ALGORITHMS:
        raise ConfigurationError(f"unknown algorithm '{algorithm}'{nearest(algorithm, ALGORITHMS)}")
    return ALGORITHMS[algorithm]


def prediction_column(algorithm: str, k: int) -> str:
    """The column of labels that a model adds."""
    return f"{algorithm}_{k}"


def membership_column(algorithm: str, k: int) -> str:
    """The column of a mixture's memberships: a vector of k probabilities."""
    return f"{prediction_column(algorithm, k)}{MEMBERSHIP_SUFFIX}"


def centres(model: Model) -> np.ndarray:
    """The cluster centres, k x dimensions; of a mixture the means of its Gaussians."""
    if isinstance(model, GaussianMixtureModel):
        return np.array([g.mean.toArray() for g in model.gaussians])
    return np.array(model.clusterCenters())


def _training_cost(model: Model) -> float:
    if isinstance(model, GaussianMixtureModel):
        return -float(model.summary.logLikelihood)
    return float(model.summary.trainingCost)
