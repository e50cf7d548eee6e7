"""Lifetime value on Spark: histories, scores, and how models did on the hold-out."""

import math
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import lifetimes
import numpy as np
import pandas as pd
import pytest
from custseg_spark.features import clv, lifetime
from custseg_spark.features.clv import Fitted
from custseg_spark.features.lifetime import BgNbd, GammaGamma
from custseg_spark.models import clv as models
from custseg_spark.models import holdout
from custseg_spark.models.clv import ClvModel
from literal_events import by_customer, event, frame, parts_of
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.stats import rankdata

from custseg_spark.config.settings import ClvConfig
from custseg_spark.engine.lake.schemas import CLV_MODELS

AS_OF = date(2021, 3, 1)
BEGIN = date(2020, 3, 1)
PURCHASES, SPEND = BgNbd(0.5, 60, 0.8, 2.4), GammaGamma(6.25, 3.74, 15.44)
FITTED = Fitted(PURCHASES, SPEND, observed_spend=30, monthly_discount_rate=0.01)
DATASETS = Path(lifetimes.__file__).parent / "datasets"

Purchase = tuple[str, date, str]


def sessions_of(
    spark: SparkSession, purchases: Iterable[Purchase], partitions: int = 1
) -> DataFrame:
    """The session parts of (customer, day, amount), of the columns that histories read."""
    rows = [(who, str(day), 1, amount) for who, day, amount in purchases]
    columns = "customer_id string, session_date string, purchase_count bigint, amount string"
    return (
        spark.createDataFrame(rows, columns)
        .repartition(partitions)
        .select(
            "customer_id",
            "purchase_count",
            F.col("session_date").cast("date").alias("session_date"),
            F.col("amount").cast("decimal(28,4)").alias("purchase_amount"),
        )
    )


def simulated(seed: int, buyers: int, days: int = 365) -> list[Purchase]:
    """Buyers who live as the models have it, over the days before AS_OF."""
    rng = np.random.default_rng(seed)
    log: list[Purchase] = []
    for number in range(buyers):
        rate, chance = rng.gamma(0.9, 1 / 40), rng.beta(0.8, 2.4)
        scale = rng.gamma(3.74, 1 / 15.44)
        at = float(rng.integers(days))
        while at < days:
            day = AS_OF - timedelta(days=days - math.floor(at))
            log.append((f"c{number}", day, f"{rng.gamma(6.25, 1 / scale):.2f}"))
            at = math.inf if rng.random() < chance else at + rng.exponential(1 / rate)
    return log


@pytest.fixture(scope="module")
def log() -> list[Purchase]:
    return simulated(1, 1_500)


@pytest.fixture(scope="module")
def fitted(spark: SparkSession, log: list[Purchase]) -> ClvModel:
    return models.fit(sessions_of(spark, log), AS_OF, ClvConfig())


def histories(log: Iterable[Purchase], end: date) -> pd.DataFrame:
    """The oracle: x, t_x, T and m of each buyer before `end`, by customer."""
    days: dict[str, dict[date, Decimal]] = {}
    for who, day, amount in log:
        if day < end:
            own = days.setdefault(who, {})
            own[day] = own.get(day, Decimal(0)) + Decimal(amount)
    rows = {}
    for who, own in days.items():
        first, last, x = min(own), max(own), len(own) - 1
        repeat = sum(own.values()) - own[first]
        m = float(repeat) / x if x else None
        rows[who] = (x, (last - first).days, (end - first).days, m)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["x", "t_x", "T", "m"])


def test_a_history_is_of_purchase_days_before_the_run_date(spark: SparkSession) -> None:
    log = [
        event("regular", "2021-01-01 10:00", "purchase", "100"),
        event("regular", "2021-01-01 18:00", "purchase", "50"),
        event("regular", "2021-01-11", "purchase", "10.5", order_id="o1"),
        event("regular", "2021-01-11", "purchase", "1", quantity=2, discount=Decimal("0.25")),
        event("regular", "2021-01-12", "view", "900"),
        event("regular", "2021-01-13", "return", "10.5"),
        event("regular", "2021-01-31 23:59:59", "purchase", "7.75"),
        event("regular", "2021-03-01", "purchase", "1000"),
        event("once", "2021-02-28 23:59", "purchase", "5"),
        event("freebie", "2021-02-01", "purchase", "5"),
        event("freebie", "2021-02-03", "purchase", "0"),
        event("looker", "2021-02-01", "view"),
        event("late", "2021-03-01", "purchase", "5"),
    ]
    found = by_customer(clv.purchase_history(parts_of(frame(spark, log)), as_of=AS_OF).collect())
    assert found == {
        "regular": {"x": 2, "t_x": 30, "age": 59, "m": 10.0},
        "once": {"x": 0, "t_x": 0, "age": 1, "m": None},
        "freebie": {"x": 1, "t_x": 2, "age": 28, "m": 0.0},
    }


def test_a_split_history_tells_what_came_before_the_cutoff_and_after(spark: SparkSession) -> None:
    cutoff = date(2021, 2, 1)
    log = [
        ("both", date(2021, 1, 1), "1"),
        ("both", date(2021, 1, 31), "20.5"),
        ("both", date(2021, 2, 1), "4"),
        ("both", date(2021, 2, 28), "5.25"),
        ("new", date(2021, 2, 10), "7"),
        ("gone", date(2021, 1, 2), "9"),
    ]
    sessions = sessions_of(spark, log)
    split = by_customer(clv.split_history(sessions, as_of=AS_OF, cutoff=cutoff).collect())
    before = {f"cut_{n}": v for n, v in {"x": 1, "t_x": 30, "age": 31, "m": 20.5}.items()}
    never = dict.fromkeys(before)
    late = [(own["held_out_purchases"], own["held_out_spend"]) for own in split.values()]
    assert {who: {n: own[n] for n in before} for who, own in split.items()} == {
        "both": before,
        "new": never,
        "gone": {"cut_x": 0, "cut_t_x": 0, "cut_age": 30, "cut_m": None},
    }
    assert dict(zip(split, late, strict=True)) == {
        "both": (2, Decimal("9.2500")),
        "new": (1, Decimal("7.0000")),
        "gone": (0, Decimal("0.0000")),
    }
    whole = by_customer(clv.purchase_history(sessions, as_of=AS_OF).collect())
    assert {
        who: {n: own[n] for n in ("x", "t_x", "age", "m")} for who, own in split.items()
    } == whole


def test_equal_histories_are_counted_and_old_ones_in_weeks(spark: SparkSession) -> None:
    rows = [(0, 0, 9), (0, 0, 9), (2, 5, 730), (2, 3, 731), (2, 4, 734), (None, None, None)]
    frame = spark.createDataFrame(rows, "x int, t_x int, age int")
    found = {(r.x, r.t_x, r.age): r.buyers for r in clv.counted(frame).collect()}
    assert found == {(0, 0, 9): 2, (2, 5, 730): 1, (2, 0, 728): 1, (2, 7, 735): 1}


def test_the_cdnow_log_on_spark_has_the_published_parameters(spark: SparkSession) -> None:
    lines = (DATASETS / "CDNOW_sample.txt").read_text().split("\n")
    fields = [line.split() for line in lines if line.strip()]
    log = [
        (own[1], date(int(own[2][:4]), int(own[2][4:6]), int(own[2][6:])), own[4]) for own in fields
    ]
    history = clv.purchase_history(sessions_of(spark, log), as_of=date(1997, 10, 1))
    counts = clv.counted(history).toPandas().astype(float)
    assert counts["buyers"].sum() == 2_357
    assert (counts["x"] * counts["buyers"]).sum() == 2_457
    assert counts.loc[counts["x"] == 0, "buyers"].sum() == 1_411
    # The paper's clock stops with the last day of observation, ours at its end.
    x, t_x, age, n = (counts[c].to_numpy() for c in ("x", "t_x", "age", "buyers"))
    fit = lifetime.fit_bg_nbd(x, t_x / 7, (age - 1) / 7, n)
    assert fit.model is not None
    assert fit.model.r == pytest.approx(0.243, abs=5e-4)
    assert fit.model.alpha == pytest.approx(4.414, abs=5e-4)
    assert fit.model.a == pytest.approx(0.793, abs=5e-4)
    assert fit.model.b == pytest.approx(2.426, abs=5e-4)
    assert fit.log_likelihood == pytest.approx(-9582.43, abs=0.01)


def scored(history: DataFrame, fitted: Fitted) -> dict[str, dict[str, Any]]:
    return by_customer(clv.clv_columns(history, fitted).collect())


@pytest.fixture(scope="module")
def history(spark: SparkSession, log: list[Purchase]) -> DataFrame:
    return clv.purchase_history(sessions_of(spark, log[:900]), as_of=AS_OF)


def test_buyers_are_scored_as_by_the_library(history: DataFrame, log: list[Purchase]) -> None:
    found = pd.DataFrame.from_dict(scored(history, FITTED), orient="index")
    buyers = histories(log[:900], AS_OF).loc[found.index]
    x, t_x, age, m = (buyers[name] for name in ("x", "t_x", "T", "m"))
    purchases, spend = lifetimes.BetaGeoFitter(), lifetimes.GammaGammaFitter()
    purchases.params_ = pd.Series(vars(PURCHASES))
    purchases.predict = purchases.conditional_expected_number_of_purchases_up_to_time
    spend.params_ = pd.Series(vars(SPEND))
    value = spend.customer_lifetime_value(
        purchases, x, t_x, age, m.astype(float).fillna(0), time=12, discount_rate=0.01, freq="D"
    )
    expected = purchases.predict(90, x, t_x, age)
    alive = purchases.conditional_probability_alive(x, t_x, age)
    assert found["expected_purchases_90d"].to_numpy() == pytest.approx(expected, rel=1e-9)
    assert found["p_alive"].to_numpy() == pytest.approx(alive, rel=1e-9)
    assert found["clv_12m"].to_numpy() == pytest.approx(value.to_numpy(), rel=1e-9)
    assert (x == 0).any()
    assert (x > 3).any()


def test_no_partitioning_changes_a_bit_of_a_score(history: DataFrame) -> None:
    assert scored(history.repartition(7), FITTED) == scored(history.coalesce(1), FITTED)


def test_without_a_model_its_columns_are_null(spark: SparkSession) -> None:
    history = spark.createDataFrame(
        [("a", 1, 5, 20, 30.0), ("b", 0, 0, 20, None)],
        "customer_id string, x int, t_x int, age int, m double",
    )
    neither = scored(history, Fitted(None, None, 0, 0.01))
    assert neither == dict.fromkeys("ab", dict.fromkeys(clv.CLV_DOCS))
    no_spend = scored(history, Fitted(PURCHASES, None, 0, 0.01))
    both = scored(history, FITTED)
    for who in "ab":
        assert no_spend[who] == both[who] | {"clv_12m": None}
        assert None not in both[who].values()


def test_an_infinite_mean_spend_is_replaced_by_the_observed_one(spark: SparkSession) -> None:
    history = spark.createDataFrame(
        [("a", 0, 0, 20, None)], "customer_id string, x int, t_x int, age int, m double"
    )
    infinite = Fitted(PURCHASES, GammaGamma(0.5, 0.9, 10), 30, 0)
    found = scored(history, infinite)["a"]["clv_12m"]
    year = PURCHASES.expected_purchases(360, np.zeros(1), np.zeros(1), np.full(1, 20.0))
    assert found == pytest.approx(30 * year[0])


def test_the_models_of_a_log_are_those_of_its_buyers_one_by_one(
    fitted: ClvModel, log: list[Purchase]
) -> None:
    buyers = histories(log, AS_OF)
    repeat = buyers[buyers["x"] > 0]
    arrays = [buyers[name].to_numpy(dtype=float) for name in ("x", "t_x", "T")]
    purchases = lifetime.fit_bg_nbd(*arrays, np.ones(len(buyers)))
    spend = lifetime.fit_gamma_gamma(repeat["x"].to_numpy(float), repeat["m"].to_numpy(float))
    assert (fitted.buyers, fitted.repeat_buyers) == (1_500, len(repeat))
    assert fitted.converged
    assert fitted.why == ""
    assert (fitted.fits.spend_buyers, fitted.fits.spend_error) == (len(repeat), 0.0)
    for ours, oracle in ((fitted.fits.purchases, purchases), (fitted.fits.spend, spend)):
        assert ours.log_likelihood == pytest.approx(oracle.log_likelihood, rel=1e-9)
        assert vars(ours.model) == pytest.approx(vars(oracle.model), rel=1e-4)


@pytest.fixture(scope="module")
def held_out(log: list[Purchase]) -> pd.DataFrame:
    """The oracle: a row a buyer before the cutoff, what was expected of whom, and what came."""
    cutoff = AS_OF - timedelta(days=90)
    buyers = histories(log, cutoff)
    repeat = buyers[buyers["x"] > 0]
    arrays = [buyers[name].to_numpy(dtype=float) for name in ("x", "t_x", "T")]
    purchases = lifetime.fit_bg_nbd(*arrays, np.ones(len(buyers))).model
    spend = lifetime.fit_gamma_gamma(repeat["x"].to_numpy(float), repeat["m"].to_numpy(float)).model
    assert purchases is not None
    assert spend is not None
    late = {(who, day) for who, day, _ in log if cutoff <= day < AS_OF}
    actual = pd.Series([who for who, _ in late]).value_counts()
    months = [purchases.expected_purchases(30 * k, *arrays) for k in range(13)]
    worth = sum((months[k] - months[k - 1]) / 1.01**k for k in range(1, 13))
    revenue = pd.DataFrame(log, columns=["who", "day", "amount"]).query("day >= @cutoff")
    return buyers.assign(
        actual=actual.reindex(buyers.index, fill_value=0),
        expected=months[3],
        clv=worth * spend.expected_spend(arrays[0], np.nan_to_num(buyers["m"].to_numpy(float))),
        revenue=revenue.astype({"amount": float})
        .groupby("who")["amount"]
        .sum()
        .reindex(buyers.index, fill_value=0),
    )


def test_calibration_compares_what_came_with_what_was_expected(
    fitted: ClvModel, held_out: pd.DataFrame
) -> None:
    assert fitted.holdout_days == 90
    expected = [
        (x, len(own), own["actual"].mean(), own["expected"].mean())
        for x, own in held_out.groupby(held_out["x"].clip(upper=7))
    ]
    assert [entry[0] for entry in expected] == list(range(8))
    for found, entry in zip(fitted.held_out.calibration, expected, strict=True):
        assert found == pytest.approx(entry, rel=1e-4)


def test_the_gini_is_that_of_the_ranks(fitted: ClvModel, held_out: pd.DataFrame) -> None:
    def covariance(by: str) -> float:
        return float(np.cov(held_out["actual"], rankdata(held_out[by]))[0, 1])

    oracle = covariance("expected") / covariance("actual")
    assert fitted.held_out.gini == pytest.approx(oracle, rel=1e-6)
    assert 0.2 < oracle < 1


def test_the_deciles_are_of_the_buyers_ranked_by_value(
    fitted: ClvModel, held_out: pd.DataFrame
) -> None:
    ranked = held_out.sort_values("clv", ascending=False)
    places = np.array_split(np.arange(len(ranked)), 10)
    for number, (found, place) in enumerate(zip(fitted.held_out.deciles, places, strict=True), 1):
        own = ranked.iloc[place]
        assert found[0] == number
        assert abs(found[1] - len(own)) <= 1
        # Who stands at a border may be on its other side.
        assert found[3] == pytest.approx(own["clv"].sum() / held_out["clv"].sum(), abs=2e-3)
        assert found[2] == pytest.approx(own["revenue"].sum() / held_out["revenue"].sum(), abs=0.02)
    for column in (2, 3):
        assert sum(entry[column] for entry in fitted.held_out.deciles) == pytest.approx(1)
    assert sum(entry[1] for entry in fitted.held_out.deciles) == len(held_out)


def test_equal_values_share_what_they_have_over_a_border() -> None:
    values = pd.DataFrame({"buyers": [1, 18, 1], "spend": [50, 36, 14], "clv": [19, 18, 0]})
    found = holdout.deciles(values)
    assert [entry[:2] for entry in found] == [(d, 2) for d in range(1, 11)]
    assert found[0][2:] == pytest.approx((0.52, 20 / 37))
    assert found[4][2:] == pytest.approx((0.04, 2 / 37))
    assert found[9][2:] == pytest.approx((0.16, 1 / 37))


@pytest.mark.parametrize(
    ("predicted", "gini"),
    [([1, 2, 3], 1.0), ([3, 2, 1], -1.0), ([5, 5, 5], 0.0), ([2, 2, 3], 0.75)],
)
def test_the_gini_of_literal_predictions(predicted: list[float], gini: float) -> None:
    actual, weights = np.array([0.0, 1, 2]), np.array([2.0, 2, 2])
    found = holdout.normalised_gini(np.array(predicted, dtype=float), actual, weights)
    assert found == pytest.approx(gini)


def test_where_all_did_the_same_there_is_no_gini() -> None:
    assert holdout.normalised_gini(np.arange(3.0), np.ones(3), np.ones(3)) is None


def test_order_and_partitions_and_later_purchases_change_nothing(
    spark: SparkSession, fitted: ClvModel, log: list[Purchase]
) -> None:
    later = [(who, AS_OF, "99") for who, _, _ in log[:50]]
    again = models.fit(sessions_of(spark, [*later, *reversed(log)], 5), AS_OF, ClvConfig())
    assert again == fitted


def test_more_repeat_buyers_than_allowed_are_sampled_and_the_error_is_stated(
    spark: SparkSession, fitted: ClvModel, log: list[Purchase]
) -> None:
    sampled = models.fit(sessions_of(spark, log), AS_OF, ClvConfig(max_spend_buyers=300))
    assert sampled.converged
    assert 250 < sampled.fits.spend_buyers < 350
    assert sampled.fits.purchases == fitted.fits.purchases
    whole, part = fitted.fits.spend.model, sampled.fits.spend.model
    assert whole is not None
    assert part is not None
    assert sampled.fits.spend_error is not None
    assert 0.01 < sampled.fits.spend_error < 0.05
    assert abs(part.mean_spend / whole.mean_spend - 1) < 3 * sampled.fits.spend_error


def test_the_row_is_one_of_the_table(spark: SparkSession, fitted: ClvModel) -> None:
    row = spark.createDataFrame([fitted.row(AS_OF)], CLV_MODELS.schema).collect()[0]
    purchases, spend = fitted.fits.purchases, fitted.fits.spend
    assert purchases.model is not None
    assert spend.model is not None
    assert (row.run_date, row.buyers, row.converged, row.why) == (AS_OF, 1_500, True, "")
    assert (row.r, row.b, row.log_likelihood) == (
        purchases.model.r,
        purchases.model.b,
        purchases.log_likelihood,
    )
    assert (row.p, row.v, row.spend_log_likelihood) == (
        spend.model.p,
        spend.model.v,
        spend.log_likelihood,
    )
    assert row.holdout_days == 90
    assert row.calibration[0].purchases == 0
    assert len(row.deciles) == 10


def on(days: Iterable[int], who: str, amount: str = "10") -> list[Purchase]:
    return [(who, BEGIN + timedelta(days=day), amount) for day in days]


def crowd(days: Iterable[int], amount: str = "10") -> list[Purchase]:
    return [purchase for n in range(60) for purchase in on(days, f"c{n}", amount)]


@pytest.mark.parametrize(
    ("log", "buyers", "reasons"),
    [
        ([], 0, ["nobody bought before 2021-03-01"]),
        (on([364], "one"), 1, ["0 repeat buyers, 50 needed (clv.min_repeat_buyers)", "hold-out"]),
        (crowd([0]), 60, ["0 repeat buyers, 50 needed (clv.min_repeat_buyers)", "hold-out: 0 rep"]),
        (
            crowd([0, 30, 60]),
            60,
            ["purchases: the likelihood has no", "spend: the likelihood has no", "hold-out: purch"],
        ),
    ],
    ids=["nobody", "one buyer", "all bought once", "all alike"],
)
def test_a_log_that_tells_too_little_has_no_models_and_says_why(
    spark: SparkSession, log: list[Purchase], buyers: int, reasons: list[str]
) -> None:
    sessions = sessions_of(spark, log)
    model = models.fit(sessions, AS_OF, ClvConfig())
    assert (model.buyers, model.converged) == (buyers, False)
    said = model.why.split("; ")[: len(reasons)]
    assert [one[: len(reason)] for one, reason in zip(said, reasons, strict=True)] == reasons
    row = spark.createDataFrame([model.row(AS_OF)], CLV_MODELS.schema).collect()[0]
    assert [row[n] for n in ("r", "b", "log_likelihood", "p", "gini")] == [None] * 5
    assert (row.calibration, row.deciles) == ([], [])
    found = scored(clv.purchase_history(sessions, as_of=AS_OF), model.fitted)
    assert len(found) == buyers
    assert all(own == dict.fromkeys(clv.CLV_DOCS) for own in found.values())


def test_free_purchases_are_purchases_without_a_model_of_spend(
    spark: SparkSession, log: list[Purchase]
) -> None:
    free = [(who, day, "0") for who, day, _ in log]
    model = models.fit(sessions_of(spark, free), AS_OF, ClvConfig())
    assert not model.converged
    assert model.fits.purchases.model is not None
    assert model.why.startswith("spend: 0 repeat buyers with a spend above 0, 50 needed")
    assert model.held_out.calibration
    assert model.held_out.deciles == ()
