"""Adjusted effects: least squares and Welch's interval on the customers themselves."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from custseg_spark.core.experiments.cuped import Adjusted, Paired, adjusted
from custseg_spark.core.experiments.intervals import Interval


def paired(y: np.ndarray, x: np.ndarray) -> Paired:
    """Sums of whole numbers, so that they are exact."""
    sums = (y.sum(), x.sum(), (y * y).sum(), (x * x).sum(), (x * y).sum())
    return Paired(len(y), *(Fraction(int(value)) for value in sums))


def customers(seed: int, size: int, lift: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.poisson(40, size)
    return np.rint(0.7 * x + rng.normal(10 + lift, 5, size)).astype(int), x


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_effect_is_that_of_least_squares_with_the_covariate(confidence: float) -> None:
    (y_1, x_1), (y_0, x_0) = customers(1, 300, 3), customers(2, 80)
    found = adjusted(paired(y_1, x_1), paired(y_0, x_0), confidence)
    y, x = np.concatenate([y_1, y_0]), np.concatenate([x_1, x_0])
    is_treated = np.repeat([1, 0], [300, 80])
    _, effect, theta = np.linalg.lstsq(
        np.column_stack([np.ones(380), is_treated, x]), y, rcond=None
    )[0]
    assert found.theta == pytest.approx(theta, rel=1e-10)
    assert found.effect.difference == pytest.approx(effect, rel=1e-10)
    residuals = y - theta * x
    welch = stats.ttest_ind(residuals[:300], residuals[300:], equal_var=False)
    expected = welch.confidence_interval(confidence)
    assert found.effect.low == pytest.approx(expected.low, rel=1e-9)
    assert found.effect.high == pytest.approx(expected.high, rel=1e-9)


def test_a_tenth_of_the_variance_is_left_where_the_past_tells_nine_tenths() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(0, 3_000, 40_000)
    y = x + rng.normal(0, 1_000, 40_000)
    y, x = np.rint(y).astype(np.int64), np.rint(x).astype(np.int64)
    found = adjusted(paired(y[:30_000], x[:30_000]), paired(y[30_000:], x[30_000:]), 0.95)
    assert found.variance_left == pytest.approx(0.1, abs=0.01)


def test_a_past_without_purchases_changes_nothing() -> None:
    (y_1, _), (y_0, _) = customers(4, 50), customers(5, 60)
    nothing = [np.zeros(50, int), np.zeros(60, int)]
    found = adjusted(paired(y_1, nothing[0]), paired(y_0, nothing[1]), 0.95)
    plain = stats.ttest_ind(y_1, y_0, equal_var=False).confidence_interval(0.95)
    assert (found.theta, found.variance_left) == (0.0, 1.0)
    assert found.effect.low == pytest.approx(plain.low, rel=1e-12)


def test_fewer_than_two_customers_say_nothing() -> None:
    (y, x) = customers(6, 50)
    assert adjusted(paired(y, x), paired(y[:1], x[:1]), 0.95) == Adjusted(Interval())


def test_equal_customers_have_no_variance_to_take_from() -> None:
    y, x = np.full(9, 7), np.full(9, 3)
    found = adjusted(paired(y, x), paired(y, x), 0.95)
    assert found == Adjusted(Interval(0.0, 0.0, 0.0), 0.0, None)
