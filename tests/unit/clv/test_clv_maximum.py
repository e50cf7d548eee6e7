"""The search for a maximum, and what it says of one that isn't an optimum."""

import numpy as np
import pytest

from custseg_spark.core.clv import maximum

WEIGHTS = np.array([7.0, 2, 4, 1])


def normal(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A likelihood with its optimum where both parameters are 3, and a known curvature."""
    logs = np.log(at)[:, None] - np.log(3) * np.ones((2, 4))
    return -(logs**2).sum(axis=0), -2 * logs / at[:, None]


def test_the_maximum_is_found() -> None:
    found = maximum.maximise(normal, WEIGHTS, ("one", "two"))
    assert found.parameters == pytest.approx({"one": 3, "two": 3})
    assert (found.flaw, found.vanishing) == ("", ())
    assert found.log_likelihood == pytest.approx(0)


def test_the_hessian_is_of_the_mean_by_log_parameters() -> None:
    found = maximum.hessian(normal, np.log([3.0, 3.0]), WEIGHTS)
    assert found == pytest.approx(np.diag([2.0, 2.0]), rel=1e-6)


def test_a_likelihood_without_an_optimum_has_a_flaw() -> None:
    def rising(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.log(at[0] / at[1]) * np.ones(4), np.stack([1 / at] * 4, axis=1) * [[1], [-1]]

    found = maximum.maximise(rising, WEIGHTS, ("up", "down"))
    assert found.flaw.startswith("the likelihood has no finite optimum (up, down ran to the bound)")
    assert found.vanishing == ("down",)


def test_a_likelihood_that_ignores_a_parameter_is_flat() -> None:
    def half(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, scores = normal(np.array([at[0], 3.0]))
        return values, scores * [[1], [0]]

    assert "flat" in maximum.maximise(half, WEIGHTS, ("one", "two")).flaw
