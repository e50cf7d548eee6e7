"""Effects adjusted by what customers did before the campaign: less noise, the same effect.

CUPED: Deng, Xu, Kohavi, Walker (2013), "Improving the sensitivity of online controlled experiments
by utilizing pre-experiment data", WSDM. An outcome loses `theta` times the covariate's deviation,
where theta is the regression's slope within the groups. As the groups were drawn by chance, the
covariate is the same in both on average, and the effect stays what it is.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from custseg_spark.core.experiments.intervals import Interval, welch


@dataclass(frozen=True)
class Paired:
    """A group's customers, and the sums of outcome y, covariate x, their squares and products."""

    customers: int
    y: Fraction
    x: Fraction
    yy: Fraction
    xx: Fraction
    xy: Fraction

    def spread(self, theta: Fraction) -> Fraction:
        """Return the sum of squared deviations of y - theta x from its mean; needs a customer."""
        n = self.customers
        yy, xx = self.yy - self.y**2 / n, self.xx - self.x**2 / n
        return yy - 2 * theta * (self.xy - self.x * self.y / n) + theta**2 * xx


@dataclass(frozen=True)
class Adjusted:
    """An effect with its interval; `variance_left` is the share of the variance that remains.

    Where the covariate says nothing, `theta` is 0 and all of the variance remains.
    """

    effect: Interval
    theta: float = 0.0
    variance_left: float | None = None


def adjusted(treated: Paired, control: Paired, confidence: float) -> Adjusted:
    """Compare the mean outcomes, adjusted by the covariate; unknown for a group of fewer than two.

    The interval is Welch's of y - theta x. Theta is estimated from the same customers. The bias is
    below one customer's weight: each group needs hundreds of customers, as Welch's interval itself
    does.
    """
    groups = (treated, control)
    if min(group.customers for group in groups) < 2:
        return Adjusted(Interval())
    theta = _theta(treated, control)
    means = [(group.y - theta * group.x) / group.customers for group in groups]
    errors = [
        float(group.spread(theta) / (group.customers - 1) / group.customers) for group in groups
    ]
    freedoms = (treated.customers - 1, control.customers - 1)
    plain = sum((group.spread(Fraction(0)) for group in groups), Fraction(0))
    left = sum((group.spread(theta) for group in groups), Fraction(0))
    effect = welch(float(means[0] - means[1]), (errors[0], errors[1]), freedoms, confidence)
    return Adjusted(effect, float(theta), float(left / plain) if plain else None)


def _theta(treated: Paired, control: Paired) -> Fraction:
    """Return the slope of y on x within the groups; 0 where x doesn't vary."""
    covariance = variance = Fraction(0)
    for group in (treated, control):
        covariance += group.xy - group.x * group.y / group.customers
        variance += group.xx - group.x**2 / group.customers
    return covariance / variance if variance else Fraction(0)


def variance_left(correlation: float) -> float:
    """Return the share of an outcome's variance that its pre-period leaves unexplained."""
    return max(0.0, 1 - math.pow(correlation, 2))
