"""KMeans and bisecting KMeans on the driver, for refits too small and too many for Spark's jobs.

Points are rows, not far from zero, as scaled ones are. A weight says how often a point is there.
"""

from dataclasses import dataclass

import numpy as np

from custseg_spark.config.settings import ModelConfig
from custseg_spark.models.moments import squared

# MLlib's: a cluster whose mean squared distance is not above is a point, and stays whole.
_EPSILON = 2.0**-52
# Nodes are numbered as in MLlib, children of i as 2i and 2i + 1, in 64 bits.
_MAX_DEPTH = 62


@dataclass(frozen=True)
class Clustering:
    """Centres (k x dimensions), each point's nearest or, bisecting, own one, and the cost."""

    centres: np.ndarray
    labels: np.ndarray
    cost: float


def generator(seed: int, *more: int) -> np.random.Generator:
    """A generator of these numbers alone; `seed` may be negative."""
    return np.random.default_rng([seed % 2**64, *more])


def kmeans(
    x: np.ndarray,
    k: int,
    config: ModelConfig,
    rng: np.random.Generator,
    weights: np.ndarray | None = None,
) -> Clustering:
    """The cheapest of `config.starts` fits; fewer centres where points are fewer than k."""
    w = np.ones(len(x)) if weights is None else weights
    fits = [
        lloyd(x, plus_plus(x, k, rng, w), config.max_iterations, config.tolerance, w)
        for _ in range(config.starts)
    ]
    return min(fits, key=lambda fit: fit.cost)


def lloyd(
    x: np.ndarray,
    start: np.ndarray,
    max_iterations: int,
    tolerance: float,
    weights: np.ndarray | None = None,
) -> Clustering:
    """KMeans from given centres, as MLlib: an empty cluster keeps its centre, and it is done
    when no centre has moved farther than `tolerance`."""
    w = np.ones(len(x)) if weights is None else weights
    weighted, numbers = x * w[:, None], np.arange(len(start))[:, None]
    centres = start.astype(float)
    for _ in range(max_iterations):
        members = (nearest_centre(x, centres) == numbers).astype(float)
        sizes = members @ w
        filled = sizes > 0
        before = centres[filled]
        centres[filled] = (members @ weighted)[filled] / sizes[filled, None]
        if squared(centres[filled] - before).max() <= tolerance**2:
            break
    labels = nearest_centre(x, centres)
    return Clustering(centres, labels, _cost(x, centres, labels, w))


def nearest_centre(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Each point's nearest centre, the first of equally near ones."""
    scores = x @ (-2 * centres.T)
    scores += squared(centres)
    labels: np.ndarray = scores.argmin(axis=1)
    return labels


def plus_plus(x: np.ndarray, k: int, rng: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """Starting centres by k-means++ (Arthur, Vassilvitskii 2007); at most the distinct points."""
    chosen = [_draw(weights, rng)]
    costs = weights * squared(x - x[chosen[0]])
    while len(chosen) < k and costs.any():
        chosen.append(_draw(costs, rng))
        costs = np.minimum(costs, weights * squared(x - x[chosen[-1]]))
    return x[chosen]


def bisecting_kmeans(
    x: np.ndarray,
    k: int,
    config: ModelConfig,
    rng: np.random.Generator,
    weights: np.ndarray | None = None,
) -> Clustering:
    """Level by level, the larger ones first where not all of a level are needed, as MLlib does.

    Clusters are numbered as the leaves of the tree from left to right. They are fewer than k
    where none can be divided.
    """
    w = np.ones(len(x)) if weights is None else weights
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
            nodes[rows] = 2 * node + _right_half(x[rows], w[rows], config, rng)
        level = [child for n in sorted(divisible) for child in (2 * n, 2 * n + 1)]
        needed, depth = needed - len(divisible), depth + 1
    return _leaves(x, w, nodes)


def _draw(masses: np.ndarray, rng: np.random.Generator) -> int:
    total = masses.cumsum()
    place = np.searchsorted(total, rng.random() * total[-1], side="right")
    return int(min(place, len(masses) - 1))


def _cost(x: np.ndarray, centres: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    return float(weights @ squared(x - centres[labels]))


def _mean(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.asarray(weights @ x / weights.sum())


def _is_divisible(x: np.ndarray, weights: np.ndarray) -> bool:
    size = weights.sum()
    return bool(size > 0 and weights @ squared(x - _mean(x, weights)) > _EPSILON * size)


def _right_half(
    x: np.ndarray, weights: np.ndarray, config: ModelConfig, rng: np.random.Generator
) -> np.ndarray:
    """Which points go to the right child.

    MLlib moves the centre a little to both sides in a random direction of the positive orthant:
    the start is the plane through the centre across that direction.
    """
    right: np.ndarray = (x - _mean(x, weights)) @ rng.random(x.shape[1]) > 0
    for _ in range(config.bisecting_iterations):
        if right.all() or not right.any():
            break
        low, high = _mean(x[~right], weights[~right]), _mean(x[right], weights[right])
        moved = (x - (low + high) / 2) @ (high - low) > 0
        if (moved == right).all():
            break
        right = moved
    return right


def _leaves(x: np.ndarray, weights: np.ndarray, nodes: np.ndarray) -> Clustering:
    # From left to right: by the path from the root, which is the number's bits from the top.
    found = sorted(np.unique(nodes).tolist(), key=lambda n: n << (64 - n.bit_length()))
    labels = np.empty(len(x), dtype=np.int64)
    for position, node in enumerate(found):
        labels[nodes == node] = position
    centres = np.array([_mean(x[labels == c], weights[labels == c]) for c in range(len(found))])
    return Clustering(centres, labels, _cost(x, centres, labels, weights))
