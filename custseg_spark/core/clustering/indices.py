"""Exact quality indices of a clustering from moments and spreads, for any number of points.

Silhouette with squared Euclidean distance (as Spark's ClusteringEvaluator), Davies-Bouldin and
Calinski-Harabasz as scikit-learn defines them. No pair of points is compared: the moments give a
point's mean squared distance to a whole cluster.
"""

from dataclasses import dataclass

import numpy as np

from custseg_spark.core.clustering.distances import (
    blocks,
    squared_distances,
    squared_lengths,
    sums_by_label,
)
from custseg_spark.core.clustering.moments import Moments

# Points closer than this share of the data's scale differ by rounding only.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Indices:
    """The quality of one clustering; None for an undefined index.

    Davies-Bouldin needs two clusters and skips pairs with the same centroid, as scikit-learn does.
    Calinski-Harabasz also needs a point that differs from its centroid (scikit-learn returns 1
    without one). The silhouette of a single cluster is 0. The costs are sums of squares, in the
    units of the space.
    """

    sizes: tuple[int, ...]
    silhouette: float
    davies_bouldin: float | None
    calinski_harabasz: float | None
    within_cluster_cost: float
    between_cluster_cost: float


def indices_of(points: np.ndarray, labels: np.ndarray) -> Indices:
    """Return the indices of points in memory; labels start at 0."""
    k = int(labels.max()) + 1
    moments = Moments.of(points, labels.astype(np.intp), k).centred()
    return indices(moments, spreads(points, labels.astype(np.intp), moments))


def spreads(points: np.ndarray, labels: np.ndarray, moments: Moments) -> np.ndarray:
    """Return per cluster the sum of its points' silhouettes, then of their distances to the
    centroid.

    `moments` are the centred moments of the whole population that the points belong to.
    """
    total = np.zeros(2 * len(moments.sizes))
    for rows in blocks(len(points)):
        total += _spreads_of_block(points[rows], labels[rows], moments)
    return total


def indices(moments: Moments, spread: np.ndarray) -> Indices:
    """Compute the indices from a population's moments and its points' summed `spreads`."""
    silhouettes, distances = np.split(spread, 2)
    filled = moments.sizes > 0
    n, k = float(moments.sizes.sum()), int(filled.sum())
    within, between = moments.within, moments.between
    mean_distances = distances[filled] / moments.sizes[filled]
    varied = within > _ROUNDING**2 * (within + between)
    return Indices(
        sizes=tuple(int(v) for v in moments.sizes),
        silhouette=float(silhouettes.sum()) / n,
        davies_bouldin=_davies_bouldin(mean_distances, moments.means[filled], moments.variance),
        calinski_harabasz=between / (k - 1) / (within / (n - k)) if k > 1 and varied else None,
        within_cluster_cost=within,
        between_cluster_cost=between,
    )


def _spreads_of_block(points: np.ndarray, labels: np.ndarray, moments: Moments) -> np.ndarray:
    relative = np.asfortranarray(points - moments.origin)
    to_centroids = squared_distances(relative, moments.means)
    to_own = to_centroids[labels, np.arange(len(labels))]
    silhouettes = _silhouettes(relative, labels, to_centroids, to_own, moments)
    k = len(moments.sizes)
    return np.concatenate(
        [sums_by_label(silhouettes, labels, k), sums_by_label(np.sqrt(to_own), labels, k)]
    )


def _silhouettes(
    relative: np.ndarray,
    labels: np.ndarray,
    to_centroids: np.ndarray,
    to_own: np.ndarray,
    moments: Moments,
) -> np.ndarray:
    """Return each point's silhouette; `to_own` is its squared distance to its own centroid.

    The mean squared distance to a cluster's points is the one to its centroid plus their variance.
    `to_centroids` is overwritten.
    """
    sizes = moments.sizes
    if (sizes > 0).sum() < 2:
        return np.zeros(len(relative))
    to_centroids += np.where(sizes > 0, moments.costs / np.maximum(sizes, 1), np.inf)[:, None]
    to_centroids[labels, np.arange(len(labels))] = np.inf
    outer = to_centroids.min(axis=0)
    size = sizes[labels]
    inner = (size * to_own + moments.costs[labels]) / np.maximum(size - 1, 1)
    larger = np.maximum(inner, outer)
    defined = (size > 1) & (larger > _ROUNDING**2 * (squared_lengths(relative) + moments.variance))
    return np.where(defined, (outer - inner) / np.where(defined, larger, 1), 0.0)


def _davies_bouldin(spread: np.ndarray, centroids: np.ndarray, variance: float) -> float | None:
    if len(spread) < 2:
        return None
    gaps = np.sqrt(squared_distances(centroids, centroids))
    gaps[gaps <= _ROUNDING * np.sqrt(variance)] = np.inf
    return float(((spread[:, None] + spread[None]) / gaps).max(axis=1).mean())
