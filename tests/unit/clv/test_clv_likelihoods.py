"""Likelihoods against the stories they come from, by integration; derivatives by differences."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import approx_fprime
from scipy.stats import beta, gamma, nbinom

from custseg_spark.core.clv import likelihoods
from custseg_spark.core.clv.maximum import Terms

HISTORIES = tuple(np.array(v, dtype=float) for v in ([0, 1, 1, 4], [0, 9, 30, 33], [9, 9, 31, 60]))
SPENDS = np.array([1.0, 3, 12]), np.array([20.0, 4.5, 90])


@pytest.mark.parametrize("parameters", [(0.25, 31, 0.8, 2.4), (2.5, 4, 3, 0.5)])
def test_bg_nbd_is_the_chance_of_a_history_over_all_rates_and_drop_out_chances(
    parameters: tuple[float, ...],
) -> None:
    r, alpha, a, b = parameters
    found = likelihoods.bg_nbd_terms(*HISTORIES)(np.array(parameters))[0]
    for value, x, t_x, age in zip(found, *HISTORIES, strict=True):
        rates, chances = gamma(r, scale=1 / alpha), beta(a, b)
        alive = rates.expect(lambda v, x=x, age=age: v**x * np.exp(-v * age))
        alive *= chances.expect(lambda v, x=x: (1 - v) ** x)
        gone = 0.0
        if x > 0:
            gone = rates.expect(lambda v, x=x, t_x=t_x: v**x * np.exp(-v * t_x))
            gone *= chances.expect(lambda v, x=x: v * (1 - v) ** (x - 1))
        assert np.exp(value) == pytest.approx(alive + gone, rel=1e-6)


def test_nbd_ranks_parameters_as_the_negative_binomial_of_the_purchases() -> None:
    x, _, age = HISTORIES
    pairs = np.array([[0.3, 20.0], [2.0, 50.0], [0.7, 3.0]])
    ours = [likelihoods.nbd_terms(x, age)(pair)[0].sum() for pair in pairs]
    oracle = [nbinom.logpmf(x, r, alpha / (alpha + age)).sum() for r, alpha in pairs]
    assert np.diff(ours) == pytest.approx(np.diff(oracle), rel=1e-9)


def test_gamma_gamma_is_the_density_of_the_mean_spend_over_all_scales() -> None:
    p, q, v = 2.5, 3.5, 40.0
    found = likelihoods.gamma_gamma_terms(*SPENDS)(np.array([p, q, v]))[0]
    for value, x, m in zip(found, *SPENDS, strict=True):

        def density(nu: float, x: float = x, m: float = m) -> float:
            of_mean = gamma.pdf(m, p * x, scale=1 / (nu * x))
            return float(of_mean * gamma.pdf(nu, q, scale=1 / v))

        assert np.exp(value) == pytest.approx(quad(density, 0, 3, epsabs=0)[0], rel=1e-6)


@pytest.mark.parametrize(
    ("terms", "parameters"),
    [
        (likelihoods.bg_nbd_terms(*HISTORIES), [0.7, 20, 0.9, 2]),
        (likelihoods.nbd_terms(HISTORIES[0], HISTORIES[2]), [0.7, 20]),
        (likelihoods.gamma_gamma_terms(*SPENDS), [6, 3.7, 15]),
    ],
    ids=["bg_nbd", "nbd", "gamma_gamma"],
)
def test_the_derivatives_are_those_of_the_likelihood(terms: Terms, parameters: list[float]) -> None:
    at = np.array(parameters)
    by_differences = approx_fprime(at, lambda p: terms(p)[0], 1e-7).T
    assert terms(at)[1] == pytest.approx(by_differences, rel=1e-4, abs=1e-5)
