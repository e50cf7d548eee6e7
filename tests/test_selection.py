"""The choice of k from candidates, in words."""

from typing import Any

from custseg_spark.config import ModelConfig
from custseg_spark.models.indices import Indices
from custseg_spark.models.selection import Candidate, choose, k_range

UNFITTED: Any = None


def candidate(k: int, silhouette: float, *sizes: int) -> Candidate:
    return Candidate("kmeans", k, UNFITTED, Indices(sizes, silhouette, 1.0, 1.0, 1.0))


def test_the_best_silhouette_wins_among_those_without_a_tiny_cluster() -> None:
    tried = [
        candidate(2, 0.50, 600, 400),
        candidate(3, 0.55, 500, 300, 200),
        candidate(4, 0.62, 500, 400, 95, 5),
    ]
    verdicts = choose(tried, ModelConfig())
    assert [v.chosen for v in verdicts] == [False, True, False]
    assert [v.why for v in verdicts] == [
        "silhouette 0.500, below 0.550 at k = 3",
        "highest silhouette, 0.550, with no cluster below 1%",
        "smallest cluster holds 0.50%, less than 1%",
    ]


def test_where_none_qualifies_the_best_is_taken_and_said_so() -> None:
    verdicts = choose([candidate(2, 0.9, 999, 1), candidate(3, 0.8, 998, 1, 1)], ModelConfig())
    assert verdicts[0].chosen
    assert verdicts[0].why.startswith("best of none that qualify: smallest cluster holds 0.10%")


def test_at_a_tie_the_smaller_k_wins() -> None:
    verdicts = choose([candidate(3, 0.5, 4, 3, 3), candidate(2, 0.5, 5, 5)], ModelConfig())
    assert [v.candidate.k for v in verdicts if v.chosen] == [2]


def test_k_never_exceeds_the_distinct_points() -> None:
    assert k_range(ModelConfig(), 100) == [2, 3, 4, 5, 6, 7, 8]
    assert k_range(ModelConfig(), 4) == [2, 3, 4]
    assert k_range(ModelConfig(k=5), 3) == [2]
