"""Test whether customers form segments, or a continuum that segments only cut into pieces.

The test is the gap statistic (Tibshirani, Walther, Hastie 2001): how much better clusters fit the
customers than customers without structure. The reference has the customers' own marginals and rank
correlations (a Gaussian copula), so that neither skewed features nor related ones pass for
segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans

# Customers to test on: more add little, and fits stay quick. Fewer than FEWEST say nothing.
POINTS, FEWEST = 1_000, 50
KS = (2, 4, 6, 8)
# Segments have a gap of 0.15 at least, which is 14% less cost, beyond chance (the 1% level of
# Student's t with 18 degrees of freedom). Features are related in more ways than correlations say,
# so that customers without segments have gaps of up to 0.08; planted types have 0.45.
_LEAST_GAP, _LEAST_SCORE = 0.15, 2.55
_REFERENCES = 19
_SETTINGS = FitSettings(starts=1, max_iterations=20, tolerance=1e-2)


@dataclass(frozen=True)
class Structure:
    """The best of the gaps over k, compared with references without structure.

    `gap`: how much lower the logarithm of the within-cluster cost is than the references' mean.
    `score`: the gap in standard deviations of the references.
    """

    k: int
    gap: float
    score: float

    @property
    def is_continuum(self) -> bool:
        """Whether clusters fit no better than they would fit customers without structure."""
        return self.gap < _LEAST_GAP or self.score < _LEAST_SCORE

    @property
    def words(self) -> str | None:
        """The warning about a continuum."""
        if not self.is_continuum:
            return None
        return (
            "these customers form a continuum, of which segments are cuts: clusters fit them hardly"
            f" better than customers without structure (gap {self.gap:.2f} at k = {self.k};"
            f" segments have {_LEAST_GAP} or more)"
        )


def structure(points: np.ndarray, seed: int, ks: Sequence[int] = KS) -> Structure | None:
    """Return the gap statistic of points, for the k at which it is largest.

    None for fewer than FEWEST different points.
    """
    if len(np.unique(points, axis=0)) < FEWEST:
        return None
    rng = generator(seed, len(points))
    log_costs = _log_costs(points, ks, generator(seed, 0))
    draw = Copula(points)
    references = np.array([_log_costs(draw(rng), ks, rng) for _ in range(_REFERENCES)])
    gaps = references.mean(axis=0) - log_costs
    spread = references.std(axis=0, ddof=1) * np.sqrt(1 + 1 / _REFERENCES)
    best = int(np.argmax(gaps))
    return Structure(ks[best], float(gaps[best]), float(gaps[best] / max(spread[best], 1e-12)))


class Copula:
    """Draws points with the marginals and the rank correlations of others, and nothing else."""

    def __init__(self, points: np.ndarray) -> None:
        self._sorted = np.sort(points, axis=0)
        ranks = np.apply_along_axis(_ranks, 0, points)
        scores = ndtri(ranks / (len(points) + 1))
        centred = scores - scores.mean(axis=0)
        deviations = np.sqrt((centred * centred).mean(axis=0))
        scaled = centred / np.where(deviations > 0, deviations, 1)
        products = [[float((a * b).mean()) for a in scaled.T] for b in scaled.T]
        variances, directions = np.linalg.eigh(np.array(products))
        self._root = directions * np.sqrt(np.maximum(variances, 0))

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        """As many points as there were."""
        normal = rng.normal(size=self._sorted.shape) @ self._root.T
        ranks = np.argsort(np.argsort(normal, axis=0), axis=0)
        return np.asfortranarray(np.take_along_axis(self._sorted, ranks, axis=0))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Rank values from 1, equal ones by their mean rank: without scipy.stats, which every run would
    import for this alone.
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places])


def _log_costs(points: np.ndarray, ks: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    costs = [kmeans(points, k, _SETTINGS, rng).cost for k in ks]
    return np.log(np.maximum(costs, 1e-300))
