"""Maximise a log-likelihood, and check that the data determine the optimum.

Sums run in the order of the rows. Unlike a matrix product, they don't depend on the number of
threads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

# The data can't determine a parameter beyond e^±11 of its scaled unit.
_BOUND, _NEAR_BOUND = 11.0, 10.999
_LARGEST_GRADIENT = 1e-6
# Above this standard error of a log-parameter, the data say nothing about it.
_LARGEST_ERROR = 10.0
_STEP = 1e-4

# Maps parameters to each row's log-likelihood and its derivatives (parameters x rows).
Terms = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Optimum:
    """The end of the search: parameters by name, total log-likelihood.

    `flaw` says why the end is no optimum; empty if it is one. `vanishing` are the parameters that
    reached their lower bound.
    """

    parameters: Mapping[str, float]
    log_likelihood: float
    flaw: str
    vanishing: tuple[str, ...]


def maximise(terms: Terms, weights: np.ndarray, names: Sequence[str]) -> Optimum:
    """Maximise the weighted sum of `terms` over parameters above 0 and of order 1."""
    count = float(weights.sum())

    def loss(log_parameters: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = np.exp(log_parameters)
        values, scores = terms(parameters)
        slope = (scores * weights).sum(axis=1) * parameters
        return -float((values * weights).sum()) / count, -slope / count

    result = minimize(
        loss,
        np.zeros(len(names)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_BOUND, _BOUND)] * len(names),
        # Search to the last bit: the code below decides whether the end is an optimum, not the
        # optimiser.
        options={"ftol": 0, "gtol": 1e-10, "maxiter": 2_000, "maxfun": 5_000},
    )
    at = dict(zip(names, (float(value) for value in result.x), strict=True))
    at_bound = [name for name, value in at.items() if abs(value) > _NEAR_BOUND]
    flaw = ""
    if at_bound:
        flaw = (
            f"the likelihood has no finite optimum ({', '.join(at_bound)} ran to the bound):"
            " the buyers are too few or too alike"
        )
    elif not np.abs(result.jac).max() < _LARGEST_GRADIENT:
        flaw = f"the search stopped short of an optimum ({result.message})"
    elif _is_flat(hessian(terms, result.x, weights) * count):
        flaw = "the likelihood is flat around its optimum: the data don't tell the parameters"
    return Optimum(
        {name: float(np.exp(value)) for name, value in at.items()},
        -float(result.fun) * count,
        flaw,
        tuple(name for name in at_bound if at[name] < 0),
    )


def hessian(terms: Terms, log_parameters: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the Hessian of the mean negative log-likelihood by the log-parameters, by differences
    of scores.
    """

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
