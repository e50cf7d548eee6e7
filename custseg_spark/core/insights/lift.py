"""Lift of a share against a larger group that contains it, with Koopman's score interval.

Of n members of a segment x own a product, of the m other customers y. The lift is the segment's
share over everybody's, (x/n) / ((x+y)/(n+m)). It is a rising function of the risk ratio
(x/n) / (y/m): with w = n/(n+m), lift = ratio / (w ratio + 1 - w). So an interval of the ratio is
one of the lift. The ratio's is that of Koopman (1984), "Confidence intervals for the ratio of two
binomial proportions", Biometrics 40: all ratios that a score test doesn't reject. It holds for
counts near 0, where intervals of logarithms fail.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

# Ratios of counts of up to 2^53 lie within these logarithms; each halving adds a binary digit.
_LEAST_LOG, _HALVINGS = -60.0, 90


@dataclass(frozen=True)
class Lifts:
    """Lift and the ends of its two-sided interval; `high` is at most everybody over the segment."""

    lift: np.ndarray
    low: np.ndarray
    high: np.ndarray


def lifts(x: np.ndarray, n: np.ndarray, y: np.ndarray, m: np.ndarray, confidence: float) -> Lifts:
    """Return the lifts of x of n against x + y of n + m; n and x + y are above 0.

    Without others (m = 0) a segment is everybody: its lift is 1, known exactly.
    """
    x, n, y, m = (np.asarray(values, dtype=np.float64) for values in (x, n, y, m))
    critical = float(ndtri((1 + confidence) / 2)) ** 2
    alone = m == 0
    m_or_1 = np.where(alone, 1.0, m)
    low = _end(x, n, y, m_or_1, critical)
    # The interval of the ratio turned upside down is that of the inverse.
    inverse = _end(y, m_or_1, x, n, critical)
    lift = (x / n) / ((x + y) / (n + m))
    ends = (_as_lift(low, n, m), _as_lift_of_inverse(inverse, n, m))
    return Lifts(lift, *(np.where(alone, 1.0, end) for end in ends))


def _as_lift(ratio: np.ndarray, n: np.ndarray, m: np.ndarray) -> np.ndarray:
    w = n / (n + m)
    return np.asarray(ratio / (w * ratio + 1 - w))


def _as_lift_of_inverse(inverse: np.ndarray, n: np.ndarray, m: np.ndarray) -> np.ndarray:
    w = n / (n + m)
    return np.asarray(1 / (w + (1 - w) * inverse))


def _end(x: np.ndarray, n: np.ndarray, y: np.ndarray, m: np.ndarray, critical: float) -> np.ndarray:
    """Return the lowest ratio that the score test doesn't reject; 0 where x is 0."""
    with np.errstate(divide="ignore"):
        estimate = np.log(x / n) - np.log(y / m)
    high = np.minimum(estimate, -_LEAST_LOG)
    high = np.where(x > 0, high, _LEAST_LOG)
    low = np.full(len(x), _LEAST_LOG)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_rejected = _score(np.exp(middle), x, n, y, m) > critical
        low, high = np.where(is_rejected, middle, low), np.where(is_rejected, high, middle)
    return np.asarray(np.where(x > 0, np.exp(high), 0.0))


def _score(
    ratio: np.ndarray, x: np.ndarray, n: np.ndarray, y: np.ndarray, m: np.ndarray
) -> np.ndarray:
    """Return Pearson's chi-square of the most likely shares that have this ratio."""
    linear = n * ratio + x + m + y * ratio
    root = np.sqrt(np.maximum(linear**2 - 4 * (n + m) * ratio * (x + y), 0))
    # The smaller root of (n + m) ratio q^2 - linear q + (x + y), without cancellation.
    q = 2 * (x + y) / (linear + root)
    p = ratio * q
    return np.asarray(_deviation(x, n, p) + _deviation(y, m, q))


def _deviation(count: np.ndarray, total: np.ndarray, share: np.ndarray) -> np.ndarray:
    # Rounding may leave a share of 1 a digit above it; a count that is the total fits it.
    share = np.minimum(share, 1.0)
    gap, variance = (count - total * share) ** 2, total * share * (1 - share)
    return np.asarray(np.where(gap > 0, gap / np.where(variance > 0, variance, 1e-300), 0.0))
