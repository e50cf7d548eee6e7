"""The choice of k from candidates, in words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from custseg_spark.core.clustering.indices import Indices
from custseg_spark.core.clustering.selection import (
    Candidate,
    SelectionRules,
    Verdict,
    choose,
    k_range,
)
from custseg_spark.core.clustering.stability import Stability

UNFITTED: Any = None
RULES = SelectionRules()


def candidate(k: int, silhouette: float, *sizes: int) -> Candidate:
    everyone = Indices(sizes, 0.1, 1.0, 1.0, 1.0, 1.0)
    informed = Indices(sizes, silhouette, 1.0, 1.0, 1.0, 1.0)
    return Candidate("kmeans", k, UNFITTED, everyone, informed)


def stabilities(by_k: Mapping[int, float]) -> Callable[[Candidate], Stability]:
    def measure(tried: Candidate) -> Stability:
        value = by_k.get(tried.k, 0.9)
        return Stability((value,) * tried.k, value, value)

    return measure


def chosen(
    tried: Sequence[Candidate],
    by_k: Mapping[int, float] | None = None,
    previous_k: int | None = None,
    rules: SelectionRules = RULES,
) -> Verdict:
    verdicts = choose(tried, rules, previous_k=previous_k, measure=stabilities(by_k or {}))
    [best] = [v for v in verdicts if v.chosen]
    return best


def test_the_best_silhouette_wins_among_those_without_a_tiny_cluster() -> None:
    tried = [
        candidate(2, 0.50, 600, 400),
        candidate(3, 0.55, 500, 300, 200),
        candidate(4, 0.62, 500, 400, 95, 5),
    ]
    verdicts = choose(tried, RULES, previous_k=None, measure=stabilities({}))
    assert [v.chosen for v in verdicts] == [False, True, False]
    assert [v.why for v in verdicts] == [
        "silhouette 0.500, below 0.550 at k = 3",
        "the highest silhouette 0.550 of those that qualify, stability 0.90",
        "the smallest cluster holds 0.50% of the customers, less than 1.00%",
    ]


def test_an_unstable_k_loses_and_only_the_three_best_are_measured() -> None:
    tried = [candidate(k, k / 10, *[100] * k) for k in (2, 3, 4, 5)]
    verdicts = choose(tried, RULES, previous_k=None, measure=stabilities({5: 0.74, 4: 0.76}))
    assert [v.candidate.k for v in verdicts if v.chosen] == [4]
    assert verdicts[-1].why == "stability 0.74 is below 0.75: refits find other segments"
    assert [v.candidate.k for v in verdicts if v.stability is None] == [2]


def test_where_the_best_are_unstable_others_are_measured_until_one_is_stable() -> None:
    tried = [candidate(k, 1 - k / 10, *[100] * k) for k in (2, 3, 4, 5, 6, 7)]
    unstable = dict.fromkeys((2, 3, 4, 5), 0.5)
    verdicts = choose(tried, RULES, previous_k=None, measure=stabilities(unstable))
    assert [v.candidate.k for v in verdicts if v.chosen] == [6]
    assert [v.candidate.k for v in verdicts if v.stability is None] == [7]


def test_where_none_qualifies_the_best_is_taken_and_said_so() -> None:
    best = chosen([candidate(2, 0.9, 999, 1), candidate(3, 0.8, 998, 1, 1)])
    assert best.candidate.k == 2
    assert best.why.startswith(
        "the best of those tried, none of which qualifies: the smallest cluster holds 0.10%"
    )
    assert best.flaw is not None
    unstable = chosen([candidate(2, 0.9, 500, 500)], {2: 0.5})
    assert unstable.flaw == "stability 0.50 is below 0.75: refits find other segments"
    assert chosen([candidate(2, 0.9, 500, 500)]).flaw is None


def test_the_previous_k_stays_unless_another_is_better_by_the_margin() -> None:
    tried = [candidate(2, 0.500, 60, 40), candidate(3, 0.515, 50, 30, 20)]
    kept = chosen(tried, previous_k=2)
    assert kept.candidate.k == 2
    assert kept.why == (
        "the previous run's k, kept: silhouette 0.500, and k = 3 beats it by less than 0.02 (0.515)"
    )
    assert chosen(tried, previous_k=2, rules=SelectionRules(switch_margin=0.01)).candidate.k == 3
    assert chosen(tried, {2: 0.6}, previous_k=2).candidate.k == 3


def test_the_previous_k_is_measured_even_beyond_the_three_best() -> None:
    tried = [candidate(k, 0.5 + k / 1000, *[100] * k) for k in (2, 3, 4, 5, 6)]
    assert chosen(tried, previous_k=2).candidate.k == 2


def test_at_a_tie_the_smaller_k_wins() -> None:
    assert chosen([candidate(3, 0.5, 4, 3, 3), candidate(2, 0.5, 5, 5)]).candidate.k == 2


def test_why_not_the_better_or_equal_ones() -> None:
    near = [candidate(2, 0.500, 60, 40), candidate(3, 0.515, 50, 30, 20)]
    verdicts = choose(near, RULES, previous_k=2, measure=stabilities({}))
    assert verdicts[1].why == (
        "silhouette 0.515, less than 0.02 above 0.500 at k = 2, the previous run's k"
    )
    equal = [candidate(2, 0.5, 5, 5), candidate(3, 0.5, 4, 3, 3)]
    verdicts = choose(equal, RULES, previous_k=None, measure=stabilities({}))
    assert verdicts[1].why == "silhouette 0.500, no better than 0.500 at k = 2"


def test_k_never_exceeds_the_distinct_points() -> None:
    assert k_range(None, 2, 8, 100) == [2, 3, 4, 5, 6, 7, 8]
    assert k_range(None, 2, 8, 4) == [2, 3, 4]
    assert k_range(5, 2, 8, 3) == [3]
    assert k_range(None, 4, 8, 3) == [3]


def test_the_reason_for_a_given_k_is_that_it_was_given() -> None:
    best = chosen([candidate(2, 0.5, 60, 40)], rules=SelectionRules(is_k_given=True))
    assert best.why == "k was given; silhouette 0.500"
