"""Buyers who come and go unseen: how often they will buy again and what they spend.

BG/NBD: Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way", Marketing Science
24(2). Gamma-Gamma: Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value". For a
buyer x is the number of repeat purchases, t_x the time from the first purchase to the last, `age`
(their T) the time from the first to the end of observation, m the mean spend of the repeat ones.
Time is in any one unit, and alpha is in the same.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, hyp2f1

# The closed form has removable singularities; nearer to one than this it loses its digits.
_NUDGE = 1e-7


@dataclass(frozen=True)
class BgNbd:
    """Purchase rates vary as gamma(r, rate alpha), the chance to drop out as beta(a, b).

    With a = 0 nobody ever drops out (the NBD model) and b says nothing.
    """

    r: float
    alpha: float
    a: float
    b: float

    def p_alive(self, x: np.ndarray, t_x: np.ndarray, age: np.ndarray) -> np.ndarray:
        """Chance that a buyer hasn't dropped out; 1 where x is 0: nobody can before a repeat."""
        with np.errstate(divide="ignore"):
            log_odds = np.log(self.a / (self.b + np.maximum(x, 1) - 1))
        log_odds += (self.r + x) * np.log((self.alpha + age) / (self.alpha + t_x))
        return np.where(x > 0, expit(-log_odds), 1.0)

    def expected_purchases(
        self, horizon: float, x: np.ndarray, t_x: np.ndarray, age: np.ndarray
    ) -> np.ndarray:
        """Purchases in the next `horizon` (the paper's equation 10).

        NaN where 2F1 is beyond doubles, as with an alpha far below a day, b in the thousands.
        """
        return next(self.expected_purchases_by([horizon], x, t_x, age))

    def expected_purchases_by(
        self, horizons: Sequence[float], x: np.ndarray, t_x: np.ndarray, age: np.ndarray
    ) -> Iterator[np.ndarray]:
        """The same for one horizon after the other.

        2F1, which is dear, is of (x, age) alone: worked out once for each pair that occurs.
        """
        pair_x, pair_age, place = _distinct_pairs(x, age)
        alive = self.p_alive(x, t_x, age)
        for horizon in horizons:
            yield self._expected_if_alive(horizon, pair_x, pair_age)[place] * alive

    def _expected_if_alive(self, horizon: float, x: np.ndarray, age: np.ndarray) -> np.ndarray:
        if self.a == 0:
            rate: np.ndarray = (self.r + x) * horizon / (self.alpha + age)
            return rate
        a = _away(self.a, 1.0)
        c = _away(a + self.b - 1, 0.0) + x
        z = horizon / (self.alpha + age + horizon)
        with np.errstate(all="ignore"):
            left = (1 - z) ** (self.r + x) * hyp2f1(self.r + x, self.b + x, c, z)
        expected: np.ndarray = c / (a - 1) * (1 - left)
        return expected


@dataclass(frozen=True)
class GammaGamma:
    """A buyer's spend a purchase varies as gamma(p, rate nu), nu as gamma(q, rate v)."""

    p: float
    q: float
    v: float

    @property
    def mean_spend(self) -> float:
        """Of the population, p v / (q - 1); infinite where q is at most 1."""
        return self.p * self.v / (self.q - 1) if self.q > 1 else math.inf

    def expected_spend(self, x: np.ndarray, m: np.ndarray) -> np.ndarray:
        """Of each buyer given x and m, p (v + x m) / (p x + q - 1); infinite for p x + q <= 1.

        For x = 0 it is the population's mean, whatever m.
        """
        above, below = self.p * (self.v + x * m), self.p * x + self.q - 1
        return np.where(below > 0, above / np.where(below > 0, below, 1), np.inf)


def _away(value: float, singular: float) -> float:
    """`value`, or a point beside the singularity: wrong by the order of the nudge, not by all."""
    return value if abs(value - singular) > _NUDGE else singular + _NUDGE


def _distinct_pairs(
    one: np.ndarray, other: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct pairs of two arrays' numbers, and the place of each row's pair among them."""
    ones, place_of_one = np.unique(one, return_inverse=True)
    others, place_of_other = np.unique(other, return_inverse=True)
    keys, place = np.unique(place_of_one * len(others) + place_of_other, return_inverse=True)
    if not len(keys):
        return one, other, place
    return ones[keys // len(others)], others[keys % len(others)], place
