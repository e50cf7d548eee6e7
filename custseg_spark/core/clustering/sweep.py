"""KMeans for each k on points in memory: the curves by which a person chooses k."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from custseg_spark.core.clustering import selection, stability
from custseg_spark.core.clustering.indices import indices_of
from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.models import KMeans
from custseg_spark.core.clustering.selection import Candidate, SelectionRules, Verdict
from custseg_spark.core.clustering.stability import Stability


@dataclass(frozen=True)
class Swept:
    """KMeans with k clusters on the points; `stability` is None if there were no refits."""

    candidate: Candidate
    stability: Stability | None

    @property
    def k(self) -> int:
        """The number of clusters."""
        return self.candidate.k

    @property
    def inertia(self) -> float:
        """The sum of squared distances to the nearest centre, in the units of the space."""
        return self.candidate.indices.within_cluster_cost

    @property
    def silhouette(self) -> float:
        """The mean silhouette with squared Euclidean distance."""
        return self.candidate.silhouette


def sweep(
    points: np.ndarray, ks: Sequence[int], settings: FitSettings, bootstraps: int
) -> list[Swept]:
    """Fit and measure KMeans for each k, by ascending k.

    A k is left out if there are fewer distinct points. Refits of resamples have one start each:
    their number and not their cost decides how well stability is known.
    """
    swept = []
    once = replace(settings, starts=1)
    for k in sorted(set(ks)):
        fit = kmeans(points, k, settings, generator(settings.seed, k))
        if len(fit.centres) < k:
            continue
        measured = indices_of(points, fit.labels)
        candidate = Candidate("kmeans", k, KMeans(fit.centres), measured, measured)
        refits = stability.resamples(points, "kmeans", k, bootstraps, once)
        swept.append(Swept(candidate, stability.stability(fit.labels, k, refits)))
    return swept


def verdicts(swept: Sequence[Swept], rules: SelectionRules) -> list[Verdict]:
    """Return why each k would be chosen or not, by the rules of a run; none without a k."""
    if not swept:
        return []
    measured = {one.k: one.stability for one in swept}
    candidates = [one.candidate for one in swept]
    return selection.choose(
        candidates, rules, previous_k=None, measure=lambda candidate: measured[candidate.k]
    )
