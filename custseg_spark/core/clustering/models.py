"""Fitted models in numpy that label points as MLlib's models do.

Like MLlib, they add a distance dimension by dimension and take the first of equally near centres.
(A vector that MLlib stores as a sparse one may differ in rounding.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from custseg_spark.core.clustering.distances import (
    blocks,
    first_smallest,
    nearest,
    squared_distances,
)

# Every algorithm that a configuration may name; `engine.spark.mllib` fits each.
ALGORITHMS = ("kmeans", "bisecting_kmeans", "gaussian_mixture")

# MLlib adds this to each probability before normalising.
_EPSILON = 2.0**-52


class ClusterModel(Protocol):
    """A clustering of the space: `centres` is k x d, labels run from 0 to k - 1."""

    @property
    def centres(self) -> np.ndarray: ...

    def labels(self, points: np.ndarray) -> np.ndarray: ...


def cluster_count(model: ClusterModel) -> int:
    """Return the number of a model's clusters."""
    return len(model.centres)


@dataclass(frozen=True)
class KMeans:
    """A model in which a point belongs to its nearest centre."""

    centres: np.ndarray

    def labels(self, points: np.ndarray) -> np.ndarray:
        """Return the nearest centre of each point."""
        return nearest(points, self.centres)


@dataclass(frozen=True)
class Node:
    """A node of the tree, numbered as by MLlib: leaves from 0, inner nodes from -1 (the root) down.

    `cluster` is a leaf's index among the model's centres. `size` (points) and `cost` (sum of
    squared distances to the node's centre) are from the fit.
    """

    index: int
    parent: int | None
    size: int
    cost: float
    cluster: int | None


@dataclass(frozen=True)
class BisectingKMeans:
    """A tree of centres: a point goes to the nearer child, from the root down to a leaf.

    `nodes` are the inner nodes from the root on, then the leaves by cluster; `node_centres` has
    their centres. Children keep MLlib's order, which decides between equally near ones.
    """

    nodes: tuple[Node, ...]
    node_centres: np.ndarray
    children: tuple[tuple[int, ...], ...]

    @cached_property
    def centres(self) -> np.ndarray:
        """The leaves' centres by cluster."""
        leaves = [(n.cluster, i) for i, n in enumerate(self.nodes) if n.cluster is not None]
        return self.node_centres[[place for _, place in sorted(leaves)]]

    def labels(self, points: np.ndarray) -> np.ndarray:
        """Return the leaf that each point reaches."""
        labels = np.empty(len(points), dtype=np.intp)
        for rows in blocks(len(points)):
            labels[rows] = self._descend(points[rows])
        return labels

    def _descend(self, points: np.ndarray) -> np.ndarray:
        places = np.zeros(len(points), dtype=np.intp)
        for place, children in enumerate(self.children):
            if children:
                here = np.flatnonzero(places == place)
                centres = self.node_centres[list(children)]
                nearer = first_smallest(squared_distances(points[here], centres))
                places[here] = np.array(children, dtype=np.intp)[nearer]
        clusters = [-1 if n.cluster is None else n.cluster for n in self.nodes]
        return np.array(clusters, dtype=np.intp)[places]


@dataclass(frozen=True)
class RefinedTree:
    """A tree's leaves after some steps of Lloyd's: a point belongs to the nearest of `centres`.

    Later divisions can't rejoin what the first ones cut apart; steps of all leaves together can.
    `nodes` are the tree's; `tree` is the tree before the steps, None for a loaded model.
    """

    nodes: tuple[Node, ...]
    centres: np.ndarray
    tree: BisectingKMeans | None = None

    def labels(self, points: np.ndarray) -> np.ndarray:
        """Return the nearest centre of each point."""
        return nearest(points, self.centres)


@dataclass(frozen=True)
class GaussianMixture:
    """Weighted normal distributions: `weights` k, `means` k x d, `covariances` k x d x d."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @property
    def centres(self) -> np.ndarray:
        """The means."""
        return self.means

    def labels(self, points: np.ndarray) -> np.ndarray:
        """Return the most probable component of each point, the first at a tie."""
        return first_smallest(-self.probabilities(points).T)

    def probabilities(self, points: np.ndarray) -> np.ndarray:
        """Return the membership of each point in each component, n x k; a row adds up to 1."""
        densities = np.empty((len(points), len(self.weights)), order="F")
        for rows in blocks(len(points)):
            for c, (root, logarithm) in enumerate(self._roots):
                log_density = logarithm - 0.5 * _mahalanobis(points[rows], self.means[c], root)
                densities[rows, c] = _EPSILON + self.weights[c] * np.exp(log_density)
        total = densities[:, 0].copy()
        for c in range(1, densities.shape[1]):
            total += densities[:, c]
        densities /= total[:, None]
        return densities

    @cached_property
    def _roots(self) -> list[tuple[np.ndarray, float]]:
        return [_root_of_inverse(covariance) for covariance in self.covariances]


def _mahalanobis(points: np.ndarray, mean: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Return squared distances, added dimension by dimension."""
    squares = np.zeros(len(points))
    gaps = [points[:, j] - mean[j] for j in range(len(mean))]
    for weights in root:
        projected = np.zeros(len(points))
        for gap, weight in zip(gaps, weights, strict=True):
            projected += weight * gap
        squares += projected * projected
    return squares


def _root_of_inverse(covariance: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the root of the pseudo-inverse, and the logarithm of the density at the mean.

    Directions without variance are skipped, as in MLlib's MultivariateGaussian.
    """
    variances, directions = np.linalg.eigh(covariance)
    tolerance = _EPSILON * variances.max() * len(variances)
    seen = variances > tolerance
    scales = np.where(seen, 1 / np.sqrt(np.where(seen, variances, 1)), 0.0)
    logarithm = -0.5 * (len(variances) * np.log(2 * np.pi) + np.log(variances[seen]).sum())
    return scales[:, None] * directions.T, float(logarithm)


def tree_model(
    nodes: Sequence[Node], centres: Sequence[np.ndarray], children: Sequence[Sequence[int]]
) -> BisectingKMeans:
    """Build a bisecting model from nodes, their centres and their children's numbers."""
    order = sorted(
        range(len(nodes)), key=lambda i: (nodes[i].cluster is not None, abs(nodes[i].index))
    )
    place = {nodes[i].index: position for position, i in enumerate(order)}
    return BisectingKMeans(
        tuple(nodes[i] for i in order),
        np.array([centres[i] for i in order]),
        tuple(tuple(place[child] for child in children[i]) for i in order),
    )
