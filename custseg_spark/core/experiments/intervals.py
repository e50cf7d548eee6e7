"""Differences between a treated and a control group, with confidence intervals.

Rates: Newcombe (1998), "Interval estimation for the difference between independent proportions",
Statistics in Medicine 17, method 10, which holds for few customers and for rates near 0. Means:
Welch's t interval; spend is skewed, so it needs some hundreds of customers per group.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from scipy import stats


@dataclass(frozen=True)
class Group:
    """A group's number of customers and of buyers, and the sums of spend and of its squares."""

    customers: int
    buyers: int
    spend: Fraction
    squares: Fraction

    @property
    def rate(self) -> float | None:
        """Buyers per customer; None without customers."""
        return self.buyers / self.customers if self.customers else None

    @property
    def mean(self) -> float | None:
        """Spend per customer; None without customers."""
        return float(self.spend / self.customers) if self.customers else None

    @property
    def squared_error(self) -> float:
        """The square of the mean's standard error; needs two customers."""
        n = self.customers
        return float((self.squares - self.spend**2 / n) / (n - 1) / n)


@dataclass(frozen=True)
class Interval:
    """A difference, treated minus control, with its limits; None where unknown."""

    difference: float | None = None
    low: float | None = None
    high: float | None = None


def rate_difference(treated: Group, control: Group, confidence: float) -> Interval:
    """Compare the shares of buyers: Wilson's limits of the two rates, combined by Newcombe."""
    if treated.rate is None or control.rate is None:
        return Interval()
    difference = treated.rate - control.rate
    low_t, high_t = _wilson(treated, confidence)
    low_c, high_c = _wilson(control, confidence)
    return Interval(
        difference,
        difference - math.hypot(treated.rate - low_t, high_c - control.rate),
        difference + math.hypot(high_t - treated.rate, control.rate - low_c),
    )


def spend_difference(treated: Group, control: Group, confidence: float) -> Interval:
    """Compare the mean spends by Welch's interval; no limits for fewer than two in a group."""
    if treated.mean is None or control.mean is None:
        return Interval()
    difference = treated.mean - control.mean
    if min(treated.customers, control.customers) < 2:
        return Interval(difference)
    errors = (treated.squared_error, control.squared_error)
    freedoms = (treated.customers - 1, control.customers - 1)
    return welch(difference, errors, freedoms, confidence)


def welch(
    difference: float, errors: tuple[float, float], freedoms: tuple[int, int], confidence: float
) -> Interval:
    """Return Welch's interval of two means, from their squared standard errors."""
    total = sum(errors)
    if total == 0:
        return Interval(difference, difference, difference)
    freedom = total**2 / sum(e**2 / f for e, f in zip(errors, freedoms, strict=True))
    half = float(stats.t.ppf((1 + confidence) / 2, freedom)) * math.sqrt(total)
    return Interval(difference, difference - half, difference + half)


def _wilson(group: Group, confidence: float) -> tuple[float, float]:
    """Return the score interval of a rate (Wilson 1927)."""
    n, rate = group.customers, group.buyers / group.customers
    z = float(stats.norm.ppf((1 + confidence) / 2))
    half = z * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    middle, scale = rate + z**2 / (2 * n), 1 + z**2 / n
    return (middle - half) / scale, (middle + half) / scale
