"""Lifetime values with a season: time by literal numbers, planted seasons, hold-outs."""

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from purchase_logs import AS_OF, DATASETS, Purchase, fit_in_buckets, parts_of, simulated

from custseg_spark.core.clv import fitting, histories
from custseg_spark.core.clv.counts import purchase_counts
from custseg_spark.core.clv.fitting import ClvModel
from custseg_spark.core.clv.models import BgNbd
from custseg_spark.core.clv.scoring import FittedModels, clv_columns
from custseg_spark.core.clv.season_fitting import expected_repeats, fit_seasonal
from custseg_spark.core.clv.seasonal_time import Clock, Season

# January first: a shop of winter sports. The hold-out before AS_OF is December to February.
PLANTED = (2.2, 1.7, 1.0, 0.7, 0.5, 0.4, 0.4, 0.5, 0.7, 0.9, 1.3, 1.8)
EVEN = Season((1.0,) * 12)


def planted(
    seed: int, buyers: int, days: int, months: tuple[float, ...] = PLANTED
) -> list[Purchase]:
    """Buyers as the model has them, who buy by thinning: the more, the stronger the month."""
    rng = np.random.default_rng(seed)
    log: list[Purchase] = []
    most = max(months)
    for number in range(buyers):
        rate, chance = rng.gamma(1.2, 1 / 30), rng.beta(0.8, 6)
        at, is_first = float(rng.integers(days)), True
        while at < days:
            day = AS_OF - timedelta(days=days - math.floor(at))
            if is_first or rng.random() < months[day.month - 1] / most:
                log.append((f"c{number}", day, f"{rng.gamma(6, 5):.2f}"))
                # The model lets nobody drop out before a repeat purchase.
                if not is_first and rng.random() < chance:
                    break
            is_first = False
            at += rng.exponential(1 / (rate * most))
    return log


@pytest.fixture(scope="module")
def parts() -> pl.DataFrame:
    return parts_of(planted(4, 1_800, 1_200))


@pytest.fixture(scope="module")
def model(parts: pl.DataFrame) -> ClvModel:
    return fit_in_buckets(parts, 3)


def test_time_counts_each_day_by_its_month() -> None:
    clock = Clock(Season(PLANTED), date(2021, 1, 3))
    age, t_x = np.array([0, 2, 3, 33]), np.array([0, 0, 2, 33])
    seasonal_t_x, seasonal_age = clock.history(t_x, age)
    assert seasonal_age == pytest.approx([0, 4.4, 4.4 + 1.8, 4.4 + 31 * 1.8])
    # From the first day to the last purchase: the 31st of December to the 2nd of January.
    assert seasonal_t_x == pytest.approx([0, 0, 1.8 + 2.2, 4.4 + 31 * 1.8])
    assert clock.ahead(30) == pytest.approx(29 * 2.2 + 1.7)
    plain = Clock(None, date(2021, 1, 3))
    assert [of.tolist() for of in plain.history(t_x, age)] == [t_x.tolist(), age.tolist()]
    assert plain.ahead(30) == 30


def test_nobody_elses_age_moves_a_digit() -> None:
    clock, ages = Clock(Season(PLANTED), AS_OF), np.arange(1, 2_000)
    together = clock.elapsed(ages)
    assert all(
        clock.elapsed(np.array([age]))[0] == together[age - 1] for age in (1, 30, 999, 1_999)
    )


def test_an_even_season_is_plain_time() -> None:
    history = histories.purchase_history(parts_of(simulated(3, 200)), as_of=AS_OF)
    models = FittedModels(BgNbd(0.5, 60, 0.8, 2.4), None, 30, 0.01)
    even = FittedModels(models.purchases, None, 30, 0.01, Clock(EVEN, AS_OF))
    for name in ("p_alive", "expected_purchases_90d"):
        one, other = clv_columns(history, models)[name], clv_columns(history, even)[name]
        assert other.to_numpy() == pytest.approx(one.to_numpy(), rel=1e-12)


def test_expected_repeats_are_the_sum_over_buyers_and_days() -> None:
    model, season, end = BgNbd(0.5, 60, 0.8, 2.4), Season(PLANTED), date(2021, 2, 11)
    came = {date(2020, 12, 30): 3, date(2021, 1, 15): 2}
    days = pl.DataFrame(
        {"day": [*came, date(2021, 2, 3)], "firsts": [*came.values(), 0], "repeats": [0, 1, 4]}
    )
    expected = np.zeros(12)
    for first, buyers in came.items():
        reached = 0.0
        for n in range((end - first).days):
            day = first + timedelta(days=n)
            after = reached + PLANTED[day.month - 1]
            both = model.expected_from_start(np.array([reached, after]))
            expected[day.month - 1] += buyers * (both[1] - both[0])
            reached = after
    assert expected_repeats(season, model, days, end) == pytest.approx(expected, rel=1e-9)


def test_a_planted_season_is_found_and_the_hold_out_is_predicted_better(model: ClvModel) -> None:
    assert model.converged
    assert model.fits.months is not None
    truth = np.array(PLANTED) / np.average(PLANTED, weights=[31, 28, 31, 30, 31, 30] + [31] * 6)
    assert np.array(model.fits.months) == pytest.approx(truth, rel=0.15)
    assert model.held_out_fits.months is not None
    assert model.held_out.error is not None
    assert model.plain_error is not None
    assert model.held_out.error <= 0.8 * model.plain_error


def test_the_log_likelihood_is_of_days_with_a_season_as_well(
    parts: pl.DataFrame, model: ClvModel
) -> None:
    bought = histories.purchase_days(parts, AS_OF)
    counts = purchase_counts(
        histories.histories_of_days(bought, as_of=AS_OF, cutoff=AS_OF),
        max_spend_buyers=1,
        days=histories.counted_days(bought),
    )
    found = fit_seasonal(counts.histories, counts.days, AS_OF)
    assert found.purchases == model.fits.purchases
    assert found.plain.log_likelihood is not None
    assert found.purchases.log_likelihood is not None
    assert found.purchases.log_likelihood > found.plain.log_likelihood + 100
    off = fit_seasonal(counts.histories, counts.days.clear(), AS_OF)
    assert (off.purchases, off.clock.season) == (found.plain, None)


def test_without_a_season_and_with_a_short_log_the_model_is_the_plain_one() -> None:
    even = fit_in_buckets(parts_of(planted(5, 1_000, 1_200, (1.0,) * 12)))
    assert even.fits.months is None
    assert even.held_out.error == even.plain_error
    short = fit_in_buckets(parts_of(planted(6, 400, 700)))
    assert short.fits.months is None


def test_growth_is_no_season() -> None:
    # Twice as many newcomers each year, most of them in one spring.
    rng = np.random.default_rng(8)
    log = [
        (f"{seed}-{who}", day, amount)
        for seed, (ago, buyers) in enumerate(((1_100, 400), (735, 800), (370, 1_600)))
        for who, day, amount in _came_at(rng, ago, buyers)
    ]
    found = fit_in_buckets(parts_of(log))
    assert found.fits.months is None


def _came_at(rng: np.random.Generator, ago: int, buyers: int) -> list[Purchase]:
    log = []
    for number in range(buyers):
        rate, chance, at = rng.gamma(1.2, 1 / 30), rng.beta(0.8, 6), float(rng.integers(60))
        while at < ago:
            log.append((f"c{number}", AS_OF - timedelta(days=ago - math.floor(at)), "10"))
            if rng.random() < chance:
                break
            at += rng.exponential(1 / rate)
    return log


def test_on_cdnow_it_is_not_worse_than_the_plain_model() -> None:
    lines = (DATASETS / "CDNOW_sample.txt").read_text().split("\n")
    records = [line.split() for line in lines if line.strip()]
    log = [
        (who, date(int(day[:4]), int(day[4:6]), int(day[6:])), amount)
        for _, who, day, _, amount in records
    ]
    end = date(1998, 7, 1)
    for holdout in (90, 273):
        bought = histories.purchase_days(parts_of(log), end)
        split = histories.histories_of_days(bought, as_of=end, cutoff=end - timedelta(days=holdout))
        counts = purchase_counts(
            split, max_spend_buyers=200_000, days=histories.counted_days(bought)
        )
        found = fitting.fit(
            counts,
            as_of=end,
            holdout_days=holdout,
            min_repeat_buyers=50,
            monthly_discount_rate=0.01,
        )
        assert found.held_out.error is not None
        assert found.plain_error is not None
        assert found.held_out.error <= found.plain_error
        # 18 months: a month that was seen once or twice is no season.
        assert found.fits.months is None
