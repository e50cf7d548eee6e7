"""Intervals for looks at every day: published boundaries, and simulated paths."""

import math

import numpy as np
import pytest
from scipy import special

from custseg_spark.core.experiments.sequential import (
    MOST_DAYS,
    always_valid_confidence,
    crossing_probability,
    planned_confidence,
)


@pytest.mark.parametrize(
    ("looks", "pocock", "obrien"),
    # Jennison, Turnbull (2000), tables 2.1 and 2.3: two-sided, alpha = 0.05.
    [(2, 2.178, 1.977), (5, 2.413, 2.040), (10, 2.555, 2.087), (20, 2.672, 2.126)],
)
def test_published_boundaries_are_crossed_as_often_as_published(
    looks: int, pocock: float, obrien: float
) -> None:
    flat = [pocock] * looks
    falling = [obrien * math.sqrt(looks / look) for look in range(1, looks + 1)]
    # A constant of three decimals moves the probability by some hundredths of a percent.
    assert crossing_probability(flat) == pytest.approx(0.05, abs=1.5e-4)
    assert crossing_probability(falling) == pytest.approx(0.05, abs=1.5e-4)


def critical(confidence: float) -> float:
    return float(special.ndtri((1 + confidence) / 2))


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("days", [1, 7, 60])
def test_a_plan_misses_on_any_of_its_days_with_exactly_its_probability(
    days: int, confidence: float
) -> None:
    bounds = [critical(planned_confidence(d, days, confidence)) for d in range(1, days + 1)]
    assert crossing_probability(bounds) == pytest.approx(1 - confidence, abs=1e-7)


def test_one_planned_look_is_the_usual_interval() -> None:
    assert planned_confidence(1, 1, 0.95) == pytest.approx(0.95, abs=1e-9)


def test_the_longest_plan_is_as_exact() -> None:
    bounds = [critical(planned_confidence(d, MOST_DAYS, 0.95)) for d in range(1, MOST_DAYS + 1)]
    assert crossing_probability(bounds) == pytest.approx(0.05, abs=1e-7)


@pytest.mark.parametrize(("day", "days"), [(0, 7), (8, 7), (1, MOST_DAYS + 1)])
def test_a_look_beyond_a_plan_is_refused(day: int, days: int) -> None:
    with pytest.raises(ValueError, match="plan of"):
        planned_confidence(day, days, 0.95)


def test_always_valid_intervals_are_the_mixture_s() -> None:
    # Robbins (1970): a Brownian motion with a normal mixture of drifts, variance s, stays within
    # sqrt((t + 1/s) (ln(1 + s t) + 2 ln(1 / alpha))) for ever with 1 - alpha.
    s = 7.9366 / 28
    for day in (1, 28, 300):
        bound = math.sqrt((day + 1 / s) * (math.log(1 + s * day) + 2 * math.log(20)))
        expected = bound / math.sqrt(day)
        assert critical(always_valid_confidence(day, 0.95)) == pytest.approx(expected, rel=1e-4)


def missed(confidence_of: list[float], paths: int, seed: int) -> float:
    """The share of Brownian paths that an interval misses on some day."""
    rng = np.random.default_rng(seed)
    days = np.arange(1, len(confidence_of) + 1)
    steps = rng.normal(size=(paths, len(days))).cumsum(axis=1) / np.sqrt(days)
    bounds = [critical(confidence) for confidence in confidence_of]
    return float((np.abs(steps) > bounds).any(axis=1).mean())


def test_simulated_paths_are_held_on_all_days_together() -> None:
    days = 28
    looks = range(1, days + 1)
    planned = missed([planned_confidence(day, days, 0.95) for day in looks], 40_000, 1)
    always = missed([always_valid_confidence(day, 0.95) for day in range(1, 366)], 10_000, 2)
    usual = missed([0.95] * days, 10_000, 3)
    # Standard errors: 0.1, 0.2 and 0.4 points.
    assert planned == pytest.approx(0.05, abs=0.004)
    assert 0.005 < always < 0.05
    assert usual > 0.2, "or looking daily would do no harm"
