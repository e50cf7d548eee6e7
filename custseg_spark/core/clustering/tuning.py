"""Compare preparations, feature sets and k on one sample: silhouette, stability, smallest share.

The silhouette compares values of k in one space. Between spaces it says little, because fewer or
clipped features always look tidier. Stability (Hennig 2007) and the agreement with the usual
settings (adjusted Rand index) can be compared between spaces.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.clustering import preparation, stability
from custseg_spark.core.clustering.indices import indices_of
from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.preparation import EVIDENCE, Feature, Rules

# The scaler of a prepared matrix: its factors, by kind.
_SPREADS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "standard": lambda matrix: matrix.std(axis=0, ddof=1),
    "robust": lambda matrix: np.subtract(*np.percentile(matrix, [75, 25], axis=0)),
}


@dataclass(frozen=True)
class Space:
    """A way to prepare customers: its name, the features, and the rules."""

    name: str
    features: tuple[Feature, ...]
    rules: Rules


@dataclass(frozen=True)
class Tried:
    """One space and k: indices of the sample, stability over bootstrap refits, agreement.

    `agreement` is the adjusted Rand index with the first space's clustering of the same k. `flaw`
    is the objection to it by the rules of a run. `seconds` is the time of fit and refits.
    """

    space: str
    transform: str
    clip: str
    scaling: str
    features: int
    k: int
    silhouette: float
    davies_bouldin: float | None
    smallest_share: float
    stability: float | None
    agreement: float
    flaw: str | None
    seconds: float


@dataclass(frozen=True)
class Bars:
    """The requirements of a candidate, and how it is measured."""

    min_cluster_share: float = 0.01
    min_stability: float = 0.75
    bootstraps: int = 10


def tried(
    columns: Mapping[str, np.ndarray],
    spaces: Sequence[Space],
    ks: Sequence[int],
    bars: Bars,
    settings: FitSettings,
    seconds: Callable[[], float],
) -> Iterator[Tried]:
    """Yield each space and k once it is measured.

    `columns` are a sample's raw features with the evidence, NaN for null; `seconds` reads a clock.
    A space without a feature that varies is left out.
    """
    usual: dict[int, np.ndarray] = {}
    for space in spaces:
        points = _points(columns, space)
        if points is None:
            continue
        distinct = len(np.unique(points, axis=0))
        for k in (k for k in ks if k <= distinct):
            began = seconds()
            fit = kmeans(points, k, settings, generator(settings.seed, k))
            refits = stability.resamples(points, "kmeans", k, bars.bootstraps, settings)
            labels = fit.labels
            usual.setdefault(k, labels)
            measured = stability.stability(labels, len(fit.centres), refits)
            indices = indices_of(points, labels)
            share = min(indices.sizes) / len(points)
            mean = measured.mean if measured else None
            yield Tried(
                space=space.name,
                transform=space.rules.transform,
                clip=space.rules.clip,
                scaling=space.rules.scaling,
                features=points.shape[1],
                k=k,
                silhouette=indices.silhouette,
                davies_bouldin=indices.davies_bouldin,
                smallest_share=share,
                stability=mean,
                agreement=stability.adjusted_rand_index(usual[k], labels),
                flaw=_flaw(share, mean, bars),
                seconds=seconds() - began,
            )


def best(candidates: Sequence[Tried]) -> Tried | None:
    """Return the candidate without a flaw of the highest stability x silhouette; None without any.

    The product asks for both: a tidy clustering that other samples don't find is no better than a
    steady one that doesn't separate customers.
    """
    sound = [candidate for candidate in candidates if candidate.flaw is None]
    return max(sound, key=_worth, default=None)


def _worth(candidate: Tried) -> tuple[float, int]:
    return (
        candidate.silhouette * (candidate.stability if candidate.stability is not None else 1.0),
        -candidate.k,
    )


def _flaw(share: float, mean: float | None, bars: Bars) -> str | None:
    if share < bars.min_cluster_share:
        return f"smallest {share:.2%}"
    if mean is not None and mean < bars.min_stability:
        return f"stability {mean:.2f}"
    return None


def _points(columns: Mapping[str, np.ndarray], space: Space) -> np.ndarray | None:
    """Return the sample as points of the space; None where no feature varies."""
    wanted = {name: columns[name] for name in (*(f.name for f in space.features), EVIDENCE)}
    prepared = preparation.learn(wanted, space.features, space.rules)
    if not prepared.features:
        return None
    matrix = preparation.matrix(prepared, wanted)
    spread = _SPREADS[space.rules.scaling](matrix)
    factors = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    return np.asfortranarray(matrix * factors)
