"""MLlib's fits on the driver's sample: the published KMeans, bisecting KMeans, mixtures."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from py4j.protocol import Py4JJavaError
from pyspark import inheritable_thread_target
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import (
    BisectingKMeansModel,
    GaussianMixture,
    KMeansModel,
)
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.core.clustering.kmeans import FitSettings
from custseg_spark.core.clustering.models import ClusterModel, RefinedTree, cluster_count
from custseg_spark.core.clustering.preparation import Preparation
from custseg_spark.core.clustering.scaling import Scaler
from custseg_spark.core.clustering.tree_cuts import cut
from custseg_spark.engine.spark import mllib_trees
from custseg_spark.engine.spark.mllib_kmeans import fit_from, kmeans_model
from custseg_spark.engine.spark.mllib_models import (
    MllibModel,
    bisecting_tree,
    centres,
    core_model,
    core_scaler,
)
from custseg_spark.engine.spark.mllib_scaling import VECTOR, MllibSample, sample_in_mllib
from custseg_spark.errors import InputError

MEMBERSHIP_SUFFIX = "_probability"
# Costs are summed in the order in which tasks end; smaller differences count as ties.
_SAME_COST = 1e-9
# Signs of a covariance without an inverse.
_DEGENERATE = ("breeze.linalg", "MultivariateGaussian")


class FitError(InputError):
    """The customers don't have these clusters: an algorithm and k without a model."""


def fit_kmeans(sample: MllibSample, start: np.ndarray, settings: FitSettings) -> KMeansModel:
    """Fit MLlib's KMeans, beginning at the centres of the driver's."""
    return fit_from(sample.vectors, start, settings, prediction_column(_KMEANS, len(start)))


def fit_bisecting_kmeans(sample: MllibSample, k: int, settings: FitSettings) -> MllibModel:
    """Fit MLlib's BisectingKMeans; it has no tolerance and always runs all its iterations."""
    return _complete(_fit_tree(sample, k, settings), "bisecting_kmeans", k)


def _fit_tree(sample: MllibSample, k: int, settings: FitSettings) -> BisectingKMeansModel:
    """Fit a tree of at most `k` leaves."""
    return mllib_trees.fit_tree(sample, k, settings, prediction_column("bisecting_kmeans", k))


def fit_gaussian_mixture(sample: MllibSample, k: int, settings: FitSettings) -> MllibModel:
    """Return the most likely of `starts` mixtures, with MLlib's tolerance of log-likelihood."""
    estimators = [
        GaussianMixture(
            k=k,
            seed=settings.seed + start,
            maxIter=settings.max_iterations,
            featuresCol=VECTOR,
            predictionCol=prediction_column("gaussian_mixture", k),
            probabilityCol=membership_column("gaussian_mixture", k),
        )
        for start in range(settings.starts)
    ]
    fits = [_regular(estimator, sample.vectors) for estimator in estimators]
    models = [model for model in fits if model is not None]
    if not models:
        raise FitError(f"gaussian_mixture with k = {k}: a cluster's covariance is degenerate")
    return _complete(_cheapest(models), "gaussian_mixture", k)


Fit = Callable[[MllibSample, int, FitSettings], MllibModel]
# But for KMeans, whose fit begins at the driver's centres.
FITS: Mapping[str, Fit] = {
    "bisecting_kmeans": fit_bisecting_kmeans,
    "gaussian_mixture": fit_gaussian_mixture,
}

_KMEANS, _BISECTING = "kmeans", "bisecting_kmeans"
# A mixture's densities of many customers would take too long.
_FITTED_ON_EVERYONE = (_KMEANS, _BISECTING)


class MllibFits:
    """The fits of one run's sample: as numpy models for the choice, as MLlib's to be saved.

    `everyone` returns the frame of all informed customers' prepared features, to which KMeans and
    bisecting KMeans are fitted for publication.
    """

    def __init__(
        self,
        spark: SparkSession,
        prepared: np.ndarray,
        preparation: Preparation,
        scaling: str,
        settings: FitSettings,
        parallel_fits: int,
        everyone: Callable[[], DataFrame] | None = None,
    ) -> None:
        self._sample = sample_in_mllib(spark, prepared, preparation, scaling)
        self._settings, self._parallel_fits = settings, parallel_fits
        self._everyone = everyone
        # What is fitted and may be published.
        self._models: dict[tuple[str, int], MllibModel | RefinedTree] = {}
        self.scaler: Scaler = core_scaler(self._sample.stages)
        self._points = self.scaler.transform(prepared)

    def refits(self, algorithm: str, k: int) -> bool:
        """Whether the model to publish is fitted after the choice.

        Candidates of KMeans are the driver's, and unrefined ones of bisecting KMeans are cut from
        one tree.
        """
        if self._everyone is not None and algorithm in _FITTED_ON_EVERYONE:
            return True
        return (algorithm, k) not in self._models

    def refit(self, algorithm: str, k: int, start: np.ndarray) -> ClusterModel:
        """Return the model to publish, fitted to everyone or to the sample.

        KMeans begins at the centres `start`.
        """
        model: MllibModel | RefinedTree
        if self._everyone is not None:
            model = self._fitted_to(self._everyone(), algorithm, k, start)
        else:
            model = self._fit(self._sample, algorithm, k, start)
        self._models[(algorithm, k)] = model
        return model if isinstance(model, RefinedTree) else core_model(model)

    def others(
        self, trials: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], ClusterModel | InputError]:
        """Return the models of other algorithms, or why there is none.

        Bisecting KMeans is fitted once, with the largest k, and cut: twenty Spark jobs a level of
        a tree are dear.
        """
        rest = [trial for trial in trials if trial[0] != _BISECTING]
        fitted = fit_range(self._sample, rest, self._settings, self._parallel_fits)
        self._models |= {t: m for t, m in fitted.items() if not isinstance(m, FitError)}
        models: dict[tuple[str, int], ClusterModel | InputError] = {
            t: m if isinstance(m, FitError) else core_model(m) for t, m in fitted.items()
        }
        ks = [k for algorithm, k in trials if algorithm == _BISECTING]
        return models | self._cuts(ks) if ks else models

    def _cuts(self, ks: Sequence[int]) -> dict[tuple[str, int], ClusterModel | InputError]:
        steps = self._settings.bisecting_steps
        most = self._settings.bisecting_leaves if steps else max(ks)
        model = _fit_tree(self._sample, most, self._settings)
        tree = bisecting_tree(model)
        leaves = cluster_count(tree)
        models: Mapping[int, ClusterModel | None]
        if steps:
            refined = mllib_trees.cuts(tree, ks, self._points, steps)
            self._models |= {(_BISECTING, k): one for k, one in refined.items()}
            models = dict(refined)
        else:
            models = {k: cut(tree, k) for k in ks}
            if leaves == most:
                self._models[(_BISECTING, leaves)] = model
        return {(_BISECTING, k): models.get(k) or _too_few(_BISECTING, leaves, k) for k in ks}

    def _fit(self, sample: MllibSample, algorithm: str, k: int, start: np.ndarray) -> MllibModel:
        if algorithm == _KMEANS:
            return fit_kmeans(sample, start, self._settings)
        return FITS[algorithm](sample, k, self._settings)

    def _fitted_to(
        self, everyone: DataFrame, algorithm: str, k: int, start: np.ndarray
    ) -> MllibModel | RefinedTree:
        vectors = self._sample.stages.transform(everyone).select(VECTOR).persist()
        sample, settings = MllibSample(self._sample.stages, vectors), self._settings
        try:
            if algorithm == _BISECTING and settings.bisecting_steps:
                tree = bisecting_tree(_fit_tree(sample, settings.bisecting_leaves, settings))
                return mllib_trees.refined_in_spark(tree, k, vectors, settings.bisecting_steps)
            return self._fit(sample, algorithm, k, start)
        finally:
            vectors.unpersist()

    def pipeline(self, algorithm: str, k: int) -> PipelineModel:
        """Return the whole model, from prepared features to labels, to be saved."""
        model = self._models[(algorithm, k)]
        if isinstance(model, RefinedTree):
            spark, column = self._sample.vectors.sparkSession, prediction_column(algorithm, k)
            model = kmeans_model(spark, model.centres, column)
        return PipelineModel([*self._sample.stages.stages, model])


def fit_range(
    sample: MllibSample,
    trials: Sequence[tuple[str, int]],
    settings: FitSettings,
    parallel_fits: int,
) -> dict[tuple[str, int], MllibModel | FitError]:
    """Fit several algorithms and k's side by side; return the models, or why there is none."""

    @inheritable_thread_target(sample.vectors.sparkSession)
    def fit(trial: tuple[str, int]) -> MllibModel | FitError:
        algorithm, k = trial
        try:
            return FITS[algorithm](sample, k, settings)
        except FitError as error:
            return error

    # A fit is dozens of tiny jobs and leaves most of the machine idle. The largest k comes first.
    order = sorted(trials, key=lambda trial: -trial[1])
    with ThreadPoolExecutor(parallel_fits) as pool:
        models = dict(zip(order, pool.map(fit, order), strict=True))
    return {trial: models[trial] for trial in trials}


def prediction_column(algorithm: str, k: int) -> str:
    """Return the name of a model's column of labels."""
    return f"{algorithm}_{k}"


def membership_column(algorithm: str, k: int) -> str:
    """Return the name of a mixture's column of memberships, a vector of k probabilities."""
    return f"{prediction_column(algorithm, k)}{MEMBERSHIP_SUFFIX}"


def training_cost(model: Any) -> float:
    """Sum the squared distances to the points' centres; for a mixture, -log-likelihood."""
    if hasattr(model.summary, "logLikelihood"):
        return -float(model.summary.logLikelihood)
    return float(model.summary.trainingCost)


def _regular(estimator: GaussianMixture, vectors: DataFrame) -> MllibModel | None:
    """Return the model; None if a covariance is degenerate."""
    try:
        model = estimator.fit(vectors)
    except Py4JJavaError as error:
        if not any(sign in str(error.java_exception) for sign in _DEGENERATE):
            raise
        return None
    return model if np.isfinite(centres(model)).all() else None


def _cheapest(models: Sequence[MllibModel]) -> MllibModel:
    best = models[0]
    for model in models[1:]:
        lowest = training_cost(best)
        if training_cost(model) < lowest - _SAME_COST * abs(lowest):
            best = model
    return best


def _complete(model: MllibModel, algorithm: str, k: int) -> MllibModel:
    clusters = len(centres(model))
    if clusters < k:
        raise _too_few(algorithm, clusters, k)
    return model


def _too_few(algorithm: str, clusters: int, k: int) -> FitError:
    return FitError(f"{algorithm} found {clusters} clusters where k = {k}")
