"""Lift against literal tables, Koopman's definition, another library's interval, and simulation."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats.contingency import relative_risk

from custseg_spark.core.insights.lift import lifts

Four = tuple[int, int, int, int]
# Of the segment, its customers, of the others, their number.
TABLES: list[Four] = [
    (36, 40, 16, 80),
    (5, 12, 3, 900),
    (1, 9, 40, 60),
    (2, 7, 0, 30),
    (7, 7, 2, 9),
]


def of(table: Four, confidence: float = 0.95) -> tuple[float, float, float]:
    x, n, y, m = (np.array([value]) for value in table)
    found = lifts(x, n, y, m, confidence)
    return float(found.lift[0]), float(found.low[0]), float(found.high[0])


def chi_square(ratio: float, table: Four) -> float:
    """Pearson's statistic of the hypothesis, its nuisance share found by a search of its own."""
    x, n, y, m = table

    def slope(q: float) -> float:
        return (x + y) / q - (n - x) * ratio / (1 - ratio * q) - (m - y) / (1 - q)

    most = min(1.0, 1 / ratio) * (1 - 1e-12)
    # The likeliest share may lie on the edge, where everybody of the segment has the product.
    q = most if slope(most) > 0 else brentq(slope, 1e-12, most, xtol=1e-15)
    p = ratio * q
    return float((x - n * p) ** 2 / (n * p * (1 - p)) + (y - m * q) ** 2 / (m * q * (1 - q)))


@pytest.mark.parametrize("table", TABLES)
def test_the_lower_end_is_the_ratio_that_the_score_test_just_rejects(table: Four) -> None:
    x, n, y, m = table
    w = n / (n + m)
    _, low, _ = of(table)
    ratio = low * (1 - w) / (1 - w * low)
    assert chi_square(ratio, table) == pytest.approx(norm.ppf(0.975) ** 2, rel=1e-6)
    assert ratio < (x / n) / (max(y, 1e-9) / m)


def test_koopmans_own_example() -> None:
    """Of 40 and 80: 36 and 16; the paper's interval of the ratio is (2.94, 7.15)."""
    lift, low, high = of((36, 40, 16, 80))
    assert lift == pytest.approx(0.9 / (52 / 120))

    def ratio(value: float) -> float:
        return value * (2 / 3) / (1 - value / 3)

    assert (ratio(low), ratio(high)) == (
        pytest.approx(2.94, abs=5e-3),
        pytest.approx(7.15, abs=5e-3),
    )


def test_in_large_groups_it_is_the_interval_of_logarithms() -> None:
    x, n, y, m = 40_000, 200_000, 90_000, 800_000
    katz = relative_risk(x, n, y, m).confidence_interval(0.95)
    _, low, high = of((x, n, y, m))
    for end, other in ((low, katz.low), (high, katz.high)):
        w = n / (n + m)
        assert end == pytest.approx(other / (w * other + 1 - w), rel=1e-4)


def test_nobody_and_everybody_have_ends() -> None:
    assert of((0, 10, 5, 90))[:2] == (0.0, 0.0)
    lift, low, high = of((3, 10, 0, 90))
    assert (lift, high) == (pytest.approx(10), pytest.approx(10))
    assert 1 < low < 10
    assert of((4, 10, 0, 0)) == (1.0, 1.0, 1.0)


def test_a_wider_confidence_has_a_wider_interval() -> None:
    _, low, high = of((5, 12, 3, 900), 0.8)
    _, lower, higher = of((5, 12, 3, 900), 0.99)
    assert lower < low < high < higher


def test_the_interval_covers_the_true_lift_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    n, m, p, q = 400, 3_600, 0.03, 0.01
    x, y = rng.binomial(n, p, 20_000), rng.binomial(m, q, 20_000)
    is_there = x + y > 0
    x, y = x[is_there], y[is_there]
    sizes = np.full(len(x), n), np.full(len(x), m)
    found = lifts(x, sizes[0], y, sizes[1], 0.95)
    true = p / ((n * p + m * q) / (n + m))
    covered = ((found.low <= true) & (true <= found.high)).mean()
    assert 0.94 <= covered <= 0.965
