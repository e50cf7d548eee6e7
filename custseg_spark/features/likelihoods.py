"""Log-likelihoods of BG/NBD and Gamma-Gamma with their derivatives, and their maximum.

The formulas and what x, t_x, age and m are: `lifetime`. Sums run in the order of the rows and
don't depend on the number of threads, as those of a matrix product would.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

# A parameter beyond e^±11 of its scaled unit has no optimum that data could show.
_BOUND, _NEAR_BOUND = 11.0, 10.999
_LARGEST_GRADIENT = 1e-6
# A log-parameter with a larger standard error is one that the data say nothing about.
_LARGEST_ERROR = 10.0
_STEP = 1e-4

# Parameters to the log-likelihood of each row, and its derivatives: parameters x rows.
Terms = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Optimum:
    """Where the search ended: parameters by name, total log-likelihood.

    `flaw` says why it isn't an optimum; empty: it is one. `vanishing` are the parameters that ran
    to their lower bound.
    """

    parameters: Mapping[str, float]
    log_likelihood: float
    flaw: str
    vanishing: tuple[str, ...]


def maximise(terms: Terms, weights: np.ndarray, names: Sequence[str]) -> Optimum:
    """The maximum of the weighted sum of `terms` over parameters above 0 and of order 1."""
    count = float(weights.sum())

    def loss(log_parameters: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = np.exp(log_parameters)
        values, scores = terms(parameters)
        slope = (scores * weights).sum(axis=1) * parameters
        return -float((values * weights).sum()) / count, -slope / count

    found = minimize(
        loss,
        np.zeros(len(names)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_BOUND, _BOUND)] * len(names),
        # To the last bit: whether that was an optimum is judged below, not by the optimiser.
        options={"ftol": 0, "gtol": 1e-10, "maxiter": 2_000, "maxfun": 5_000},
    )
    at = dict(zip(names, (float(v) for v in found.x), strict=True))
    ran = [name for name, value in at.items() if abs(value) > _NEAR_BOUND]
    flaw = ""
    if ran:
        flaw = (
            f"the likelihood has no finite optimum ({', '.join(ran)} ran to the bound):"
            " the buyers are too few or too alike"
        )
    elif not np.abs(found.jac).max() < _LARGEST_GRADIENT:
        flaw = f"the search stopped short of an optimum ({found.message})"
    elif _is_flat(hessian(terms, found.x, weights) * count):
        flaw = "the likelihood is flat around its optimum: the data don't tell the parameters"
    return Optimum(
        {name: float(np.exp(value)) for name, value in at.items()},
        -float(found.fun) * count,
        flaw,
        tuple(name for name in ran if at[name] < 0),
    )


def hessian(terms: Terms, log_parameters: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of the mean negative log-likelihood by the log-parameters, by differences of scores."""

    def slope(at: np.ndarray) -> np.ndarray:
        parameters = np.exp(at)
        total = (terms(parameters)[1] * weights).sum(axis=1)
        mean: np.ndarray = total * parameters / weights.sum()
        return -mean

    steps = np.eye(len(log_parameters)) * _STEP
    rows = [slope(log_parameters + step) - slope(log_parameters - step) for step in steps]
    raw = np.array(rows) / (2 * _STEP)
    symmetric: np.ndarray = (raw + raw.T) / 2
    return symmetric


def _is_flat(information: np.ndarray) -> bool:
    return float(np.linalg.eigvalsh(information).min()) < 1 / _LARGEST_ERROR**2


def bg_nbd_terms(
    parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, age: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood of each history, and its derivatives by r, alpha, a and b."""
    r, alpha, a, b = parameters
    repeats, place = np.unique(x, return_inverse=True)
    shape = (r + repeats)[place]
    last = (b + np.maximum(repeats, 1) - 1)[place]
    to_age, to_last = np.log(alpha + age), np.log(alpha + t_x)
    alive = -shape * to_age
    with np.errstate(divide="ignore"):
        dropped = np.where(x > 0, np.log(a / last) - shape * to_last, -np.inf)
    both = np.logaddexp(alive, dropped)
    share = np.exp(dropped - both)
    # What depends on x alone is worked out once a value of x.
    of_x = gammaln(r + repeats) - gammaln(r) + r * np.log(alpha)
    of_x += gammaln(b + repeats) - gammaln(b) + gammaln(a + b) - gammaln(a + b + repeats)
    by_r = (digamma(r + repeats) - digamma(r) + np.log(alpha))[place]
    by_a = (digamma(a + b) - digamma(a + b + repeats))[place]
    by_b = (digamma(b + repeats) - digamma(b))[place] + by_a
    scores = np.stack(
        [
            by_r - (1 - share) * to_age - share * to_last,
            r / alpha - shape * ((1 - share) / (alpha + age) + share / (alpha + t_x)),
            by_a + share / a,
            by_b - share / last,
        ]
    )
    return of_x[place] + both, scores


def nbd_terms(
    parameters: np.ndarray, x: np.ndarray, age: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same with a = 0, where t_x plays no part; the derivatives by r and alpha."""
    r, alpha = parameters
    shape = r + x
    to_age = np.log(alpha + age)
    values = gammaln(shape) - gammaln(r) + r * np.log(alpha) - shape * to_age
    by_r = digamma(shape) - digamma(r) + np.log(alpha) - to_age
    return values, np.stack([by_r, r / alpha - shape / (alpha + age)])


def gamma_gamma_terms(
    parameters: np.ndarray, x: np.ndarray, m: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood of each mean spend, and its derivatives by p, q and v."""
    p, q, v = parameters
    shape = p * x
    rest = np.log(x * m + v)
    values = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v)
    values += (shape - 1) * np.log(m) + shape * np.log(x) - (shape + q) * rest
    of_sum = digamma(shape + q)
    scores = np.stack(
        [
            x * (of_sum - digamma(shape) + np.log(x * m) - rest),
            of_sum - digamma(q) + np.log(v) - rest,
            q / v - (shape + q) / (x * m + v),
        ]
    )
    return values, scores
