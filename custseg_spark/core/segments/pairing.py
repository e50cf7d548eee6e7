"""Pair the clusters of two runs that are near enough to be one segment.

The pairs are found by the Hungarian method in a common space. Centroids are compared in units of
the prepared features (log1p, within fences, not scaled), divided by the earlier run's standard
deviation. A shift that all customers share, such as everybody being some weeks older in a growing
log, is subtracted first if the runs fit better then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class IdentityRules:
    """Thresholds for continuing a segment of the previous run, and for splits and merges."""

    max_distance: float = 0.75
    min_overlap: float = 0.3
    split_share: float = 0.3


# Feature name to (mean in the cluster, standard deviation in the run), both as prepared.
Centroid = Mapping[str, tuple[float, float]]

# Centroids that share fewer of their features come from models too different to compare.
_MIN_COMMON_FEATURES = 0.5
# The same customers are worth at most half of the same centroid: ids follow a segment's features,
# and its customers only where the features leave the id open.
_OVERLAP_WORTH = 0.5
# Decides between equal totals; far below any difference that matters.
_PREFERENCE = 1e-9


def pair(
    clusters: Sequence[Centroid],
    earlier: Sequence[Centroid],
    overlap: np.ndarray,
    rules: IdentityRules,
) -> dict[int, int]:
    """Map clusters to earlier centroids, by position: the pairs of the highest total worth.

    A pair is worth 1 - distance / `max_distance`, where the distance is the root mean square over
    features; or half of its customers' Jaccard index, if that is at least `min_overlap` and worth
    more. Pairs worth nothing aren't made. `overlap` counts customers, clusters x earlier centroids;
    without it, centroids alone decide.
    """
    if not clusters or not earlier:
        return {}
    differences = _differences(clusters, earlier)
    total, pairs = _best_pairs(differences, overlap, rules)
    if overlap.any() and differences.shape[2]:
        aligned = differences - _shift(differences, overlap)
        aligned_total, aligned_pairs = _best_pairs(aligned, overlap, rules)
        pairs = aligned_pairs if aligned_total > total else pairs
    return pairs


def jaccard(overlap: np.ndarray) -> np.ndarray:
    """Return the Jaccard index of each pair of customer sets that the table counts; 0 for 0 / 0."""
    union = overlap.sum(axis=1, keepdims=True) + overlap.sum(axis=0, keepdims=True) - overlap
    return np.asarray(np.where(union > 0, overlap / np.maximum(union, 1), 0.0))


def _differences(clusters: Sequence[Centroid], earlier: Sequence[Centroid]) -> np.ndarray:
    """Return new minus earlier, in earlier standard deviations: clusters x earlier x features."""
    every = [*clusters, *earlier]
    common = sorted(set(every[0]).intersection(*every[1:]))
    usable = [f for f in common if all(centroid[f][1] > 0 for centroid in earlier)]
    if len(usable) < _MIN_COMMON_FEATURES * max(len(centroid) for centroid in every):
        usable = []
    values = np.array([[c[f][0] for f in usable] for c in clusters])
    means = np.array([[c[f][0] for f in usable] for c in earlier])
    scales = np.array([[c[f][1] for f in usable] for c in earlier])
    return np.asarray((values[:, None, :] - means[None]) / scales[None])


def _shift(differences: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """Return the common shift of the customers of both runs, by feature.

    It is the median of the differences, weighted by the customers of each pair. Customers who
    changed segment don't move it while they are fewer than half.
    """
    flat, weights = differences.reshape(-1, differences.shape[2]), overlap.ravel()
    shift = np.empty(flat.shape[1])
    for feature in range(flat.shape[1]):
        order = np.argsort(flat[:, feature], kind="stable")
        so_far = np.cumsum(weights[order])
        shift[feature] = flat[order[np.searchsorted(2 * so_far, so_far[-1])], feature]
    return shift


def _best_pairs(
    differences: np.ndarray, overlap: np.ndarray, rules: IdentityRules
) -> tuple[float, dict[int, int]]:
    """Return the highest total worth and its pairs.

    At equal totals the first clusters get the first of the earlier centroids.
    """
    distance = np.full(differences.shape[:2], np.inf)
    if differences.shape[2]:
        distance = np.sqrt((differences**2).mean(axis=2))
    # A pair exactly at the limit still counts.
    near = 1 + _PREFERENCE - distance / rules.max_distance
    worth = np.where(distance <= rules.max_distance, near, 0.0)
    same = jaccard(overlap)
    worth = np.where(same >= rules.min_overlap, np.maximum(worth, _OVERLAP_WORTH * same), worth)
    rows, columns = worth.shape
    rank = np.outer(np.arange(rows, 0, -1), np.arange(columns, 0, -1))
    solved = linear_sum_assignment(worth + _PREFERENCE * rank, maximize=True)
    pairs = {int(r): int(c) for r, c in zip(*solved, strict=True) if worth[r, c] > 0}
    return float(sum(worth[r, c] for r, c in pairs.items())), pairs
