"""Exact quality indices on all customers, for many clusterings at once, in two scans.

Silhouette with squared Euclidean distance (as Spark's ClusteringEvaluator), Calinski-Harabasz,
and Davies-Bouldin as scikit-learn defines it. No pair of points is ever compared: sums per
cluster are enough for the first two, one more scan gives the last and the silhouettes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame

from custseg_spark.models.scan import one_hot, reduce


@dataclass(frozen=True)
class Indices:
    """The quality of one clustering of all customers."""

    sizes: tuple[int, ...]
    silhouette: float
    davies_bouldin: float
    calinski_harabasz: float
    within_cluster_cost: float


@dataclass(frozen=True)
class _Sums:
    """Per cluster: points, the sum of points, the sum of squared norms."""

    n: np.ndarray
    x: np.ndarray
    squares: np.ndarray

    @property
    def centroids(self) -> np.ndarray:
        means: np.ndarray = self.x / np.maximum(self.n, 1)[:, None]
        return means

    @property
    def costs(self) -> np.ndarray:
        within: np.ndarray = self.squares - (self.x**2).sum(axis=1) / np.maximum(self.n, 1)
        return within


def quality(
    assigned: DataFrame, vector: str, clusterings: Mapping[str, int], dimensions: int
) -> dict[str, Indices]:
    """The indices of each clustering: `clusterings` maps a column of labels to its k.

    `vector` is an array column, centred (as a scaler leaves it). Sums are added in the order of
    the partitions, so that equal layouts give equal bits.
    """
    columns = list(clusterings.items())
    scan = assigned.select(vector, *clusterings)
    first = reduce(scan, lambda x, labels: _sums(x, labels, columns))
    sums, offset = {}, 0
    for name, k in columns:
        block = first[offset : offset + k * (dimensions + 2)].reshape(k, dimensions + 2)
        sums[name] = _Sums(block[:, 0], block[:, 2:], block[:, 1])
        offset += k * (dimensions + 2)
    second = reduce(scan, lambda x, labels: _spreads(x, labels, columns, sums))
    result, offset = {}, 0
    for name, k in columns:
        block = second[offset : offset + 2 * k].reshape(2, k)
        result[name] = _indices(sums[name], block[0], block[1])
        offset += 2 * k
    return result


def _sums(x: np.ndarray, labels: np.ndarray, columns: Sequence[tuple[str, int]]) -> np.ndarray:
    squares = (x**2).sum(axis=1)
    parts = []
    for position, (_, k) in enumerate(columns):
        members = one_hot(labels[:, position], k)
        block = np.column_stack([members.sum(axis=0), members.T @ squares, members.T @ x])
        parts.append(block.ravel())
    return np.concatenate(parts)


def _spreads(
    x: np.ndarray,
    labels: np.ndarray,
    columns: Sequence[tuple[str, int]],
    sums: Mapping[str, _Sums],
) -> np.ndarray:
    parts = []
    for position, (name, k) in enumerate(columns):
        own = labels[:, position]
        members = one_hot(own, k)
        distances = np.sqrt(((x - sums[name].centroids[own]) ** 2).sum(axis=1))
        parts.append(members.T @ _silhouettes(x, own, sums[name]))
        parts.append(members.T @ distances)
    return np.concatenate(parts)


def _silhouettes(x: np.ndarray, own: np.ndarray, sums: _Sums) -> np.ndarray:
    """Each point's silhouette from the sums: mean squared distance to a cluster has a formula."""
    rows = np.arange(len(x))
    totals = (
        sums.n * (x**2).sum(axis=1)[:, None] + sums.squares - 2 * x @ sums.x.T
    )  # summed squared distance of each point to each cluster
    size = sums.n[own]
    inner = np.maximum(totals[rows, own], 0) / np.maximum(size - 1, 1)
    means = np.where(sums.n > 0, totals / np.maximum(sums.n, 1), np.inf)
    means[rows, own] = np.inf
    outer = np.maximum(means.min(axis=1), 0)
    larger = np.maximum(inner, outer)
    defined = (size > 1) & (larger > 0) & np.isfinite(outer)
    return np.where(defined, (outer - inner) / np.where(defined, larger, 1), 0.0)


def _indices(sums: _Sums, silhouettes: np.ndarray, distances: np.ndarray) -> Indices:
    filled = sums.n > 0
    n, k = sums.n.sum(), int(filled.sum())
    within = float(np.maximum(sums.costs, 0).sum())
    centroids = sums.centroids[filled]
    middle = sums.x.sum(axis=0) / n
    between = float((sums.n[filled] * ((centroids - middle) ** 2).sum(axis=1)).sum())
    spread = distances[filled] / sums.n[filled]
    gaps = np.sqrt(((centroids[:, None] - centroids[None]) ** 2).sum(axis=2))
    np.fill_diagonal(gaps, np.inf)
    similarity = (spread[:, None] + spread[None]) / np.where(gaps > 0, gaps, np.nan)
    davies_bouldin = float(np.nanmax(similarity, axis=1).mean()) if k > 1 else float("nan")
    tightness = within / float(n - k) if n > k else 0.0
    return Indices(
        sizes=tuple(int(v) for v in sums.n),
        silhouette=float(silhouettes.sum() / n),
        davies_bouldin=davies_bouldin,
        calinski_harabasz=float(between / (k - 1) / tightness)
        if k > 1 and tightness
        else float("nan"),
        within_cluster_cost=within,
    )
