"""Buyers who come and go unseen: how often they will buy again and what they spend.

BG/NBD: Fader, Hardie and Lee (2005), "Counting Your Customers the Easy Way", Marketing Science
24(2). Gamma-Gamma: Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value". For a
buyer x is the number of repeat purchases, t_x the time from the first purchase to the last, `age`
(their T) the time from the first to the end of observation, m the mean spend of the repeat ones.
Time is in any one unit, and alpha is in the same.
"""

import math
from dataclasses import astuple, dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.special import expit, hyp2f1

from custseg_spark.features.likelihoods import (
    bg_nbd_terms,
    gamma_gamma_terms,
    hessian,
    maximise,
    nbd_terms,
)

NOBODY_DROPS_OUT = "nobody is seen to drop out (a = 0): every buyer counts as alive"
# At its lower bound a isn't 0 yet: what this may cost of a buyer's log-likelihood.
_EDGE_LOSS = 1e-3
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
        if self.a == 0:
            return (self.r + x) * horizon / (self.alpha + age)
        a = _away(self.a, 1.0)
        c = _away(a + self.b - 1, 0.0) + x
        z = horizon / (self.alpha + age + horizon)
        with np.errstate(all="ignore"):
            left = (1 - z) ** (self.r + x) * hyp2f1(self.r + x, self.b + x, c, z)
        expected: np.ndarray = c / (a - 1) * (1 - left) * self.p_alive(x, t_x, age)
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


Model = TypeVar("Model", BgNbd, GammaGamma)


@dataclass(frozen=True)
class Fit(Generic[Model]):
    """A model and the log-likelihood of all buyers together; or None, and in `note` why.

    With a model `note` says what is special about it, if anything is.
    """

    model: Model | None = None
    log_likelihood: float | None = None
    note: str = ""


def fit_bg_nbd(x: np.ndarray, t_x: np.ndarray, age: np.ndarray, weights: np.ndarray) -> Fit[BgNbd]:
    """Maximum likelihood over distinct histories, each that of `weights` buyers.

    Where the likelihood grows as a falls to 0 the optimum lies on that edge, the NBD model. Any
    other parameter without a finite optimum is no convergence.
    """
    unit = float((age * weights).sum() / weights.sum())
    to_last, to_end = t_x / unit, age / unit
    found = maximise(
        lambda theta: bg_nbd_terms(theta, x, to_last, to_end), weights, ("r", "alpha", "a", "b")
    )
    note = found.flaw
    if "a" in found.vanishing:
        edge = maximise(lambda theta: nbd_terms(theta, x, to_end), weights, ("r", "alpha"))
        lost = found.log_likelihood - edge.log_likelihood
        if not edge.flaw and lost < _EDGE_LOSS * weights.sum():
            found, note = edge, NOBODY_DROPS_OUT
    if found.flaw:
        return Fit(note=note)
    parameters = {"a": 0.0, "b": 1.0, **found.parameters}
    parameters["alpha"] *= unit
    # A density of x times has the unit of time to the power -x.
    rescaled = found.log_likelihood - float((x * weights).sum()) * math.log(unit)
    return Fit(BgNbd(**parameters), rescaled, note)


def fit_gamma_gamma(x: np.ndarray, m: np.ndarray) -> Fit[GammaGamma]:
    """Maximum likelihood over repeat buyers: x purchases of mean spend m, both above 0."""
    unit = float(m.mean())
    found = maximise(
        lambda theta: gamma_gamma_terms(theta, x, m / unit), np.ones(len(x)), ("p", "q", "v")
    )
    if found.flaw:
        return Fit(note=found.flaw)
    parameters = {**found.parameters, "v": found.parameters["v"] * unit}
    return Fit(GammaGamma(**parameters), found.log_likelihood - len(m) * math.log(unit))


def observed_spend(x: np.ndarray, m: np.ndarray) -> float:
    """Mean spend over all the repeat purchases: what there is where `mean_spend` is infinite."""
    return float((x * m).sum() / x.sum())


def sampling_error(model: GammaGamma, x: np.ndarray, m: np.ndarray, share: float) -> float:
    """Relative standard error of `mean_spend` for the fit being on a `share` of the buyers.

    Against a fit on all of them, not against the truth: the influence of each fitted buyer on
    ln(p v / (q - 1)), by way of the inverse Hessian (the sandwich estimator); the root of the
    squares' sum times 1 - share. Where `mean_spend` is infinite, that of `observed_spend`.
    """
    if model.q > 1:
        parameters = np.array(astuple(model))
        direction = np.array([1.0, -model.q / (model.q - 1), 1.0])
        information = len(x) * hessian(
            lambda theta: gamma_gamma_terms(theta, x, m), np.log(parameters), np.ones(len(x))
        )
        scores = gamma_gamma_terms(parameters, x, m)[1] * parameters[:, None]
        influence = (scores * np.linalg.solve(information, direction)[:, None]).sum(axis=0)
    else:
        influence = x * (m / observed_spend(x, m) - 1) / x.sum()
    return math.sqrt(float((influence**2).sum()) * (1 - share))


def _away(value: float, singular: float) -> float:
    """`value`, or a point beside the singularity: wrong by the order of the nudge, not by all."""
    return value if abs(value - singular) > _NUDGE else singular + _NUDGE
