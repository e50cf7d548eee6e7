"""Each cluster's size, mean and cost, without loss of digits and in a fixed order."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.clustering.distances import (
    blocks,
    column_sums_by_label,
    squared_lengths,
    sums_by_label,
)


@dataclass(frozen=True)
class Moments:
    """Per cluster: the number of points, their mean, and the sum of squared distances to it.

    Means are relative to `origin`, a point amid the data, so that data far from zero keep their
    digits.
    """

    origin: np.ndarray
    sizes: np.ndarray
    means: np.ndarray
    costs: np.ndarray

    @staticmethod
    def of(points: np.ndarray, labels: np.ndarray, k: int) -> "Moments":
        """Compute the moments of points and their clusters, in blocks of a fixed size merged in
        order.
        """
        parts = (_of_block(points[rows], labels[rows], k) for rows in blocks(len(points)))
        return functools.reduce(Moments.merged, parts)

    def merged(self, other: "Moments") -> "Moments":
        """Merge the moments of two sets of points (Chan, Golub, LeVeque 1979), relative to this
        one's origin.
        """
        gap = other.means + (other.origin - self.origin) - self.means
        sizes = self.sizes + other.sizes
        share = other.sizes / np.maximum(sizes, 1)
        moved = self.sizes * share * squared_lengths(gap)
        means = self.means + share[:, None] * gap
        return Moments(self.origin, sizes, means, self.costs + other.costs + moved)

    def clusters(self, first: int, last: int) -> "Moments":
        """Return the clusters from `first` up to and excluding `last`."""
        rows = slice(first, last)
        return Moments(self.origin, self.sizes[rows], self.means[rows], self.costs[rows])

    def centred(self) -> "Moments":
        """Return the moments relative to the largest cluster's mean, which no outlier moves far."""
        middle = self.origin + self.means[self.sizes.argmax()]
        return Moments(middle, self.sizes, self.means - (middle - self.origin), self.costs)

    @property
    def within(self) -> float:
        """The sum of squared distances of the points to their own centroid."""
        return float(self.costs.sum())

    @property
    def between(self) -> float:
        """The sum of squared distances of the points' centroids to the mean of all points."""
        middle = (self.sizes[:, None] * self.means).sum(axis=0) / self.sizes.sum()
        return float((self.sizes * squared_lengths(self.means - middle)).sum())

    @property
    def variance(self) -> float:
        """The mean squared distance of the points to the mean of all."""
        return (self.within + self.between) / float(self.sizes.sum())

    def flat(self) -> np.ndarray:
        """Return the moments as one array."""
        return np.concatenate([self.origin, self.sizes, self.costs, self.means.ravel()])

    @staticmethod
    def of_flat(values: np.ndarray, k: int) -> "Moments":
        """Rebuild the moments from `flat`."""
        dimensions = (len(values) - 2 * k) // (1 + k)
        origin, sizes, costs, means = np.split(values, np.cumsum([dimensions, k, k]))
        return Moments(origin, sizes, means.reshape(k, dimensions), costs)

    @staticmethod
    def flat_length(k: int, dimensions: int) -> int:
        """Return the length of `flat`."""
        return dimensions + k * (dimensions + 2)


def merged_in_order(buckets: Sequence[Sequence[Moments]]) -> list[Moments]:
    """Merge the moments of each clustering over all buckets, in bucket order."""
    return [functools.reduce(Moments.merged, parts) for parts in zip(*buckets, strict=True)]


def _of_block(points: np.ndarray, labels: np.ndarray, k: int) -> Moments:
    origin = points[0].copy()
    sizes = np.bincount(labels, minlength=k).astype(float)
    per_point = np.maximum(sizes, 1)[:, None]
    away = np.asfortranarray(points - origin)
    means = column_sums_by_label(away, labels, k) / per_point
    for j in range(away.shape[1]):
        away[:, j] -= means[labels, j]
    # A sum of equal values is not always a multiple of them; this removes the remainder.
    correction = column_sums_by_label(away, labels, k) / per_point
    squares = sums_by_label(squared_lengths(away), labels, k)
    costs = squares - sizes * squared_lengths(correction)
    return Moments(origin, sizes, means + correction, np.maximum(costs, 0))
