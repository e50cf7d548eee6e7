"""The silhouette with Euclidean distances, for samples only: it needs every pair of points.

A cluster's moments give the mean squared distance to it (`indices`), but not the mean distance.
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial.distance import cdist

_BLOCK = 500


def silhouettes(points: np.ndarray, labellings: Sequence[np.ndarray]) -> list[float | None]:
    """Return the mean silhouette of each labelling, as scikit-learn's; None for fewer than two
    clusters.

    A point alone in its cluster counts 0.
    """
    compact = [np.unique(labels, return_inverse=True)[1] for labels in labellings]
    orders = [np.argsort(labels, kind="stable") for labels in compact]
    totals = [0.0] * len(compact)
    for start in range(0, len(points), _BLOCK):
        distances = cdist(points[start : start + _BLOCK], points)
        for i, (labels, order) in enumerate(zip(compact, orders, strict=True)):
            sizes = np.bincount(labels)
            # Sorted by cluster, so that each sum is added in one order, without BLAS.
            starts = np.cumsum(sizes) - sizes
            sums = np.add.reduceat(distances[:, order], starts, axis=1)
            totals[i] += _of_block(sums, sizes, labels[start : start + _BLOCK])
    several = [len(np.unique(labels)) > 1 for labels in compact]
    return [t / len(points) if s else None for t, s in zip(totals, several, strict=True)]


def _of_block(sums: np.ndarray, sizes: np.ndarray, own: np.ndarray) -> float:
    """Sum the silhouettes of some points, from their summed distances to each cluster."""
    rows = np.arange(len(own))
    inner = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[rows, own] = np.inf
    outer = means.min(axis=1)
    larger = np.maximum(inner, outer)
    defined = (sizes[own] > 1) & (larger > 0) & np.isfinite(outer)
    return float(np.where(defined, (outer - inner) / np.where(defined, larger, 1), 0.0).sum())
