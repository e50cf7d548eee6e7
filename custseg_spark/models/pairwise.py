"""The silhouette with Euclidean distances, which takes every pair of points: for samples only.

The mean squared distance to a cluster follows from its moments (`indices`); the mean distance has
no such form.
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial.distance import cdist

from custseg_spark.models.scan import one_hot

_BLOCK = 500


def silhouettes(points: np.ndarray, labellings: Sequence[np.ndarray]) -> list[float | None]:
    """The mean silhouette of each labelling, as scikit-learn's; None for fewer than two clusters.

    A point alone in its cluster counts 0.
    """
    compact = [np.unique(labels, return_inverse=True)[1] for labels in labellings]
    totals = [0.0] * len(compact)
    for start in range(0, len(points), _BLOCK):
        distances = cdist(points[start : start + _BLOCK], points)
        for i, labels in enumerate(compact):
            totals[i] += _of_block(distances, labels, labels[start : start + _BLOCK])
    several = [len(np.unique(labels)) > 1 for labels in compact]
    return [t / len(points) if s else None for t, s in zip(totals, several, strict=True)]


def _of_block(distances: np.ndarray, labels: np.ndarray, own: np.ndarray) -> float:
    """The silhouettes of some points, summed, from their distances to all."""
    members = one_hot(labels, int(labels.max()) + 1)
    sizes, rows = members.sum(axis=0), np.arange(len(own))
    sums = distances @ members
    inner = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[rows, own] = np.inf
    outer = means.min(axis=1)
    larger = np.maximum(inner, outer)
    defined = (sizes[own] > 1) & (larger > 0) & np.isfinite(outer)
    return float(np.where(defined, (outer - inner) / np.where(defined, larger, 1), 0.0).sum())
