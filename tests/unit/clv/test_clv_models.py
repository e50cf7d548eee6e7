"""The models against a published figure, plain integration and limits that are known."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import betaln

from custseg_spark.core.clv.estimation import observed_spend
from custseg_spark.core.clv.models import BgNbd, GammaGamma

PAPER = BgNbd(0.2426, 4.4135, 0.7929, 2.4258)


def test_customer_1_of_cdnow_is_expected_to_buy_as_the_paper_says() -> None:
    first = np.array([2.0]), np.array([30.43]), np.array([38.86])
    assert PAPER.expected_purchases(39, *first) == pytest.approx([1.226], abs=5e-4)


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
def test_expected_purchases_agree_with_integration_at_singular_points_too(model: BgNbd) -> None:
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


def test_a_buyer_is_expected_to_buy_the_same_among_others_as_alone() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, 200).astype(float)
    age = rng.integers(1, 40, 200) / 7
    t_x = np.where(x > 0, age * rng.random(200), 0.0)
    together = list(PAPER.expected_purchases_by([5, 10.5], x, t_x, age))
    for horizon, expected in zip([5, 10.5], together, strict=True):
        alone = [
            PAPER.expected_purchases(horizon, x[i : i + 1], t_x[i : i + 1], age[i : i + 1])[0]
            for i in range(200)
        ]
        assert expected.tolist() == alone
    nobody = np.zeros(0)
    assert len(PAPER.expected_purchases(5, nobody, nobody, nobody)) == 0


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
