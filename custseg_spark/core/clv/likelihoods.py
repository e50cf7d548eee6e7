"""Log-likelihoods of BG/NBD and Gamma-Gamma, with their derivatives.

`models` defines x, t_x, age, m and the formulas. Each function takes the data and returns the
`Terms` of a parameter vector. Equal numbers are computed once.
"""

import numpy as np
from scipy.special import digamma, gammaln

from custseg_spark.core.clv.maximum import Terms


class Distinct:
    """An array's distinct values, and the position of each row's value among them."""

    def __init__(self, rows: np.ndarray) -> None:
        self.values, self._place = np.unique(rows, return_inverse=True)

    def spread(self, results: np.ndarray) -> np.ndarray:
        """Return the result of each row."""
        of_rows: np.ndarray = results[self._place]
        return of_rows


def bg_nbd_terms(x: np.ndarray, t_x: np.ndarray, age: np.ndarray) -> Terms:
    """Return each history's log-likelihood and its derivatives by r, alpha, a and b."""
    repeats, last_times, ages = Distinct(x), Distinct(t_x), Distinct(age)
    is_repeat, k = x > 0, repeats.values

    def terms(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r, alpha, a, b = parameters
        shape = repeats.spread(r + k)
        to_age = ages.spread(np.log(alpha + ages.values))
        to_last = last_times.spread(np.log(alpha + last_times.values))
        last = b + np.maximum(k, 1) - 1
        dropped_out = repeats.spread(np.log(a / last)) - shape * to_last
        dropped = np.where(is_repeat, dropped_out, -np.inf)
        both = np.logaddexp(-shape * to_age, dropped)
        share = np.exp(dropped - both)
        of_x = gammaln(r + k) - gammaln(r) + r * np.log(alpha)
        of_x += gammaln(b + k) - gammaln(b) + gammaln(a + b) - gammaln(a + b + k)
        by_r = digamma(r + k) - digamma(r) + np.log(alpha)
        by_a = digamma(a + b) - digamma(a + b + k)
        by_b = digamma(b + k) - digamma(b) + by_a
        scores = np.stack(
            [
                repeats.spread(by_r) - (1 - share) * to_age - share * to_last,
                r / alpha - shape * ((1 - share) / (alpha + age) + share / (alpha + t_x)),
                repeats.spread(by_a) + share / a,
                repeats.spread(by_b) - share / repeats.spread(last),
            ]
        )
        return repeats.spread(of_x) + both, scores

    return terms


def nbd_terms(x: np.ndarray, age: np.ndarray) -> Terms:
    """Return the same with a = 0, where t_x plays no part; the derivatives are by r and alpha."""
    repeats, ages = Distinct(x), Distinct(age)
    k = repeats.values

    def terms(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r, alpha = parameters
        shape = repeats.spread(r + k)
        to_age = ages.spread(np.log(alpha + ages.values))
        of_x = gammaln(r + k) - gammaln(r) + r * np.log(alpha)
        by_r = repeats.spread(digamma(r + k) - digamma(r) + np.log(alpha)) - to_age
        by_alpha = r / alpha - shape / (alpha + age)
        return repeats.spread(of_x) - shape * to_age, np.stack([by_r, by_alpha])

    return terms


def gamma_gamma_terms(x: np.ndarray, m: np.ndarray) -> Terms:
    """Return each mean spend's log-likelihood and its derivatives by p, q and v."""
    repeats, total = Distinct(x), x * m
    k, log_x, log_m, log_total = repeats.values, np.log(repeats.values), np.log(m), np.log(total)

    def terms(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p, q, v = parameters
        shape = p * k
        rows_shape = repeats.spread(shape)
        rest = np.log(total + v)
        of_x = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v)
        of_m = (rows_shape - 1) * log_m + repeats.spread(shape * log_x) - (rows_shape + q) * rest
        of_sum = digamma(shape + q)
        scores = np.stack(
            [
                x * (repeats.spread(of_sum - digamma(shape)) + log_total - rest),
                repeats.spread(of_sum - digamma(q) + np.log(v)) - rest,
                q / v - (rows_shape + q) / (total + v),
            ]
        )
        return repeats.spread(of_x) + of_m, scores

    return terms
