"""Lifetime models against published figures, the library `lifetimes` and plain integration."""

import math
from pathlib import Path

import lifetimes
import numpy as np
import pandas as pd
import pytest
from custseg_spark.features.lifetime import (
    NOBODY_DROPS_OUT,
    BgNbd,
    GammaGamma,
    fit_bg_nbd,
    fit_gamma_gamma,
    observed_spend,
    sampling_error,
)
from scipy.integrate import quad
from scipy.special import betaln
from scipy.stats import nbinom

# Read as a file: the library's own loader needs a setuptools of before 2026.
DATASETS = Path(lifetimes.__file__).parent / "datasets"
PAPER = BgNbd(0.2426, 4.4135, 0.7929, 2.4258)


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    """The CDNOW sample to 1997-09-30, a row a customer, times in weeks."""
    return pd.read_csv(DATASETS / "cdnow_customers_summary_with_transactions.csv").astype(float)


def counted(frame: pd.DataFrame) -> list[np.ndarray]:
    """x, t_x and age of the distinct histories, and how many have each."""
    counts = frame.groupby(["x", "t_x", "T"]).size().reset_index(name="n")
    return [counts[name].to_numpy(dtype=float) for name in ("x", "t_x", "T", "n")]


def simulated(seed: int, r: float, alpha: float, a: float, b: float) -> pd.DataFrame:
    """2,000 buyers of up to 300 days, living as the BG/NBD model has it; a = 0: they all stay."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(r, 1 / alpha, 2_000)
    chances = rng.beta(a, b, 2_000) if a else np.zeros(2_000)
    age = rng.integers(1, 301, 2_000)
    rows = []
    for rate, chance, end in zip(rates, chances, age, strict=True):
        x, last, at = 0, 0.0, rng.exponential(1 / rate)
        while at < end:
            x, last = x + 1, at
            at = math.inf if rng.random() < chance else at + rng.exponential(1 / rate)
        rows.append((x, math.ceil(last), end))
    return pd.DataFrame(rows, columns=["x", "t_x", "T"])


def spends(seed: int, p: float, q: float, v: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.4, n).astype(float)
    return x, rng.gamma(p * x, 1 / (rng.gamma(q, 1 / v, n) * x))


def test_the_cdnow_sample_has_the_published_purchase_parameters(cdnow: pd.DataFrame) -> None:
    histories = counted(cdnow)
    assert len(cdnow) == 2_357
    assert len(histories[0]) == 1_016
    fit = fit_bg_nbd(*histories)
    assert fit.model is not None
    assert fit.model.r == pytest.approx(0.2426, abs=5e-5)
    assert fit.model.alpha == pytest.approx(4.4135, abs=5e-5)
    assert fit.model.a == pytest.approx(0.7929, abs=5e-5)
    assert fit.model.b == pytest.approx(2.4258, abs=5e-5)
    assert fit.log_likelihood == pytest.approx(-9582.43, abs=0.01)
    assert fit.note == ""


def test_the_cdnow_sample_has_the_published_spend_parameters(cdnow: pd.DataFrame) -> None:
    repeat = cdnow[cdnow["x"] > 0]
    fit = fit_gamma_gamma(repeat["x"].to_numpy(), repeat["zbar"].to_numpy())
    assert len(repeat) == 946
    assert fit.model is not None
    assert fit.model.p == pytest.approx(6.249, abs=5e-4)
    assert fit.model.q == pytest.approx(3.745, abs=5e-4)
    assert fit.model.v == pytest.approx(15.448, abs=5e-4)


def test_customer_1_of_cdnow_is_expected_to_buy_as_the_paper_says() -> None:
    first = np.array([2.0]), np.array([30.43]), np.array([38.86])
    assert PAPER.expected_purchases(39, *first) == pytest.approx([1.226], abs=5e-4)


def test_histories_counted_or_one_by_one_give_one_fit(cdnow: pd.DataFrame) -> None:
    grouped = fit_bg_nbd(*counted(cdnow))
    x, t_x, age = (cdnow[name].to_numpy() for name in ("x", "t_x", "T"))
    single = fit_bg_nbd(x, t_x, age, np.ones(len(cdnow)))
    assert grouped.model is not None
    assert single.model is not None
    assert single.model.alpha == pytest.approx(grouped.model.alpha, rel=1e-6)
    assert single.log_likelihood == pytest.approx(grouped.log_likelihood, abs=1e-6)


def test_in_days_the_parameters_are_those_in_weeks_and_alpha_is_in_days(
    cdnow: pd.DataFrame,
) -> None:
    x, t_x, age, n = counted(cdnow)
    weeks, days = fit_bg_nbd(x, t_x, age, n), fit_bg_nbd(x, 7 * t_x, 7 * age, n)
    assert weeks.model is not None
    assert days.model is not None
    expected = BgNbd(weeks.model.r, 7 * weeks.model.alpha, weeks.model.a, weeks.model.b)
    for name in ("r", "alpha", "a", "b"):
        assert getattr(days.model, name) == pytest.approx(getattr(expected, name), rel=1e-5)
    assert weeks.log_likelihood is not None
    assert days.log_likelihood == pytest.approx(
        weeks.log_likelihood - 2_457 * math.log(7), abs=1e-6
    )


@pytest.mark.parametrize(
    ("seed", "truth"),
    [(1, (0.5, 30, 0.8, 2.4)), (2, (1.5, 60, 1.2, 1.2)), (3, (0.2, 10, 0.4, 1.0))],
)
def test_purchases_are_fitted_and_expected_as_by_the_library(
    seed: int, truth: tuple[float, ...]
) -> None:
    x, t_x, age, n = counted(simulated(seed, *truth))
    fit = fit_bg_nbd(x, t_x, age, n)
    library = lifetimes.BetaGeoFitter().fit(x, t_x, age, weights=n)
    assert fit.model is not None
    for name, value in library.params_.items():
        assert getattr(fit.model, name) == pytest.approx(value, rel=1e-3), name
    library.params_ = pd.Series(vars(fit.model))
    assert fit.model.p_alive(x, t_x, age) == pytest.approx(
        library.conditional_probability_alive(x, t_x, age), rel=1e-9
    )
    # For a single purchase the library takes the logarithm of a negative number if a + b < 1.
    known = slice(None) if fit.model.a + fit.model.b > 1 else x > 0
    assert fit.model.expected_purchases(90, x, t_x, age)[known] == pytest.approx(
        library.predict(90, x, t_x, age)[known], rel=1e-9
    )


@pytest.mark.parametrize(("seed", "truth"), [(1, (6.0, 4.0, 15.0)), (2, (1.5, 2.2, 140.0))])
def test_spend_is_fitted_and_expected_as_by_the_library(
    seed: int, truth: tuple[float, ...]
) -> None:
    x, m = spends(seed, *truth, n=2_000)
    fit = fit_gamma_gamma(x, m)
    library = lifetimes.GammaGammaFitter().fit(x, m)
    assert fit.model is not None
    for name, value in library.params_.items():
        assert getattr(fit.model, name) == pytest.approx(value, rel=1e-3), name
    library.params_ = pd.Series(vars(fit.model))
    assert fit.model.expected_spend(x, m) == pytest.approx(
        library.conditional_expected_average_profit(x, m), rel=1e-9
    )
    assert fit.log_likelihood == pytest.approx(
        -library._negative_log_likelihood_ * len(x), rel=1e-7
    )


def by_integration(model: BgNbd, horizon: float, x: float, age: float) -> float:
    """Expected purchases of a buyer who is alive, over the chances p to drop out."""
    shape, reach = model.r + x, horizon / (model.alpha + age)

    def given(p: float) -> float:
        return shape * reach if p == 0 else -math.expm1(-shape * math.log1p(p * reach)) / p

    norm = math.exp(-betaln(model.a, model.b + x))
    low = quad(
        lambda p: given(p) * (1 - p) ** (model.b + x - 1),
        0, 0.5, weight="alg", wvar=(model.a - 1, 0), epsabs=0, limit=200,
    )  # fmt: skip
    high = quad(
        lambda p: given(p) * p ** (model.a - 1),
        0.5, 1, weight="alg", wvar=(0, model.b + x - 1), epsabs=0, limit=200,
    )  # fmt: skip
    return norm * (low[0] + high[0])


@pytest.mark.parametrize(
    "model",
    [
        BgNbd(0.25, 31, 0.8, 2.4),
        BgNbd(3, 20, 6, 0.5),
        BgNbd(0.7, 5, 1.0, 2.0),
        BgNbd(0.7, 5, 1 + 1e-8, 2.0),
        BgNbd(0.7, 5, 0.4, 0.6),
        BgNbd(0.7, 500, 0.2, 0.3),
    ],
    ids=str,
)
def test_expected_purchases_are_what_integration_gives_at_singular_points_too(model: BgNbd) -> None:
    for x, age in ((0, 1), (0, 900), (1, 2), (1, 900), (20, 60), (400, 401)):
        for horizon in (30, 360):
            history = np.array([x]), np.array([age]), np.array([age])
            found = model.expected_purchases(horizon, *history) / model.p_alive(*history)
            # A millionth is what stepping aside from a singular point may cost.
            assert found == pytest.approx([by_integration(model, horizon, x, age)], rel=1e-6)


def test_a_decade_of_daily_purchases_doesn_t_overflow() -> None:
    x, t_x, age = np.array([0.0, 3_000, 3_000]), np.array([0.0, 3_005, 3_650]), np.full(3, 3_650.0)
    alive = PAPER.p_alive(x, t_x, age)
    assert alive[0] == 1
    assert 0 < alive[1] < 1e-200
    assert 0.999 < alive[2] < 1
    daily = 90 * (PAPER.r + x[2]) / (PAPER.alpha + age[2])
    assert 0.9 * daily < PAPER.expected_purchases(90, x, t_x, age)[2] < daily


def test_where_nobody_drops_out_the_model_is_the_negative_binomial() -> None:
    frame = simulated(5, 0.8, 60, 0, 1)
    # Everybody with a repeat purchase had the last one yesterday.
    x, t_x, age, n = counted(frame.assign(t_x=(frame["T"] - 1) * (frame["x"] > 0)))
    fit = fit_bg_nbd(x, t_x, age, n)
    assert fit.note == NOBODY_DROPS_OUT
    assert fit.model is not None
    assert (fit.model.a, fit.model.b) == (0, 1)
    assert set(fit.model.p_alive(x, t_x, age)) == {1.0}
    expected = (fit.model.r + x) / (fit.model.alpha + age) * 90
    assert fit.model.expected_purchases(90, x, t_x, age) == pytest.approx(expected, rel=1e-9)

    def oracle(r: float, alpha: float) -> float:
        return float((n * nbinom.logpmf(x, r, alpha / (alpha + age))).sum())

    best = oracle(fit.model.r, fit.model.alpha)
    for change in (0.99, 1.01):
        assert oracle(fit.model.r * change, fit.model.alpha) < best
        assert oracle(fit.model.r, fit.model.alpha * change) < best


@pytest.mark.parametrize(
    ("x", "t_x", "n"),
    [
        ([0], [0], [500]),
        ([3], [20], [500]),
        ([0, 3], [0, 20], [500, 500]),
        ([0, 1], [0, 5], [9, 1]),
    ],
    ids=["all bought once", "all alike", "two kinds", "one repeat purchase"],
)
def test_histories_that_tell_too_little_have_no_model(
    x: list[float], t_x: list[float], n: list[float]
) -> None:
    age = np.full(len(x), 50.0)
    fit = fit_bg_nbd(np.array(x), np.array(t_x), age, np.array(n))
    assert fit.model is None
    assert fit.log_likelihood is None
    assert fit.note.startswith("the likelihood ")


def test_spend_that_doesn_t_vary_has_no_model() -> None:
    fit = fit_gamma_gamma(np.full(100, 2.0), np.full(100, 7.0))
    assert fit.model is None
    assert "no finite optimum" in fit.note


def test_the_spend_expected_lies_between_the_buyer_s_own_and_everybody_s() -> None:
    model = GammaGamma(6.25, 3.74, 15.44)
    assert model.mean_spend == pytest.approx(35.22, abs=0.005)
    found = model.expected_spend(np.array([0.0, 1, 200]), np.array([0.0, 100, 100]))
    assert found[0] == pytest.approx(model.mean_spend)
    assert model.mean_spend < found[1] < found[2] < 100
    assert found[2] == pytest.approx(99.9, abs=0.2)


def test_with_q_of_at_most_1_the_mean_spend_is_infinite_until_purchases_tell() -> None:
    model = GammaGamma(0.5, 0.6, 10)
    assert model.mean_spend == math.inf
    found = model.expected_spend(np.array([0.0, 1]), np.array([0.0, 30]))
    assert found.tolist() == pytest.approx([math.inf, 0.5 * 40 / 0.1])
    x, m = np.array([1.0, 3]), np.array([10.0, 30])
    assert observed_spend(x, m) == 25


def test_the_stated_error_of_a_sample_is_the_spread_of_fits_on_samples() -> None:
    x, m = spends(4, 2.0, 3.0, 30.0, n=4_000)
    whole = fit_gamma_gamma(x, m).model
    assert whole is not None
    assert sampling_error(whole, x, m, 1.0) == 0.0
    rng = np.random.default_rng(0)
    means, stated = [], []
    for _ in range(150):
        drawn = rng.random(len(x)) < 0.25
        model = fit_gamma_gamma(x[drawn], m[drawn]).model
        assert model is not None
        means.append(model.mean_spend)
        stated.append(sampling_error(model, x[drawn], m[drawn], 0.25))
    assert np.mean(stated) == pytest.approx(np.std(means) / whole.mean_spend, rel=0.15)


def test_without_a_mean_the_error_of_a_sample_is_that_of_the_observed_mean() -> None:
    x, m = np.array([1.0, 1, 2]), np.array([10.0, 30, 20])
    # Deviations from the mean of 20: -10, 10 and 0, of 4 purchases.
    expected = math.sqrt(2 * (0.5 / 4) ** 2 * 0.75)
    assert sampling_error(GammaGamma(1, 1, 1), x, m, 0.25) == pytest.approx(expected)
