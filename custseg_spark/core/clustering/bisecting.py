"""Bisecting KMeans on the driver for a bounded sample, as MLlib does it: one tree for every k.

Points are rows, not far from zero, as scaled points are. A weight is a point's multiplicity. The
result has the same bits on any number of cores, because BLAS adds nothing here.
"""

from dataclasses import dataclass, field

import numpy as np

from custseg_spark.core.clustering.distances import squared_lengths
from custseg_spark.core.clustering.kmeans import Clustering, FitSettings, lloyd, prepared
from custseg_spark.core.clustering.models import BisectingKMeans, Node, tree_model
from custseg_spark.core.clustering.tree_cuts import cheapest_cut

# MLlib's threshold: a cluster of a mean squared distance up to it is a point and stays whole.
_EPSILON = 2.0**-52
# Nodes are numbered as in MLlib, children of i as 2i and 2i + 1, in 64 bits.
_MAX_DEPTH = 62
_ROOT = 1


def bisecting_kmeans(
    points: np.ndarray,
    k: int,
    settings: FitSettings,
    rng: np.random.Generator,
    weights: np.ndarray | None = None,
) -> Clustering:
    """Cut k clusters from a tree, and refine them; without steps, MLlib's tree of k leaves.

    Clusters are numbered as the leaves of the tree from left to right. There are fewer than k if
    none can be divided.
    """
    steps = settings.bisecting_steps
    leaves = max(k, settings.bisecting_leaves) if steps else k
    tree = bisecting_tree(points, leaves, settings, rng, weights)
    if steps:
        return lloyd(points, (cheapest_cut(tree, k) or tree).centres, steps, 0.0, weights)
    x, w = prepared(points, weights)
    labels = tree.labels(x)
    cost = (w * squared_lengths(x - tree.centres[labels])).sum()
    return Clustering(tree.centres, labels, float(cost))


def bisecting_tree(
    points: np.ndarray,
    leaves: int,
    settings: FitSettings,
    rng: np.random.Generator,
    weights: np.ndarray | None = None,
) -> BisectingKMeans:
    """Divide level by level, the larger clusters first if not all of a level are needed."""
    x, w = prepared(points, weights)
    growing = _Growing(x, w)
    growing.add(_ROOT, np.arange(len(x)))
    level, needed, depth = [_ROOT], leaves - 1, 0
    while needed > 0 and depth < _MAX_DEPTH:
        divisible = sorted(filter(growing.is_divisible, level), key=growing.size)[::-1][:needed]
        if not divisible:
            break
        for node in sorted(divisible):
            rows = growing.rows[node]
            growing.divide(node, _right_half(x[rows], w[rows], settings, rng))
        level = [child for n in sorted(divisible) for child in (2 * n, 2 * n + 1)]
        needed, depth = needed - len(divisible), depth + 1
    return growing.tree()


@dataclass
class _Growing:
    """A tree while it grows: the rows of its leaves; weight, centre and cost of all nodes."""

    x: np.ndarray
    w: np.ndarray
    rows: dict[int, np.ndarray] = field(default_factory=dict)
    sizes: dict[int, float] = field(default_factory=dict)
    centres: dict[int, np.ndarray] = field(default_factory=dict)
    costs: dict[int, float] = field(default_factory=dict)

    def add(self, node: int, rows: np.ndarray) -> None:
        """Add a leaf."""
        x, w = self.x[rows], self.w[rows]
        self.rows[node], self.sizes[node] = rows, float(w.sum())
        self.centres[node] = _mean(x, w)
        self.costs[node] = float((w * squared_lengths(x - self.centres[node])).sum())

    def divide(self, node: int, is_right: np.ndarray) -> None:
        """Divide a leaf in two."""
        rows = self.rows.pop(node)
        self.add(2 * node, rows[~is_right])
        self.add(2 * node + 1, rows[is_right])

    def size(self, node: int) -> tuple[float, int]:
        """The weight of a node's points; the first of equally heavy nodes counts as larger."""
        return self.sizes[node], -node

    def is_divisible(self, node: int) -> bool:
        """Whether a node's points differ."""
        return self.costs[node] > _EPSILON * self.sizes[node]

    def tree(self) -> BisectingKMeans:
        """Return the whole tree, its leaves numbered from left to right."""
        # Sorted by the path from the root: the bits of a node's number, from the top.
        leaves = sorted(self.rows, key=lambda n: n << (64 - n.bit_length()))
        index = {node: cluster for cluster, node in enumerate(leaves)}
        inner = [node for node in sorted(self.sizes) if node not in index]
        index |= {node: -1 - number for number, node in enumerate(inner)}
        nodes = [
            Node(
                index=index[node],
                parent=index.get(node // 2),
                size=round(self.sizes[node]),
                cost=self.costs[node],
                cluster=index[node] if node in self.rows else None,
            )
            for node in self.sizes
        ]
        children = [
            [] if node in self.rows else [index[2 * node], index[2 * node + 1]]
            for node in self.sizes
        ]
        return tree_model(nodes, [self.centres[node] for node in self.sizes], children)


def _mean(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.asarray((x.T * weights).sum(axis=1) / weights.sum())


def _projection(x: np.ndarray, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return how far along a direction each point lies from the origin."""
    total, column = np.zeros(len(x)), np.empty(len(x))
    for j, weight in enumerate(direction):
        np.subtract(x[:, j], origin[j], out=column)
        column *= weight
        total += column
    return total


def _right_half(
    x: np.ndarray, weights: np.ndarray, settings: FitSettings, rng: np.random.Generator
) -> np.ndarray:
    """Return which points go to the right child.

    MLlib moves the centre a little to both sides in a random direction of the positive orthant. The
    start is the plane through the centre across that direction.
    """
    x = np.asfortranarray(x)
    weighted = x.T * weights
    right: np.ndarray = _projection(x, _mean(x, weights), rng.random((x.shape[1],))) > 0
    for _ in range(settings.bisecting_iterations):
        low, high = (_part_mean(weighted, weights, part) for part in (~right, right))
        moved = _projection(x, (low + high) / 2, high - low) > 0
        if (moved == right).all():
            break
        right = moved
    return right


def _part_mean(weighted: np.ndarray, weights: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return the mean of a part of the points; `weighted` has a row a dimension."""
    rows = np.flatnonzero(part)
    return np.asarray(weighted.take(rows, axis=1).sum(axis=1) / weights[rows].sum())
