"""Sample sizes, powers and smallest effects: published values, and each other."""

import pytest
from scipy import stats

from custseg_spark.core.experiments.power import (
    Design,
    mean_customers,
    mean_detectable,
    mean_power,
    rate_customers,
    rate_detectable,
    rate_power,
)

EVEN = Design(0.5, 0.95, 0.8)


def test_shares_have_the_sizes_and_powers_of_r_s_manual() -> None:
    # R, power.prop.test, examples: 50 a group of 50% and 75%; n for 90%; n for 50% and 50.1%.
    assert rate_power(EVEN, 100, 0.5, 0.75) == pytest.approx(0.740, abs=5e-4)
    assert rate_customers(Design(power=0.9), 0.5, 0.75) == pytest.approx(2 * 76.7, abs=0.1)
    found = rate_customers(Design(confidence=0.999, power=0.9), 0.5, 0.501)
    assert found == pytest.approx(2 * 10_451_937, abs=2)


def test_means_have_the_sizes_and_powers_of_r_s_manual_and_of_cohen() -> None:
    # R, power.t.test, examples: 20 a group, a difference of one deviation; n for 90%.
    assert mean_power(EVEN, 40, 1.0, 1.0) == pytest.approx(0.8689528, abs=5e-7)
    assert mean_customers(Design(power=0.9), 1.0, 1.0) == pytest.approx(2 * 22.02110, abs=1e-4)
    # Cohen (1988), table 2.4.1: 64 a group for half a deviation.
    assert mean_customers(EVEN, 0.5, 1.0) == pytest.approx(2 * 63.766, abs=1e-3)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5, 0.8])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_what_so_many_customers_show_takes_so_many_customers(
    share: float, confidence: float
) -> None:
    design = Design(share, confidence, 0.8)
    for customers in (400, 30_000, 2_000_000):
        rise = rate_detectable(design, customers, 0.04)
        assert rise is not None
        assert rate_power(design, customers, 0.04, 0.04 + rise) == pytest.approx(0.8, abs=1e-9)
        assert rate_customers(design, 0.04, 0.04 + rise) == pytest.approx(customers, rel=1e-6)
        effect = mean_detectable(design, customers, 19.0)
        assert effect is not None
        assert mean_power(design, customers, effect, 19.0) == pytest.approx(0.8, abs=1e-9)
        # Where Student's distribution gives way to the normal one nothing jumps.
        assert mean_customers(design, effect, 19.0) == pytest.approx(customers, rel=1e-3)


def test_an_uneven_split_is_the_two_sample_test_of_these_groups() -> None:
    # 300 treated, 60 held back: the noncentral t by hand.
    shift, freedom = 0.4 / (1 / 300 + 1 / 60) ** 0.5, 358
    expected = stats.nct.sf(stats.t.ppf(0.975, freedom), freedom, shift)
    found = mean_power(Design(60 / 360), 360, 0.4, 1.0)
    assert found == pytest.approx(expected, rel=1e-9)


def test_what_can_t_be_shown_is_none() -> None:
    assert rate_detectable(EVEN, 4, 0.9) is None
    assert rate_customers(EVEN, 0.1, 0.1) is None
    assert mean_customers(EVEN, 0.0, 1.0) is None
    assert mean_power(EVEN, 2, 5.0, 1.0) == 0.0


def test_without_variance_any_effect_shows() -> None:
    assert mean_detectable(EVEN, 100, 0.0) == 0.0
    assert (mean_power(EVEN, 100, 0.1, 0.0), mean_power(EVEN, 100, 0.0, 0.0)) == (1.0, 0.0)
