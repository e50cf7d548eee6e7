"""The silhouette with Euclidean distances, for samples only: it needs every pair of points.

A cluster's moments give the mean squared distance to it (`indices`), but not the mean distance.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from scipy.spatial.distance import cdist

_BLOCK = 500
# The distances of so many rows to 10,000 points stay in the processor's cache.
_ROWS = 50
_THREADS = 2


def silhouettes(points: np.ndarray, labellings: Sequence[np.ndarray]) -> list[float | None]:
    """Return the mean silhouette of each labelling, as scikit-learn's; None for fewer than two
    clusters.

    A point alone in its cluster counts 0.
    """
    compact = [np.unique(labels, return_inverse=True)[1] for labels in labellings]
    totals, starts = [0.0] * len(compact), range(0, len(points), _BLOCK)
    # Neither SciPy nor numpy holds Python's lock meanwhile.
    with ThreadPoolExecutor(_THREADS) as pool:
        block = partial(_sums_of_block, points, [_Clusters(labels) for labels in compact])
        for start, sums in zip(starts, pool.map(block, starts), strict=True):
            for i, (labels, of_block) in enumerate(zip(compact, sums, strict=True)):
                block_labels = labels[start : start + _BLOCK]
                totals[i] += _of_block(of_block, np.bincount(labels), block_labels)
    several = [len(np.unique(labels)) > 1 for labels in compact]
    return [t / len(points) if s else None for t, s in zip(totals, several, strict=True)]


class _Clusters:
    """The points' order by cluster, and where each cluster begins in it."""

    def __init__(self, labels: np.ndarray) -> None:
        sizes = np.bincount(labels)
        self.order, self.starts = np.argsort(labels, kind="stable"), np.cumsum(sizes) - sizes


def _sums_of_block(
    points: np.ndarray, labellings: Sequence[_Clusters], start: int
) -> list[np.ndarray]:
    """Return, by labelling, the sums of a block's points' distances to each cluster's points."""
    sums: list[list[np.ndarray]] = [[] for _ in labellings]
    for first in range(start, min(start + _BLOCK, len(points)), _ROWS):
        distances = cdist(points[first : min(first + _ROWS, start + _BLOCK)], points)
        for clusters, parts in zip(labellings, sums, strict=True):
            # Sorted by cluster, so that each sum is added in one order, without BLAS.
            parts.append(np.add.reduceat(distances[:, clusters.order], clusters.starts, axis=1))
    return [np.concatenate(parts) for parts in sums]


def _of_block(sums: np.ndarray, sizes: np.ndarray, labels: np.ndarray) -> float:
    """Sum the silhouettes of some points, from their summed distances to each cluster."""
    rows = np.arange(len(labels))
    inner = sums[rows, labels] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes
    means[rows, labels] = np.inf
    outer = means.min(axis=1)
    larger = np.maximum(inner, outer)
    defined = (sizes[labels] > 1) & (larger > 0) & np.isfinite(outer)
    return float(np.where(defined, (outer - inner) / np.where(defined, larger, 1), 0.0).sum())
