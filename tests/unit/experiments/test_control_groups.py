"""Control groups of several campaigns: shares, and independence of each other."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from custseg_spark.core.experiments.assignment import held_back

IDS = pl.Series("customer_id", [f"c{n}" for n in range(100_000)])
LABELS = ("spring", "summer", "2021-04-01", "2021-05-01", "spring ", "Spring", "vip", "")


def group(label: str, share: float = 0.3) -> np.ndarray:
    return held_back(IDS, label, share).to_numpy()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.999])
def test_a_group_has_its_share(share: float) -> None:
    count = int(group("spring", share).sum())
    assert abs(count - 100_000 * share) <= 4 * (100_000 * share * (1 - share)) ** 0.5


def test_a_larger_share_holds_the_same_customers_back_and_more() -> None:
    small, large = group("spring", 0.1), group("spring", 0.3)
    assert not (small & ~large).any()


def test_groups_of_different_labels_are_independent() -> None:
    groups = {label: group(label) for label in LABELS}
    chances = [
        stats.chi2_contingency(np.histogram2d(groups[a], groups[b], bins=2)[0]).pvalue
        for a, b in combinations(LABELS, 2)
    ]
    # Of 28 pairs the least likely is above 1 in 28 x 100 with 99 %.
    assert min(chances) > 0.01 / len(chances)
    assert stats.kstest(chances, "uniform").pvalue > 0.01


def test_three_campaigns_at_once_cross_in_all_ways() -> None:
    cells = sum(group(label, 0.5).astype(int) << place for place, label in enumerate(LABELS[:3]))
    assert stats.chisquare(np.bincount(cells, minlength=8)).pvalue > 0.001


def test_a_customer_s_group_depends_on_nobody_else() -> None:
    some = held_back(IDS[500:600], "spring", 0.3)
    assert some.to_list() == group("spring")[500:600].tolist()
    assert held_back(IDS[:0], "spring", 0.3).to_list() == []
