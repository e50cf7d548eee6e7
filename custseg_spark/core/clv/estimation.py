"""Fit the models of `models` by maximum likelihood.

Time and money may have any unit: the search scales them by the data's mean, to order 1.
"""

import math
from dataclasses import astuple, dataclass
from typing import Generic, TypeVar

import numpy as np

from custseg_spark.core.clv.likelihoods import bg_nbd_terms, gamma_gamma_terms, nbd_terms
from custseg_spark.core.clv.maximum import hessian, maximise
from custseg_spark.core.clv.models import BgNbd, GammaGamma

NOBODY_DROPS_OUT = "nobody is seen to drop out (a = 0): every buyer counts as alive"
# The most log-likelihood per buyer that the lower bound of a, which is above 0, may cost.
_EDGE_LOSS = 1e-3

Model = TypeVar("Model", BgNbd, GammaGamma)


@dataclass(frozen=True)
class Fit(Generic[Model]):
    """A model with the log-likelihood of all buyers, or no model and the reason in `note`.

    Beside a model, `note` names a peculiarity, if there is one.
    """

    model: Model | None = None
    log_likelihood: float | None = None
    note: str = ""


def fit_bg_nbd(x: np.ndarray, t_x: np.ndarray, age: np.ndarray, weights: np.ndarray) -> Fit[BgNbd]:
    """Fit BG/NBD to distinct histories; each counts for `weights` buyers.

    If the likelihood grows as a falls to 0, the optimum is on that edge: the NBD model. If any
    other parameter has no finite optimum, the fit has not converged.
    """
    unit = float((age * weights).sum() / weights.sum())
    to_last, to_end = t_x / unit, age / unit
    maximum = maximise(bg_nbd_terms(x, to_last, to_end), weights, ("r", "alpha", "a", "b"))
    note = maximum.flaw
    if "a" in maximum.vanishing:
        edge = maximise(nbd_terms(x, to_end), weights, ("r", "alpha"))
        lost = maximum.log_likelihood - edge.log_likelihood
        if not edge.flaw and lost < _EDGE_LOSS * weights.sum():
            maximum, note = edge, NOBODY_DROPS_OUT
    if maximum.flaw:
        return Fit(note=note)
    parameters = {"a": 0.0, "b": 1.0, **maximum.parameters}
    parameters["alpha"] *= unit
    # A density of x times has the unit of time to the power -x.
    rescaled = maximum.log_likelihood - float((x * weights).sum()) * math.log(unit)
    return Fit(BgNbd(**parameters), rescaled, note)


def fit_gamma_gamma(x: np.ndarray, m: np.ndarray) -> Fit[GammaGamma]:
    """Fit Gamma-Gamma to repeat buyers with x purchases of mean spend m, both above 0."""
    unit = float(m.mean())
    maximum = maximise(gamma_gamma_terms(x, m / unit), np.ones(len(x)), ("p", "q", "v"))
    if maximum.flaw:
        return Fit(note=maximum.flaw)
    parameters = {**maximum.parameters, "v": maximum.parameters["v"] * unit}
    return Fit(GammaGamma(**parameters), maximum.log_likelihood - len(m) * math.log(unit))


def observed_spend(x: np.ndarray, m: np.ndarray) -> float:
    """Average the spend of all repeat purchases, the substitute for an infinite `mean_spend`."""
    return float((x * m).sum() / x.sum())


def sampling_error(model: GammaGamma, x: np.ndarray, m: np.ndarray, share: float) -> float:
    """Estimate the relative standard error of `mean_spend` from fitting a `share` of the buyers.

    The error is against a fit on all buyers, not against the truth. It is computed from the
    influence of each fitted buyer on ln(p v / (q - 1)) through the inverse Hessian (the sandwich
    estimator): the root of the sum of squares, times 1 - share. If `mean_spend` is infinite, it is
    the error of `observed_spend`.
    """
    if model.q > 1:
        parameters = np.array(astuple(model))
        direction = np.array([1.0, -model.q / (model.q - 1), 1.0])
        terms = gamma_gamma_terms(x, m)
        information = len(x) * hessian(terms, np.log(parameters), np.ones(len(x)))
        scores = terms(parameters)[1] * parameters[:, None]
        influence = (scores * np.linalg.solve(information, direction)[:, None]).sum(axis=0)
    else:
        influence = x * (m / observed_spend(x, m) - 1) / x.sum()
    return math.sqrt(float((influence**2).sum()) * (1 - share))
