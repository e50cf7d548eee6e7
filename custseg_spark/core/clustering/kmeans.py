"""KMeans on the driver for a bounded sample: the sweep over k, bootstraps.

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

# If more than a fifth of the points changed cluster, sums are computed anew.
_FEW = 5
# How often, at most, a fit is mended by moving one centre elsewhere.
_MOST_SWAPS = 2
# A cost that falls by less than this share of itself hasn't fallen.
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class FitSettings:
    """Settings of fits on the driver and by MLlib; `tolerance` is in units of the space.

    KMeans and mixtures have `starts` starts, by MLlib with seeds from `seed` on. `bisecting_leaves`
    is the size of the tree that bisecting KMeans' clusters are cut from, `bisecting_steps` the
    number of Lloyd's steps that refine the leaves.
    """

    seed: int = 7
    starts: int = 3
    max_iterations: int = 50
    tolerance: float = 1e-4
    bisecting_iterations: int = 20
    bisecting_leaves: int = 16
    bisecting_steps: int = 3


@dataclass(frozen=True)
class Clustering:
    """Centres (k x dimensions), each point's nearest centre, and the cost."""

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
    """Return the cheapest of some fits; fewer centres than k if there are fewer points.

    The last of the `starts` starts from the best fit's centres, with one of them moved elsewhere,
    and so on while that helps. On the demo log, 43 % of single starts end in a worse optimum, 5 %
    of the best of three, and 0 % of the best of two that is mended.
    """
    x, w = prepared(points, weights)
    fits = [
        lloyd(x, plus_plus(x, k, rng, w), settings.max_iterations, settings.tolerance, w)
        for _ in range(max(settings.starts - 1, 1))
    ]
    best = min(fits, key=lambda fit: fit.cost)
    for _ in range(_MOST_SWAPS):
        start = swapped(x, best, rng, w)
        other = lloyd(x, start, settings.max_iterations, settings.tolerance, w)
        if other.cost >= best.cost * (1 - _NEGLIGIBLE):
            break
        best = other
    return best


def swapped(
    points: np.ndarray, fit: Clustering, rng: np.random.Generator, weights: np.ndarray
) -> np.ndarray:
    """Return a fit's centres with one moved: the centre that would be missed least.

    It goes to a point of the other cluster with the largest cost, drawn as k-means++ draws.
    """
    k, rows = len(fit.centres), np.arange(len(points))
    squares = squared_distances(points, fit.centres)
    point_costs = weights * squares[fit.labels, rows]
    within = sums_by_label(point_costs, fit.labels, k)
    centres = fit.centres.copy()
    if k < 2 or not within.any():
        return centres
    squares[fit.labels, rows] = np.inf
    missed = sums_by_label(weights * squares.min(axis=0), fit.labels, k) - within
    least = int(np.argmin(missed))
    within[least] = 0
    largest = int(np.argmax(within))
    costs = np.where(fit.labels == largest, point_costs, 0.0)
    if costs.any():
        centres[least] = points[_draw(costs, rng)]
    return centres


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
    x, w = prepared(points, weights)
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
    a lower bound of how much nearer a point's own centre is than any other (Hamerly 2010). Sums are
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
    costs = weights * squared_distances(points, points[chosen])[0]
    while len(chosen) < k and costs.any():
        chosen.append(_draw(costs, rng))
        [squares] = squared_distances(points, points[chosen[-1:]])
        costs = np.minimum(costs, weights * squares)
    return points[chosen]


def prepared(points: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return points column-major, and their weights: 1 without any."""
    return np.asfortranarray(points), np.ones(len(points)) if weights is None else weights


def _nearest_with_slack(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each point's nearest centre, and how much farther away the second nearest is."""
    labels = np.empty(len(points), dtype=np.intp)
    slack = np.full(len(points), np.inf)
    for rows in blocks(len(points)):
        squares = squared_distances(points[rows], centres)
        labels[rows] = first_smallest(squares)
        if len(centres) > 1:
            nearest_squares = squares[labels[rows], np.arange(squares.shape[1])]
            squares[labels[rows], np.arange(squares.shape[1])] = np.inf
            slack[rows] = np.sqrt(squares.min(axis=0)) - np.sqrt(nearest_squares)
    return labels, slack


def _draw(masses: np.ndarray, rng: np.random.Generator) -> int:
    total = masses.cumsum()
    place = np.searchsorted(total, rng.random() * total[-1], side="right")
    return int(min(place, len(masses) - 1))


def _cost(x: np.ndarray, centres: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    return float((weights * squared_lengths(x - centres[labels])).sum())
