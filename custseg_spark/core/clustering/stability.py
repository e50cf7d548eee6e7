"""Stability of a clustering over refits (Hennig 2007), and the adjusted Rand index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from custseg_spark.core.clustering.bisecting import bisecting_kmeans
from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.resampling import SCHEMES

# A cluster with a lower index is not to be relied on (Hennig).
RELIABLE_FROM = 0.6
# Hennig's words for a mean Jaccard index, each up to and excluding its bound.
_WORDS = ((RELIABLE_FROM, "unstable"), (0.75, "doubtful"))
_STABLE_TO = 0.85

# A Gaussian mixture isn't refitted here: its fit is not one of nearest centres, and twenty fits
# on Spark would take longer than the rest of the run.
_REFITS = {"kmeans": kmeans, "bisecting_kmeans": bisecting_kmeans}


@dataclass(frozen=True)
class Stability:
    """How well refits of resamples find the clusters of a clustering again, from 0 to 1.

    `jaccard` and `words` are by cluster, None for a cluster without a point in the sample. `mean`
    is over the other clusters. `adjusted_rand_index` is the mean over the refits. `others` is the
    `jaccard` by other schemes than the bootstrap, if measured.
    """

    jaccard: tuple[float | None, ...]
    mean: float
    adjusted_rand_index: float
    others: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str | None, ...]:
        """Each cluster's stability as a word."""
        return tuple(None if value is None else word(value) for value in self.jaccard)

    def of_scheme(self, scheme: str, cluster: int) -> float | None:
        """Return a cluster's Jaccard index by another scheme; None if not measured."""
        return self.others[scheme][cluster] if scheme in self.others else None

    def is_reliable(self, cluster: int) -> bool | None:
        """Whether no scheme finds the cluster unstable; None if none found it at all."""
        every = [self.jaccard[cluster], *(indices[cluster] for indices in self.others.values())]
        measured = [value for value in every if value is not None]
        return min(measured) >= RELIABLE_FROM if measured else None


def word(jaccard: float) -> str:
    """Return `unstable` below 0.6, `doubtful` below 0.75, `stable` up to 0.85, else `highly
    stable`.
    """
    for bound, name in _WORDS:
        if jaccard < bound:
            return name
    return "stable" if jaccard <= _STABLE_TO else "highly stable"


@dataclass(frozen=True)
class Resample:
    """The points drawn for one refit, its labels of them, from 0 to `k` - 1, and its centres."""

    drawn: np.ndarray
    labels: np.ndarray
    centres: np.ndarray

    @property
    def k(self) -> int:
        """The number of clusters that the refit found."""
        return len(self.centres)


def resamples(
    points: np.ndarray,
    algorithm: str,
    k: int,
    number: int,
    settings: FitSettings,
    scheme: str = "bootstrap",
) -> list[Resample]:
    """Refit a number of resamples by one of the SCHEMES.

    The result depends on the seed, k and the arguments alone. None for an algorithm that is not
    refitted.
    """
    if not is_refitted(algorithm) or not len(points):
        return []
    return [resample(points, algorithm, k, i, settings, scheme) for i in range(number)]


def is_refitted(algorithm: str) -> bool:
    """Whether the stability of an algorithm is measured."""
    return algorithm in _REFITS


def stability(labels: np.ndarray, k: int, refits: Sequence[Resample]) -> Stability | None:
    """Return the stability of a clustering against refits of resamples; None without any.

    `labels`, from 0 to k - 1, are the model's own labels of all points: a bisecting model puts one
    point in ten into its branch's cluster, not the nearest centre's. A cluster's index is the
    largest Jaccard index of its drawn points with any cluster of the refit.
    """
    if not refits:
        return None
    tables = [contingency(labels[r.drawn], r.labels, k, r.k) for r in refits]
    by_refit = np.array([_best_jaccard(table) for table in tables])
    counts = (~np.isnan(by_refit)).sum(axis=0)
    means = np.nansum(by_refit, axis=0) / np.maximum(counts, 1)
    return Stability(
        tuple(float(m) if c else None for m, c in zip(means, counts, strict=True)),
        float(means[counts > 0].mean()),
        float(np.mean([_adjusted_rand_index(table) for table in tables])),
    )


def adjusted_rand_index(first: np.ndarray, second: np.ndarray) -> float:
    """Measure how far two clusterings of the same points agree: 1 if equal, about 0 by chance.

    Hubert and Arabie (1985). Labels are any whole numbers.
    """
    rows, columns = np.unique(first, return_inverse=True), np.unique(second, return_inverse=True)
    return _adjusted_rand_index(
        contingency(rows[1], columns[1], len(rows[0]), len(columns[0])),
    )


def resample(
    points: np.ndarray,
    algorithm: str,
    k: int,
    number: int,
    settings: FitSettings,
    scheme: str = "bootstrap",
) -> Resample:
    """Return the refit of one resample, by its number."""
    rng = generator(settings.seed, k, number)
    drawn = SCHEMES[scheme](points, rng)
    refit = _REFITS[algorithm](drawn.points, k, settings, rng, drawn.weights)
    labels = refit.labels if drawn.compared is None else refit.labels[drawn.compared]
    return Resample(drawn.rows, labels, refit.centres)


def contingency(first: np.ndarray, second: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Count the points with each pair of labels: rows by the first, columns by the second."""
    pairs = np.bincount(first.astype(np.int64) * columns + second, minlength=rows * columns)
    return pairs.reshape(rows, columns)


def _best_jaccard(table: np.ndarray) -> np.ndarray:
    """Return by row the largest Jaccard index with a column; NaN for an empty row."""
    sizes = table.sum(axis=1)
    unions = sizes[:, None] + table.sum(axis=0) - table
    best = (table / np.maximum(unions, 1)).max(axis=1)
    return np.where(sizes > 0, best, np.nan)


def _adjusted_rand_index(table: np.ndarray) -> float:
    # Python integers, because the products exceed 64 bits from some 60,000 points on.
    together = _pairs(table)
    in_first, in_second = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    points = int(table.sum())
    every = points * (points - 1) // 2
    chance = 2 * in_first * in_second
    most = every * (in_first + in_second)
    if most == chance:
        # Both clusterings have one cluster, or one per point.
        return 1.0
    return (2 * every * together - chance) / (most - chance)


def _pairs(counts: np.ndarray) -> int:
    return int((counts * (counts - 1) // 2).sum())
