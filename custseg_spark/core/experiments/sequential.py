"""Intervals for daily looks, which may stop a campaign as soon as they are clear.

An interval made for one look, if looked at daily, misses the effect on some day far more often than
its confidence says. Two kinds of wider intervals keep their confidence over all days together:

* *Always valid*, for as long as one likes: the normal mixture boundary (Robbins 1970; as mSPRT in
  Johari, Koomen, Pekelis, Walsh 2022, "Always valid inference", Operations Research 70; as
  asymptotic confidence sequence in Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024, Annals of
  Statistics 52). The probability that they ever miss the effect is at most 1 - confidence.
* *Planned* for a number of days: repeated confidence intervals (Jennison, Turnbull 1989, JRSS B 51)
  with the same boundary, narrowed until the probability that they miss the effect on any of these
  days is exactly 1 - confidence. They are narrower, but of no use beyond the plan.

Both take the estimates of the days for a Brownian motion at the days: purchases of one day say
nothing about another day. Where customers differ lastingly, the days' estimates agree more than
that, and the intervals miss less often. Each look needs enough customers for its interval of one
look to hold.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import optimize, special

# The day that always valid intervals are made for: most campaigns are judged within two months.
AROUND = 28
# Points in which the paths' density is held between a boundary and 0.
_POINTS = 96
MOST_DAYS = 366


def always_valid_confidence(day: int, confidence: float) -> float:
    """Return the confidence of one look that is always valid at `confidence`.

    The intervals are narrowest, for their time, on day AROUND, and hardly wider within a factor of
    five of it.
    """
    return _of_one_look(_boundary(day / AROUND, 1 - confidence))


def planned_confidence(day: int, days: int, confidence: float) -> float:
    """Return the confidence of one look for intervals looked at on each of `days` days.

    Raises ValueError for a day beyond the plan.
    """
    if not 1 <= day <= days:
        raise ValueError(f"day {day} of a plan of {days} days")
    if days > MOST_DAYS:
        raise ValueError(f"a plan of {days} days, at most {MOST_DAYS}")
    scale = _scale(days, confidence)
    return _of_one_look(scale * _boundary(day / days, 1 - confidence))


def _boundary(progress: float, alpha: float) -> float:
    """Return how far an estimate may be off, in standard errors, by the share of the time gone.

    The mixture's variance is the one that makes the boundary narrowest at progress 1.
    """
    mixing = -2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))
    gone = 1 + mixing * progress
    return math.sqrt(gone / (gone - 1) * (math.log(gone) - 2 * math.log(alpha)))


def _of_one_look(critical: float) -> float:
    # Beyond 7.5 standard errors a double can't hold a confidence below 1.
    critical = min(critical, 7.5)
    return 1 - 2 * float(special.ndtr(-critical))


@lru_cache(maxsize=64)
def _scale(days: int, confidence: float) -> float:
    """Return the factor of the mixture's boundary with which a plan keeps its confidence."""
    alpha = 1 - confidence
    bounds = np.array([_boundary(day / days, alpha) for day in range(1, days + 1)])

    def excess(scale: float) -> float:
        return crossing_probability(scale * bounds) - alpha

    # The whole boundary is never left with that probability, a hundredth nearly always.
    return float(optimize.brentq(excess, 0.01, 1, xtol=1e-10))


def crossing_probability(bounds: Sequence[float] | np.ndarray) -> float:
    """Return how probably a Brownian motion leaves `bounds[d - 1]` x sqrt(d) on some day d.

    By the density of the paths that haven't left, from day to day (Armitage, McPherson, Rowe
    1969, JRSS A 132), on Gauss-Legendre points of the positive half: paths are symmetric.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    nodes, weights = (nodes + 1) / 2, weights / 2
    # All paths start at 0: half of them counts as the positive ones.
    points, masses = np.zeros(1), np.full(1, 0.5)
    for day, bound in enumerate(bounds, start=1):
        edge = bound * math.sqrt(day)
        x = nodes * edge
        density = (_normal(x[:, None] - points) + _normal(x[:, None] + points)) @ masses
        points, masses = x, density * weights * edge
    return 1 - 2 * float(masses.sum())


def _normal(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * values * values) / math.sqrt(2 * math.pi))
