"""Resamples that stability is measured by (Hennig 2007): bootstrap, subset, noise, jitter.

Noise and jitter are in proportion to the points in the directions of their principal components,
each scaled to variance one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# The share of points that noise replaces, and how far it reaches, in standard deviations.
_NOISE_SHARE, _NOISE_REACH = 0.05, 4.0
# Jitter's deviation: this quantile of the distances between neighbouring points in a direction.
_JITTER_QUANTILE = 0.05
# Below this share of the variance, a direction is rounding.
_NO_VARIANCE = 1e-12


@dataclass(frozen=True)
class Drawn:
    """The points of a refit, with their weights.

    The refit's labels of the points at `compared` (all, if None) are compared with the clustering's
    of the original points at `rows`.
    """

    points: np.ndarray
    rows: np.ndarray
    weights: np.ndarray | None = None
    compared: np.ndarray | None = None


def bootstrap(points: np.ndarray, rng: np.random.Generator) -> Drawn:
    """Draw as many points as there are, with replacement."""
    times = np.bincount(rng.integers(0, len(points), len(points)), minlength=len(points))
    rows = np.flatnonzero(times)
    # A point drawn twice gets weight two: quicker, with the same result.
    return Drawn(points[rows], rows, times[rows].astype(float))


def subset(points: np.ndarray, rng: np.random.Generator) -> Drawn:
    """Draw half of the points."""
    rows = np.sort(rng.choice(len(points), max(len(points) // 2, 1), replace=False))
    return Drawn(points[rows], rows)


def noise(points: np.ndarray, rng: np.random.Generator) -> Drawn:
    """Replace a twentieth of the points by noise, even over four standard deviations each way."""
    sphere = _Sphere(points)
    is_noise = rng.random(len(points)) < _NOISE_SHARE
    scores = rng.uniform(-_NOISE_REACH, _NOISE_REACH, (int(is_noise.sum()), sphere.dimensions))
    noisy = points.copy(order="F")
    noisy[is_noise] = sphere.points(scores)
    rows = np.flatnonzero(~is_noise)
    return Drawn(noisy, rows, compared=rows)


def jitter(points: np.ndarray, rng: np.random.Generator) -> Drawn:
    """Add normal noise to each point, as small as the distances between near neighbours."""
    sphere = _Sphere(points)
    gaps = np.diff(np.sort(sphere.scores, axis=0), axis=0)
    deviations = np.quantile(gaps, _JITTER_QUANTILE, axis=0) if len(gaps) else 0.0
    moved = sphere.scores + rng.normal(size=sphere.scores.shape) * deviations
    return Drawn(sphere.points(moved), np.arange(len(points)))


# The scheme that decides stability, and all schemes by name.
BOOTSTRAP = "bootstrap"
SCHEMES: dict[str, Callable[[np.ndarray, np.random.Generator], Drawn]] = {
    BOOTSTRAP: bootstrap,
    "subset": subset,
    "noise": noise,
    "jitter": jitter,
}


class _Sphere:
    """Points in the directions of their principal components, each scaled to variance one.

    Without BLAS, whose sums depend on the number of cores.
    """

    def __init__(self, points: np.ndarray) -> None:
        self._mean = points.mean(axis=0)
        centred = np.asfortranarray(points - self._mean)
        variances, directions = np.linalg.eigh(_covariance(centred))
        varies = variances > _NO_VARIANCE * variances.max(initial=0.0)
        self._scales, self._directions = np.sqrt(variances[varies]), directions[:, varies]
        self.dimensions = len(self._scales)
        self.scores = _combined(centred, self._directions / self._scales)

    def points(self, scores: np.ndarray) -> np.ndarray:
        """Points of the original space."""
        return np.asarray(self._mean + _combined(scores, (self._directions * self._scales).T))


def _covariance(centred: np.ndarray) -> np.ndarray:
    sums = [[float((a * b).sum()) for a in centred.T] for b in centred.T]
    return np.array(sums) / max(len(centred) - 1, 1)


def _combined(columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Multiply two matrices, adding column by column."""
    product = np.zeros((len(columns), weights.shape[1]), order="F")
    for column, row in zip(columns.T, weights, strict=True):
        for place, weight in enumerate(row):
            product[:, place] += weight * column
    return product
