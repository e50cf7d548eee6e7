"""Power of campaigns: how many customers an effect takes, and which effect so many can show.

Shares of buyers: the normal test of two proportions with the pooled variance under the hypothesis
of no effect (Fleiss, Levin, Paik 2003, "Statistical Methods for Rates and Proportions", chapter 4).
Means: Student's t test by the noncentral t distribution (Cohen 1988). Both two-sided; the power
counts effects that are found with their right sign.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy import optimize, special, stats

# The search for a plan ends here: no campaign has more customers.
MOST_CUSTOMERS = 1e12
# From here on Student's distribution is the normal one to five digits, and scipy's noncentral
# one gets slow.
_NORMAL_FROM = 20_000


@dataclass(frozen=True)
class Design:
    """How customers are divided and compared: the share `control_share` is held back.

    `confidence` is that of one look; with daily looks each look has a higher one (`sequential`).
    """

    control_share: float = 0.5
    confidence: float = 0.95
    power: float = 0.8

    def groups(self, customers: float) -> tuple[float, float]:
        """Return the treated and the held-back customers."""
        return customers * (1 - self.control_share), customers * self.control_share


def rate_power(design: Design, customers: float, control: float, treated: float) -> float:
    """Return the power to tell two shares of buyers apart."""
    n_treated, n_control = design.groups(customers)
    pooled = (n_treated * treated + n_control * control) / customers
    null_error = math.sqrt(pooled * (1 - pooled) * (1 / n_treated + 1 / n_control))
    error = math.sqrt(treated * (1 - treated) / n_treated + control * (1 - control) / n_control)
    distance, critical = abs(treated - control), _critical(design)
    if error == 0:
        return float(distance > critical * null_error)
    return float(special.ndtr((distance - critical * null_error) / error))


def mean_power(design: Design, customers: float, effect: float, deviation: float) -> float:
    """Return the power to find a difference of means; `deviation` is that of each group."""
    n_treated, n_control = design.groups(customers)
    freedom = n_treated + n_control - 2
    if freedom <= 0 or min(n_treated, n_control) <= 1:
        return 0.0
    if deviation == 0:
        return float(effect != 0)
    shift = abs(effect) / (deviation * math.sqrt(1 / n_treated + 1 / n_control))
    if freedom > _NORMAL_FROM:
        return float(special.ndtr(shift - _critical(design)))
    critical = stats.t.ppf((1 + design.confidence) / 2, freedom)
    return float(stats.nct.sf(critical, freedom, shift))


def rate_customers(design: Design, control: float, treated: float) -> float | None:
    """Return how many customers it takes to tell two shares apart; None where none suffice."""
    return _smallest(lambda n: rate_power(design, n, control, treated), design, 4.0)


def mean_customers(design: Design, effect: float, deviation: float) -> float | None:
    """Return how many customers it takes to find a difference of means; None where none suffice."""
    return _smallest(lambda n: mean_power(design, n, effect, deviation), design, 4.0)


def rate_detectable(design: Design, customers: float, control: float) -> float | None:
    """Return the smallest rise of a share of buyers that so many customers can show.

    None where even everybody buying wouldn't be found.
    """
    effect = _smallest(
        lambda rise: rate_power(design, customers, control, control + rise),
        design,
        1e-12,
        1 - control,
    )
    return effect if customers else None


def mean_detectable(design: Design, customers: float, deviation: float) -> float | None:
    """Return the smallest difference of means that so many customers can show."""
    if deviation == 0:
        return 0.0
    effect = _smallest(lambda d: mean_power(design, customers, d, 1.0), design, 1e-9, 1e6)
    return None if effect is None else effect * deviation


def _critical(design: Design) -> float:
    return float(special.ndtri((1 + design.confidence) / 2))


def _smallest(
    power: Callable[[float], float], design: Design, low: float, high: float = MOST_CUSTOMERS
) -> float | None:
    """Return where a growing power reaches the design's, by logarithm; None beyond `high`."""
    if high <= low or power(high) < design.power:
        return None
    if power(low) >= design.power:
        return low

    def gap(logarithm: float) -> float:
        return power(math.exp(logarithm)) - design.power

    return math.exp(optimize.brentq(gap, math.log(low), math.log(high), xtol=1e-12))
