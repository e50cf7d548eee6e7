"""Likelihoods against the stories they come from, by integration; derivatives by differences."""

import numpy as np
import pytest
from custseg_spark.features import likelihoods
from custseg_spark.features.likelihoods import Terms
from scipy.integrate import quad
from scipy.optimize import approx_fprime
from scipy.stats import beta, gamma, nbinom

HISTORIES = tuple(np.array(v, dtype=float) for v in ([0, 1, 1, 4], [0, 9, 30, 33], [9, 9, 31, 60]))
SPENDS = np.array([1.0, 3, 12]), np.array([20.0, 4.5, 90])
WEIGHTS = np.array([7.0, 2, 4, 1])


@pytest.mark.parametrize("parameters", [(0.25, 31, 0.8, 2.4), (2.5, 4, 3, 0.5)])
def test_bg_nbd_is_the_chance_of_a_history_over_all_rates_and_drop_out_chances(
    parameters: tuple[float, ...],
) -> None:
    r, alpha, a, b = parameters
    found = likelihoods.bg_nbd_terms(np.array(parameters), *HISTORIES)[0]
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
    ours = [likelihoods.nbd_terms(pair, x, age)[0].sum() for pair in pairs]
    oracle = [nbinom.logpmf(x, r, alpha / (alpha + age)).sum() for r, alpha in pairs]
    assert np.diff(ours) == pytest.approx(np.diff(oracle), rel=1e-9)


def test_gamma_gamma_is_the_density_of_the_mean_spend_over_all_scales() -> None:
    p, q, v = 2.5, 3.5, 40.0
    found = likelihoods.gamma_gamma_terms(np.array([p, q, v]), *SPENDS)[0]
    for value, x, m in zip(found, *SPENDS, strict=True):

        def density(nu: float, x: float = x, m: float = m) -> float:
            of_mean = gamma.pdf(m, p * x, scale=1 / (nu * x))
            return float(of_mean * gamma.pdf(nu, q, scale=1 / v))

        assert np.exp(value) == pytest.approx(quad(density, 0, 3, epsabs=0)[0], rel=1e-6)


@pytest.mark.parametrize(
    ("terms", "parameters"),
    [
        (lambda at: likelihoods.bg_nbd_terms(at, *HISTORIES), [0.7, 20, 0.9, 2]),
        (lambda at: likelihoods.nbd_terms(at, HISTORIES[0], HISTORIES[2]), [0.7, 20]),
        (lambda at: likelihoods.gamma_gamma_terms(at, *SPENDS), [6, 3.7, 15]),
    ],
    ids=["bg_nbd", "nbd", "gamma_gamma"],
)
def test_the_derivatives_are_those_of_the_likelihood(terms: Terms, parameters: list[float]) -> None:
    at = np.array(parameters)
    by_differences = approx_fprime(at, lambda p: terms(p)[0], 1e-7).T
    assert terms(at)[1] == pytest.approx(by_differences, rel=1e-4, abs=1e-5)


def normal(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A likelihood with its optimum where both parameters are 3, and a known curvature."""
    logs = np.log(at)[:, None] - np.log(3) * np.ones((2, 4))
    return -(logs**2).sum(axis=0), -2 * logs / at[:, None]


def test_the_maximum_is_found() -> None:
    found = likelihoods.maximise(normal, WEIGHTS, ("one", "two"))
    assert found.parameters == pytest.approx({"one": 3, "two": 3})
    assert (found.flaw, found.vanishing) == ("", ())
    assert found.log_likelihood == pytest.approx(0)


def test_the_hessian_is_of_the_mean_by_log_parameters() -> None:
    found = likelihoods.hessian(normal, np.log([3.0, 3.0]), WEIGHTS)
    assert found == pytest.approx(np.diag([2.0, 2.0]), rel=1e-6)


def test_a_likelihood_without_an_optimum_is_said_to_have_none() -> None:
    def rising(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.log(at[0] / at[1]) * np.ones(4), np.stack([1 / at] * 4, axis=1) * [[1], [-1]]

    found = likelihoods.maximise(rising, WEIGHTS, ("up", "down"))
    assert found.flaw.startswith("the likelihood has no finite optimum (up, down ran to the bound)")
    assert found.vanishing == ("down",)


def test_a_likelihood_that_ignores_a_parameter_is_flat() -> None:
    def half(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, scores = normal(np.array([at[0], 3.0]))
        return values, scores * [[1], [0]]

    assert "flat" in likelihoods.maximise(half, WEIGHTS, ("one", "two")).flaw
