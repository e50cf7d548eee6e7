"""Fits over a range of k, their exact quality, and the choice with its reasons."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark import inheritable_thread_target
from pyspark.sql import DataFrame

from custseg_spark.config import ModelConfig
from custseg_spark.models.algorithms import Model, known, prediction_column
from custseg_spark.models.indices import Indices


@dataclass(frozen=True)
class Candidate:
    """One fitted clustering with its quality on all customers."""

    algorithm: str
    k: int
    model: Model
    indices: Indices

    @property
    def smallest_share(self) -> float:
        """The share of customers in the smallest cluster."""
        return min(self.indices.sizes) / sum(self.indices.sizes)


@dataclass(frozen=True)
class Verdict:
    """A candidate and, in words, why it was chosen or why not."""

    candidate: Candidate
    chosen: bool
    why: str


def k_range(config: ModelConfig, distinct_points: int) -> list[int]:
    """The k's to try: the given one, or the range; never more than there are distinct points."""
    wanted = [config.k] if config.k else list(range(config.k_min, config.k_max + 1))
    return [k for k in wanted if k <= distinct_points] or [min(2, distinct_points)]


def fit_all(
    sample: DataFrame, algorithms: Sequence[str], ks: Sequence[int], config: ModelConfig
) -> dict[str, Model]:
    """A model for each algorithm and k, by prediction column; fits run side by side.

    `sample` must not be cached: MLlib then keeps no cache of its own and decodes the rows anew in
    each iteration.
    """
    estimators = [known(a)(config, k) for a in algorithms for k in ks]

    @inheritable_thread_target(sample.sparkSession)
    def fit(index: int) -> Model:
        return estimators[index].fit(sample)

    # A fit is some twenty tiny jobs: one alone leaves most of the machine idle. Largest k first.
    order = sorted(range(len(estimators)), key=lambda i: -estimators[i].getK())
    with ThreadPoolExecutor(config.parallel_fits) as pool:
        models = dict(zip(order, pool.map(fit, order), strict=True))
    return {estimators[i].getPredictionCol(): models[i] for i in range(len(estimators))}


def candidates(
    models: Mapping[str, Model], quality: Mapping[str, Indices], algorithms: Sequence[str]
) -> list[Candidate]:
    """The fitted models with their quality, by algorithm and k."""
    found = []
    for algorithm in algorithms:
        for column, model in models.items():
            k = model.getK()
            if column == prediction_column(algorithm, k):
                found.append(Candidate(algorithm, k, model, quality[column]))
    return sorted(found, key=lambda c: (algorithms.index(c.algorithm), c.k))


def choose(tried: Sequence[Candidate], config: ModelConfig) -> list[Verdict]:
    """One verdict a candidate of a single algorithm: the best silhouette among those whose
    smallest cluster is large enough; where none is, the best silhouette of all, and said so."""
    large_enough = [c for c in tried if c.smallest_share >= config.min_cluster_share]
    pool = large_enough or list(tried)
    best = max(pool, key=lambda c: (c.indices.silhouette, -c.k))
    return [Verdict(c, c is best, _why(c, best, config, bool(large_enough))) for c in tried]


def _why(candidate: Candidate, best: Candidate, config: ModelConfig, qualified: bool) -> str:
    minimum = config.min_cluster_share
    small = candidate.smallest_share < minimum
    too_small = f"smallest cluster holds {candidate.smallest_share:.2%}, less than {minimum:.0%}"
    silhouette = candidate.indices.silhouette
    if candidate is best:
        if not qualified:
            return f"best of none that qualify: {too_small}; silhouette {silhouette:.3f}"
        if config.k:
            return f"k was given; silhouette {silhouette:.3f}"
        return f"highest silhouette, {silhouette:.3f}, with no cluster below {minimum:.0%}"
    if small:
        return too_small
    return f"silhouette {silhouette:.3f}, below {best.indices.silhouette:.3f} at k = {best.k}"
