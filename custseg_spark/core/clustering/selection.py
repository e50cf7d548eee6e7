"""Choose k among fitted clusterings, with reasons."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from custseg_spark.core.clustering.indices import Indices
from custseg_spark.core.clustering.models import ClusterModel
from custseg_spark.core.clustering.stability import Stability
from custseg_spark.core.clustering.stay_curves import StayCurve


@dataclass(frozen=True)
class SelectionRules:
    """Requirements for a candidate; `is_k_given`: the configuration gives one k."""

    min_cluster_share: float = 0.01
    min_stability: float = 0.75
    stability_candidates: int = 3
    switch_margin: float = 0.02
    is_k_given: bool = False


@dataclass(frozen=True)
class Candidate:
    """One fitted clustering, its quality on all customers and on the informed ones."""

    algorithm: str
    k: int
    model: ClusterModel
    indices: Indices
    informed: Indices

    @property
    def smallest_share(self) -> float:
        """The share of customers in the smallest cluster."""
        return min(self.indices.sizes) / sum(self.indices.sizes)

    @property
    def silhouette(self) -> float:
        """The silhouette of the informed customers, by which candidates are ranked."""
        return self.informed.silhouette


@dataclass(frozen=True)
class Euclidean:
    """The silhouette with Euclidean distances, of a sample of all customers."""

    silhouette: float | None
    customers: int


@dataclass(frozen=True)
class Verdict:
    """A candidate, its stability if measured, and the reason why it was chosen or not.

    `flaw` is the objection to it; the chosen candidate has one only if every candidate has.
    `euclidean` and `stay_curves` (by cluster) are measured for chosen ones.
    """

    candidate: Candidate
    stability: Stability | None
    chosen: bool
    why: str
    flaw: str | None = None
    euclidean: Euclidean | None = None
    stay_curves: tuple[StayCurve, ...] = ()


def k_range(k: int | None, k_min: int, k_max: int, distinct_points: int) -> list[int]:
    """Return the k's to try: the given one or the range, up to the number of distinct points."""
    ks = [k] if k else list(range(k_min, k_max + 1))
    return [k for k in ks if k <= distinct_points] or [min(ks[0], distinct_points)]


def choose(
    tried: Sequence[Candidate],
    rules: SelectionRules,
    *,
    previous_k: int | None,
    measure: Callable[[Candidate], Stability | None],
) -> list[Verdict]:
    """Return one verdict per candidate of a single algorithm.

    Of the candidates whose smallest cluster is large enough, the `stability_candidates` best by
    silhouette (and the previous k) are measured for stability, then the next best until one is
    stable. The best stable candidate is chosen, but the previous k is kept unless the best beats it
    by `switch_margin`: noise must not create ids. If none qualifies, the best one is chosen, and
    its `flaw` says what is wrong.
    """
    by_silhouette = sorted(tried, key=lambda c: (-c.silhouette, c.k))
    large = [c for c in by_silhouette if c.smallest_share >= rules.min_cluster_share]
    stability: dict[int, Stability | None] = {}
    stable: list[Candidate] = []
    for candidate in large:
        is_wanted = len(stability) < rules.stability_candidates or not stable
        if is_wanted or candidate.k == previous_k:
            stability[candidate.k] = measure(candidate)
            if _is_stable(stability[candidate.k], rules):
                stable.append(candidate)
    best = (stable or large or by_silhouette)[0]
    kept = next((c for c in stable if c.k == previous_k), best)
    chosen = kept if best.silhouette - kept.silhouette < rules.switch_margin else best
    words = _Words(rules, best, chosen)
    return [
        Verdict(
            c,
            stability.get(c.k),
            c is chosen,
            words.why(c, stability.get(c.k)),
            words.flaw(c, stability.get(c.k)),
        )
        for c in tried
    ]


def _is_stable(stability: Stability | None, rules: SelectionRules) -> bool:
    # Unmeasured stability (bootstraps = 0, or an algorithm without refits) can't disqualify.
    return stability is None or stability.mean >= rules.min_stability


@dataclass(frozen=True)
class _Words:
    """The reasons why a candidate of one algorithm was chosen or not."""

    rules: SelectionRules
    best: Candidate
    chosen: Candidate

    def flaw(self, candidate: Candidate, stability: Stability | None) -> str | None:
        minimum = self.rules.min_cluster_share
        if candidate.smallest_share < minimum:
            share = f"{candidate.smallest_share:.2%}"
            return f"the smallest cluster holds {share} of the customers, less than {minimum:.2%}"
        if not _is_stable(stability, self.rules):
            assert stability is not None
            least = self.rules.min_stability
            return (
                f"stability {stability.mean:.2f} is below {least:.2f}: refits find other segments"
            )
        return None

    def why(self, candidate: Candidate, stability: Stability | None) -> str:
        flaw, score = self.flaw(candidate, stability), f"silhouette {candidate.silhouette:.3f}"
        if candidate is self.chosen:
            if flaw:
                return f"the best of those tried, none of which qualifies: {flaw}; {score}"
            if self.rules.is_k_given:
                return f"k was given; {score}"
            if candidate is not self.best:
                return (
                    f"the previous run's k, kept: {score}, and k = {self.best.k} beats it by less"
                    f" than {self.rules.switch_margin} ({self.best.silhouette:.3f})"
                )
            steady = f", stability {stability.mean:.2f}" if stability else ""
            return f"the highest {score} of those that qualify{steady}"
        if flaw:
            return flaw
        other = f"{self.chosen.silhouette:.3f} at k = {self.chosen.k}"
        if candidate.silhouette < self.chosen.silhouette:
            return f"{score}, below {other}"
        if self.chosen is self.best:
            return f"{score}, no better than {other}"
        return f"{score}, less than {self.rules.switch_margin} above {other}, the previous run's k"
