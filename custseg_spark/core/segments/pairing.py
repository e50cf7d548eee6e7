"""Which clusters of two runs are near enough to be one segment: Hungarian, in a common space.

Centroids are compared in the units of the features as they are prepared (log1p, within fences,
not scaled), divided by the earlier run's standard deviation. What all customers have in common,
above all that everybody is some weeks older in a growing log, is taken off first where the runs
fit better then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class IdentityRules:
    """When a segment of a new run is one of the previous run's, and what is a split or merge."""

    max_distance: float = 0.75
    min_overlap: float = 0.3
    split_share: float = 0.3


# Feature to its mean in the cluster and its standard deviation in the run, both as prepared.
Centroid = Mapping[str, tuple[float, float]]

# Centroids that share fewer of their features are of models too different to compare.
_MIN_COMMON_FEATURES = 0.5
# At the most, the same customers are worth half of the same centroid: ids go by what a segment is
# like, and by who is in it only where that leaves them open.
_OVERLAP_WORTH = 0.5
# Decides between equal totals, and is far below any difference that means something.
_PREFERENCE = 1e-9


def pair(
    clusters: Sequence[Centroid],
    known: Sequence[Centroid],
    overlap: np.ndarray,
    rules: IdentityRules,
) -> dict[int, int]:
    """Cluster to known centroid, by position: the pairs with the highest total worth.

    A pair is worth 1 - distance / `max_distance`, the distance being the root mean square over
    features; or half of its customers' Jaccard index, if that is `min_overlap` or more and worth
    more. Pairs worth nothing aren't made. `overlap` counts customers, clusters x known; without
    any, centroids alone decide.
    """
    if not clusters or not known:
        return {}
    differences = _differences(clusters, known)
    total, pairs = _best_pairs(differences, overlap, rules)
    if overlap.any() and differences.shape[2]:
        aligned = differences - _shift(differences, overlap)
        aligned_total, aligned_pairs = _best_pairs(aligned, overlap, rules)
        pairs = aligned_pairs if aligned_total > total else pairs
    return pairs


def jaccard(overlap: np.ndarray) -> np.ndarray:
    """The Jaccard index of each pair, of the customers that the table counts; 0 for 0 / 0."""
    union = overlap.sum(axis=1, keepdims=True) + overlap.sum(axis=0, keepdims=True) - overlap
    return np.asarray(np.where(union > 0, overlap / np.maximum(union, 1), 0.0))


def _differences(clusters: Sequence[Centroid], known: Sequence[Centroid]) -> np.ndarray:
    """New less known, in the known one's standard deviations: clusters x known x features."""
    every = [*clusters, *known]
    common = sorted(set(every[0]).intersection(*every[1:]))
    usable = [f for f in common if all(centroid[f][1] > 0 for centroid in known)]
    if len(usable) < _MIN_COMMON_FEATURES * max(len(centroid) for centroid in every):
        usable = []
    values = np.array([[c[f][0] for f in usable] for c in clusters])
    means = np.array([[c[f][0] for f in usable] for c in known])
    scales = np.array([[c[f][1] for f in usable] for c in known])
    return np.asarray((values[:, None, :] - means[None]) / scales[None])


def _shift(differences: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """How far the customers of both runs have moved together, by feature: the weighted median of
    the differences, each pair counting as often as it has customers. Those who changed segment
    don't move it while they are fewer than half."""
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
    """The highest total worth and its pairs. At equal totals the first clusters get the first
    known centroids."""
    distance = np.full(differences.shape[:2], np.inf)
    if differences.shape[2]:
        distance = np.sqrt((differences**2).mean(axis=2))
    # A pair at the very limit still counts.
    near = 1 + _PREFERENCE - distance / rules.max_distance
    worth = np.where(distance <= rules.max_distance, near, 0.0)
    same = jaccard(overlap)
    worth = np.where(same >= rules.min_overlap, np.maximum(worth, _OVERLAP_WORTH * same), worth)
    rows, columns = worth.shape
    rank = np.outer(np.arange(rows, 0, -1), np.arange(columns, 0, -1))
    solved = linear_sum_assignment(worth + _PREFERENCE * rank, maximize=True)
    pairs = {int(r): int(c) for r, c in zip(*solved, strict=True) if worth[r, c] > 0}
    return float(sum(worth[r, c] for r, c in pairs.items())), pairs
