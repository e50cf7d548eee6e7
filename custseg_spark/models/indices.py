"""Exact quality indices on all customers, for many clusterings at once, in two scans.

Silhouette with squared Euclidean distance (as Spark's ClusteringEvaluator), Davies-Bouldin and
Calinski-Harabasz as scikit-learn defines them. No pair of points is ever compared: the first scan
takes each cluster's size, mean and cost, which tell the second a point's mean squared distance
to a whole cluster.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame

from custseg_spark.models import moments
from custseg_spark.models.moments import Moments, squared
from custseg_spark.models.scan import one_hot, reduce

# Points nearer to each other than this share of the data's own scale differ by rounding only.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Indices:
    """The quality of one clustering of all customers; None where an index is not defined.

    Davies-Bouldin takes two clusters, and passes over pairs with one centroid, as scikit-learn
    does. Calinski-Harabasz also takes a point that differs from its centroid (scikit-learn
    says 1 where none does). The silhouette of a single cluster is 0. The costs are sums of
    squares, in the units of the vectors.
    """

    sizes: tuple[int, ...]
    silhouette: float
    davies_bouldin: float | None
    calinski_harabasz: float | None
    within_cluster_cost: float
    between_cluster_cost: float


def quality(
    assigned: DataFrame, vector: str, clusterings: Mapping[str, int], dimensions: int
) -> dict[str, Indices]:
    """The indices of each clustering: `clusterings` maps a column of labels to its k.

    `vector` is an array column. Sums are added in the order of the partitions, so that equal
    layouts give equal bits.
    """
    ks = list(clusterings.values())
    scan = assigned.select(vector, *clusterings)
    found = [m.centred() for m in moments.of_frame(scan, ks, dimensions)]
    spreads = reduce(scan, lambda x, labels: _all_spreads(x, labels, found))
    parts = np.split(spreads, np.cumsum([2 * k for k in ks])[:-1])
    return {name: _indices(m, s) for name, m, s in zip(clusterings, found, parts, strict=True)}


def indices_of(x: np.ndarray, labels: np.ndarray) -> Indices:
    """The indices of points on the driver; labels from 0."""
    column = labels[:, None]
    [found] = moments.of_points(x, column, [int(labels.max()) + 1])
    centred = found.centred()
    return _indices(centred, _all_spreads(x, column, [centred]))


def _all_spreads(x: np.ndarray, labels: np.ndarray, found: Sequence[Moments]) -> np.ndarray:
    """`_spreads` of each clustering, one after the other."""
    sums = (
        np.concatenate([_spreads(block, own[:, i], m) for i, m in enumerate(found)])
        for block, own in moments.blocks(x, labels)
    )
    return functools.reduce(np.add, sums)


def _spreads(x: np.ndarray, own: np.ndarray, found: Moments) -> np.ndarray:
    """Per cluster its points' silhouettes summed, then their distances to the centroid."""
    y = x - found.origin
    to_own = squared(y - np.take(found.means, own, axis=0))
    members = one_hot(own, len(found.sizes)).T
    return np.concatenate(
        [members @ _silhouettes(y, own, to_own, found), members @ np.sqrt(to_own)]
    )


def _silhouettes(y: np.ndarray, own: np.ndarray, to_own: np.ndarray, found: Moments) -> np.ndarray:
    """Each point's silhouette; `to_own` is its squared distance to its own centroid.

    The mean squared distance to a cluster's points is that to its centroid and their variance.
    """
    sizes, means = found.sizes, found.means
    if (sizes > 0).sum() < 2:
        return np.zeros(len(y))
    variances = found.costs / np.maximum(sizes, 1)
    outside = np.where(sizes > 0, squared(means) + variances, np.inf) - 2 * (y @ means.T)
    outside[np.arange(len(y)), own] = np.inf
    second = outside.argmin(axis=1)
    outer = squared(y - np.take(means, second, axis=0)) + variances[second]
    size = sizes[own]
    inner = (size * to_own + found.costs[own]) / np.maximum(size - 1, 1)
    larger = np.maximum(inner, outer)
    defined = (size > 1) & (larger > _ROUNDING**2 * (squared(y) + found.variance))
    return np.where(defined, (outer - inner) / np.where(defined, larger, 1), 0.0)


def _indices(found: Moments, spreads: np.ndarray) -> Indices:
    silhouettes, distances = np.split(spreads, 2)
    filled = found.sizes > 0
    n, k = float(found.sizes.sum()), int(filled.sum())
    within, between = found.within, found.between
    spread = distances[filled] / found.sizes[filled]
    varied = within > _ROUNDING**2 * (within + between)
    return Indices(
        sizes=tuple(int(v) for v in found.sizes),
        silhouette=float(silhouettes.sum()) / n,
        davies_bouldin=_davies_bouldin(spread, found.means[filled], found.variance),
        calinski_harabasz=between / (k - 1) / (within / (n - k)) if k > 1 and varied else None,
        within_cluster_cost=within,
        between_cluster_cost=between,
    )


def _davies_bouldin(spread: np.ndarray, centroids: np.ndarray, variance: float) -> float | None:
    if len(spread) < 2:
        return None
    gaps = np.sqrt(((centroids[:, None] - centroids[None]) ** 2).sum(axis=2))
    gaps[gaps <= _ROUNDING * np.sqrt(variance)] = np.inf
    return float(((spread[:, None] + spread[None]) / gaps).max(axis=1).mean())
