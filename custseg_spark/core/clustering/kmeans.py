"""KMeans and bisecting KMeans on the driver for a bounded sample: the sweep over k, bootstraps.

Points are rows, not far from zero, as scaled points are. A weight is a point's multiplicity. The
result has the same bits on any number of cores, because BLAS adds nothing here.
"""

from dataclasses import dataclass

import numpy as np

from custseg_spark.core.clustering.distances import (
    blocks,
    column_sums_by_label,
    first_smallest,
    nearest,
    squared_distances,
    squared_lengths,
    sums_by_label,
)

# MLlib's threshold: a cluster of a mean squared distance up to it is a point and stays whole.
_EPSILON = 2.0**-52
# Nodes are numbered as in MLlib, children of i as 2i and 2i + 1, in 64 bits.
_MAX_DEPTH = 62
# If more than a fifth of the points changed cluster, sums are computed anew.
_FEW = 5


@dataclass(frozen=True)
class FitSettings:
    """Settings of fits on the driver and by MLlib; `tolerance` is in units of the space.

    KMeans and mixtures have `starts` starts, with seeds from `seed` on.
    """

    seed: int = 7
    starts: int = 3
    max_iterations: int = 50
    tolerance: float = 1e-4
    bisecting_iterations: int = 20


@dataclass(frozen=True)
class Clustering:
    """Centres (k x dimensions), each point's nearest (bisecting: own) centre, and the cost."""

    centres: np.ndarray
    labels: np.ndarray
    cost: float


def generator(seed: int, *more: int) -> np.random.Generator:
    """Return a generator that depends on these numbers alone; `seed` may be negative."""
    return np.random.default_rng([seed % 2**64, *more])


def kmeans(
    points: np.ndarray,
    k: int,
    settings: FitSettings,
    rng: np.random.Generator,
    weights: np.ndarray | None = None,
) -> Clustering:
    """Return the cheapest of `starts` fits; fewer centres than k if there are fewer points."""
    x, w = _prepared(points, weights)
    fits = [
        lloyd(x, plus_plus(x, k, rng, w), settings.max_iterations, settings.tolerance, w)
        for _ in range(settings.starts)
    ]
    return min(fits, key=lambda fit: fit.cost)


def lloyd(
    points: np.ndarray,
    start: np.ndarray,
    max_iterations: int,
    tolerance: float,
    weights: np.ndarray | None = None,
) -> Clustering:
    """Run KMeans from given centres, as MLlib does.

    An empty cluster keeps its centre. The loop ends when no centre has moved farther than
    `tolerance`.
    """
    x, w = _prepared(points, weights)
    centres = start.astype(float)
    state = _Assignment(x, w, centres)
    for _ in range(max_iterations):
        before = centres.copy()
        filled = state.sizes > 0
        centres[filled] = state.sums[filled] / state.sizes[filled, None]
        moved = np.sqrt(squared_lengths(centres - before))
        if moved.max() <= tolerance:
            break
        state.move(centres, moved)
    labels = nearest(x, centres)
    return Clustering(centres, labels, _cost(x, centres, labels, w))


class _Assignment:
    """Each point's cluster while the centres move, and each cluster's size and sum.

    After a move, only points whose own centre may no longer be the nearest are checked: `slack` is
    a lower bound of how much nearer the own centre is than any other (Hamerly 2010). Sums are
    corrected by the points that changed, always in the order of the rows.
    """

    def __init__(self, points: np.ndarray, weights: np.ndarray, centres: np.ndarray) -> None:
        self._points, self._weights = points, weights
        self._weighted = points * weights[:, None]
        self._labels, self._slack = _nearest_with_slack(points, centres)
        self._add_up(len(centres))

    def move(self, centres: np.ndarray, moved: np.ndarray) -> None:
        """Reassign points to `centres`, which moved by `moved`."""
        self._slack -= moved[self._labels] + moved.max()
        rows = np.flatnonzero(self._slack <= 0)
        if not len(rows):
            return
        labels, self._slack[rows] = _nearest_with_slack(self._points[rows], centres)
        is_other = labels != self._labels[rows]
        changed, to = rows[is_other], labels[is_other]
        before = self._labels[changed]
        self._labels[changed] = to
        if len(changed) * _FEW > len(self._labels):
            self._add_up(len(centres))
            return
        weights, weighted = self._weights[changed], self._weighted[changed]
        for sign, clusters in ((-1, before), (1, to)):
            self.sizes += sign * sums_by_label(weights, clusters, len(centres))
            self.sums += sign * column_sums_by_label(weighted, clusters, len(centres))

    def _add_up(self, k: int) -> None:
        self.sizes = sums_by_label(self._weights, self._labels, k)
        self.sums = column_sums_by_label(self._weighted, self._labels, k)


def plus_plus(
    points: np.ndarray, k: int, rng: np.random.Generator, weights: np.ndarray
) -> np.ndarray:
    """Choose starting centres by k-means++ (Arthur, Vassilvitskii 2007); at most the distinct
    points.
    """
    chosen = [_draw(weights, rng)]
    costs = weights * squared_lengths(points - points[chosen[0]])
    while len(chosen) < k and costs.any():
        chosen.append(_draw(costs, rng))
        costs = np.minimum(costs, weights * squared_lengths(points - points[chosen[-1]]))
    return points[chosen]


def bisecting_kmeans(
    points: np.ndarray,
    k: int,
    settings: FitSettings,
    rng: np.random.Generator,
    weights: np.ndarray | None = None,
) -> Clustering:
    """Divide level by level, the larger clusters first if not all of a level are needed, as MLlib
    does.

    Clusters are numbered as the leaves of the tree from left to right. There are fewer than k if
    none can be divided.
    """
    x, w = _prepared(points, weights)
    nodes = np.ones(len(x), dtype=np.int64)
    level, needed, depth = [1], k - 1, 0
    while needed > 0 and depth < _MAX_DEPTH:
        sizes = {node: w[nodes == node].sum() for node in level}
        divisible = [n for n in level if _is_divisible(x[nodes == n], w[nodes == n])]
        divisible = sorted(divisible, key=lambda n: -sizes[n])[:needed]
        if not divisible:
            break
        for node in sorted(divisible):
            rows = np.flatnonzero(nodes == node)
            nodes[rows] = 2 * node + _right_half(x[rows], w[rows], settings, rng)
        level = [child for n in sorted(divisible) for child in (2 * n, 2 * n + 1)]
        needed, depth = needed - len(divisible), depth + 1
    return _leaves(x, w, nodes)


def _prepared(points: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    return np.asfortranarray(points), np.ones(len(points)) if weights is None else weights


def _nearest_with_slack(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each point's nearest centre, and how much farther away the second nearest is."""
    labels = np.empty(len(points), dtype=np.intp)
    slack = np.full(len(points), np.inf)
    for rows in blocks(len(points)):
        squares = squared_distances(points[rows], centres)
        labels[rows] = first_smallest(squares)
        if len(centres) > 1:
            own = squares[labels[rows], np.arange(squares.shape[1])]
            squares[labels[rows], np.arange(squares.shape[1])] = np.inf
            slack[rows] = np.sqrt(squares.min(axis=0)) - np.sqrt(own)
    return labels, slack


def _draw(masses: np.ndarray, rng: np.random.Generator) -> int:
    total = masses.cumsum()
    place = np.searchsorted(total, rng.random() * total[-1], side="right")
    return int(min(place, len(masses) - 1))


def _cost(x: np.ndarray, centres: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    return float((weights * squared_lengths(x - centres[labels])).sum())


def _mean(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    columns = [(weights * x[:, j]).sum() for j in range(x.shape[1])]
    return np.asarray(columns / weights.sum())


def _projection(x: np.ndarray, direction: np.ndarray) -> np.ndarray:
    total = np.zeros(len(x))
    for j in range(len(direction)):
        total += x[:, j] * direction[j]
    return total


def _is_divisible(x: np.ndarray, weights: np.ndarray) -> bool:
    size = weights.sum()
    if size == 0:
        return False
    return bool((weights * squared_lengths(x - _mean(x, weights))).sum() > _EPSILON * size)


def _right_half(
    x: np.ndarray, weights: np.ndarray, settings: FitSettings, rng: np.random.Generator
) -> np.ndarray:
    """Return which points go to the right child.

    MLlib moves the centre a little to both sides in a random direction of the positive orthant. The
    start is the plane through the centre across that direction.
    """
    x = np.asfortranarray(x)
    right: np.ndarray = _projection(x - _mean(x, weights), rng.random((x.shape[1],))) > 0
    for _ in range(settings.bisecting_iterations):
        if right.all() or not right.any():
            break
        low, high = _mean(x[~right], weights[~right]), _mean(x[right], weights[right])
        moved = _projection(x - (low + high) / 2, high - low) > 0
        if (moved == right).all():
            break
        right = moved
    return right


def _leaves(x: np.ndarray, weights: np.ndarray, nodes: np.ndarray) -> Clustering:
    # From left to right: by the path from the root, which is the number's bits from the top.
    numbers = sorted(np.unique(nodes).tolist(), key=lambda n: n << (64 - n.bit_length()))
    labels = np.empty(len(x), dtype=np.int64)
    for position, node in enumerate(numbers):
        labels[nodes == node] = position
    centres = np.array([_mean(x[labels == c], weights[labels == c]) for c in range(len(numbers))])
    return Clustering(centres, labels, _cost(x, centres, labels, weights))
