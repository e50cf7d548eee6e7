"""Models of buyers whose dropping out is not observed: future purchases and spend.

BG/NBD: Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way", Marketing Science
24(2). Gamma-Gamma: Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value". For a buyer,
x is the number of repeat purchases, t_x the time from the first purchase to the last, `age` (their
T) the time from the first purchase to the end of observation, m the mean spend of the repeat
purchases. Time has any one unit, and alpha has the same.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, hyp2f1

# The closed form has removable singularities; closer to one than this, it loses its digits.
_NUDGE = 1e-7


@dataclass(frozen=True)
class BgNbd:
    """Purchase rates vary as gamma(r, rate alpha), the chance to drop out as beta(a, b).

    With a = 0 nobody ever drops out (the NBD model), and b has no meaning.
    """

    r: float
    alpha: float
    a: float
    b: float

    def p_alive(self, x: np.ndarray, t_x: np.ndarray, age: np.ndarray) -> np.ndarray:
        """Return the chance that a buyer hasn't dropped out; 1 where x is 0: nobody can before a
        repeat.
        """
        with np.errstate(divide="ignore"):
            log_odds = np.log(self.a / (self.b + np.maximum(x, 1) - 1))
        log_odds += (self.r + x) * np.log((self.alpha + age) / (self.alpha + t_x))
        return np.where(x > 0, expit(-log_odds), 1.0)

    def expected_purchases(
        self, horizon: float, x: np.ndarray, t_x: np.ndarray, age: np.ndarray
    ) -> np.ndarray:
        """Return the expected purchases in the next `horizon` (the paper's equation 10).

        NaN where 2F1 leaves the range of doubles, as with an alpha far below a day or b in the
        thousands.
        """
        return next(self.expected_purchases_by([horizon], x, t_x, age))

    def expected_purchases_by(
        self, horizons: Sequence[float], x: np.ndarray, t_x: np.ndarray, age: np.ndarray
    ) -> Iterator[np.ndarray]:
        """Return the same for several horizons.

        The costly part, 2F1, depends on (x, age) alone and is computed once for each pair that
        occurs.
        """
        pair_x, pair_age, place = _distinct_pairs(x, age)
        alive = self.p_alive(x, t_x, age)
        for horizon in horizons:
            yield self._expected_if_alive(horizon, pair_x, pair_age)[place] * alive

    def expected_from_start(self, time: np.ndarray) -> np.ndarray:
        """Return the repeat purchases expected of a new buyer in so much time (equation 9)."""
        nothing = np.zeros_like(time)
        return self._expected_if_alive(time, nothing, nothing)

    def _expected_if_alive(
        self, horizon: float | np.ndarray, x: np.ndarray, age: np.ndarray
    ) -> np.ndarray:
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
    """A buyer's spend per purchase varies as gamma(p, rate nu), nu as gamma(q, rate v)."""

    p: float
    q: float
    v: float

    @property
    def mean_spend(self) -> float:
        """The population's mean spend, p v / (q - 1); infinite if q is at most 1."""
        return self.p * self.v / (self.q - 1) if self.q > 1 else math.inf

    def expected_spend(self, x: np.ndarray, m: np.ndarray) -> np.ndarray:
        """Return each buyer's expected spend, p (v + x m) / (p x + q - 1); infinite for p x + q <=
        1.

        For x = 0 it is the population's mean, whatever m is.
        """
        above, below = self.p * (self.v + x * m), self.p * x + self.q - 1
        return np.where(below > 0, above / np.where(below > 0, below, 1), np.inf)


def _away(value: float, singular: float) -> float:
    """Return `value`, or a point beside the singularity. The error is of the order of the shift."""
    return value if abs(value - singular) > _NUDGE else singular + _NUDGE


def _distinct_pairs(
    first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct pairs of two arrays' numbers, and each row's position among them."""
    firsts, place_of_first = np.unique(first, return_inverse=True)
    seconds, place_of_second = np.unique(second, return_inverse=True)
    keys, place = np.unique(place_of_first * len(seconds) + place_of_second, return_inverse=True)
    if not len(keys):
        return first, second, place
    return firsts[keys // len(seconds)], seconds[keys % len(seconds)], place
