"""The models of a log, made in buckets, against fits on its buyers one by one."""

from collections.abc import Iterable
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from purchase_logs import (
    AS_OF,
    BEGIN,
    DATASETS,
    Purchase,
    expected_histories,
    fit_in_buckets,
    parts_of,
    simulated,
)
from scipy.stats import rankdata

from custseg_spark.core.clv.columns import CLV_DOCS
from custseg_spark.core.clv.counts import counted
from custseg_spark.core.clv.estimation import Fit, fit_bg_nbd, fit_gamma_gamma
from custseg_spark.core.clv.fitting import ClvModel
from custseg_spark.core.clv.histories import purchase_history
from custseg_spark.core.clv.models import BgNbd, GammaGamma
from custseg_spark.core.clv.scoring import clv_columns
from custseg_spark.engine.lake.rows import rows_of
from custseg_spark.engine.lake.schemas import CLV_MODELS


@pytest.fixture(scope="module")
def log() -> list[Purchase]:
    return simulated(1, 1_500)


@pytest.fixture(scope="module")
def fitted(log: list[Purchase]) -> ClvModel:
    return fit_in_buckets(parts_of(log))


def histories(log: Iterable[Purchase], end: date) -> pd.DataFrame:
    """The oracle's x, t_x, age and m of each buyer before `end`, by customer."""
    rows = expected_histories(log, end)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["x", "t_x", "age", "m"])


def fits_one_by_one(buyers: pd.DataFrame) -> tuple[Fit[BgNbd], Fit[GammaGamma]]:
    """The models of buyers each counted alone."""
    repeat = buyers[buyers["x"] > 0]
    arrays = [buyers[name].to_numpy(dtype=float) for name in ("x", "t_x", "age")]
    spends = repeat["x"].to_numpy(float), repeat["m"].to_numpy(float)
    return fit_bg_nbd(*arrays, np.ones(len(buyers))), fit_gamma_gamma(*spends)


def test_the_cdnow_log_has_the_published_parameters() -> None:
    lines = (DATASETS / "CDNOW_sample.txt").read_text().split("\n")
    records = [line.split() for line in lines if line.strip()]
    log = [
        (who, date(int(day[:4]), int(day[4:6]), int(day[6:])), amount)
        for _, who, day, _, amount in records
    ]
    counts = counted(purchase_history(parts_of(log), as_of=date(1997, 10, 1)))
    x, t_x, age, n = (counts[c].to_numpy().astype(float) for c in ("x", "t_x", "age", "buyers"))
    assert (n.sum(), (x * n).sum(), n[x == 0].sum()) == (2_357, 2_457, 1_411)
    # The paper's clock stops with the last day of observation, ours at its end.
    fit = fit_bg_nbd(x, t_x / 7, (age - 1) / 7, n)
    assert fit.model is not None
    published = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert vars(fit.model) == pytest.approx(published, abs=5e-4)
    assert fit.log_likelihood == pytest.approx(-9582.43, abs=0.01)


def test_the_models_of_a_log_are_those_of_its_buyers_one_by_one(
    fitted: ClvModel, log: list[Purchase]
) -> None:
    buyers = histories(log, AS_OF)
    repeat_buyers = int((buyers["x"] > 0).sum())
    assert (fitted.buyers, fitted.repeat_buyers) == (1_500, repeat_buyers)
    assert fitted.converged
    assert fitted.why == ""
    assert (fitted.fits.spend_buyers, fitted.fits.spend_error) == (repeat_buyers, 0.0)
    purchases, spend = fits_one_by_one(buyers)
    for ours, oracle in ((fitted.fits.purchases, purchases), (fitted.fits.spend, spend)):
        assert ours.log_likelihood == pytest.approx(oracle.log_likelihood, rel=1e-9)
        assert vars(ours.model) == pytest.approx(vars(oracle.model), rel=1e-4)


@pytest.mark.parametrize("most", [200_000, 300])
def test_no_number_of_buckets_changes_a_bit_of_the_models(log: list[Purchase], most: int) -> None:
    one, many = (fit_in_buckets(parts_of(log), buckets, most) for buckets in (1, 9))
    assert many == one


def test_order_and_later_purchases_change_nothing(fitted: ClvModel, log: list[Purchase]) -> None:
    later = [(who, AS_OF, "99") for who, _, _ in log[:50]]
    assert fit_in_buckets(parts_of([*later, *reversed(log)]), 5) == fitted


def test_more_repeat_buyers_than_allowed_are_sampled_and_the_error_is_stated(
    fitted: ClvModel, log: list[Purchase]
) -> None:
    sampled = fit_in_buckets(parts_of(log), max_spend_buyers=300)
    assert sampled.converged
    assert 250 < sampled.fits.spend_buyers < 350
    assert sampled.fits.purchases == fitted.fits.purchases
    whole, part = fitted.fits.spend.model, sampled.fits.spend.model
    assert whole is not None
    assert part is not None
    assert sampled.fits.spend_error is not None
    assert 0.01 < sampled.fits.spend_error < 0.05
    assert abs(part.mean_spend / whole.mean_spend - 1) < 3 * sampled.fits.spend_error


@pytest.fixture(scope="module")
def held_out(log: list[Purchase]) -> pd.DataFrame:
    """The oracle: a row a buyer before the cutoff, with expected and actual purchases."""
    cutoff = AS_OF - timedelta(days=90)
    buyers = histories(log, cutoff)
    arrays = [buyers[name].to_numpy(dtype=float) for name in ("x", "t_x", "age")]
    purchases, spend = (fit.model for fit in fits_one_by_one(buyers))
    assert isinstance(purchases, BgNbd)
    assert isinstance(spend, GammaGamma)
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


def test_calibration_compares_actual_with_expected_purchases(
    fitted: ClvModel, held_out: pd.DataFrame
) -> None:
    assert fitted.holdout_days == 90
    expected = [
        (x, len(buyers), buyers["actual"].mean(), buyers["expected"].mean())
        for x, buyers in held_out.groupby(held_out["x"].clip(upper=7))
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
        buyers = ranked.iloc[place]
        assert found[0] == number
        assert abs(found[1] - len(buyers)) <= 1
        # Who stands at a border may be on its other side.
        clv_share = buyers["clv"].sum() / held_out["clv"].sum()
        revenue_share = buyers["revenue"].sum() / held_out["revenue"].sum()
        assert found[3] == pytest.approx(clv_share, abs=2e-3)
        assert found[2] == pytest.approx(revenue_share, abs=0.02)
    for column in (2, 3):
        assert sum(entry[column] for entry in fitted.held_out.deciles) == pytest.approx(1)
    assert sum(entry[1] for entry in fitted.held_out.deciles) == len(held_out)


def test_the_row_fits_the_table(fitted: ClvModel) -> None:
    row = fitted.row(AS_OF)
    purchases, spend = fitted.fits.purchases, fitted.fits.spend
    assert purchases.model is not None
    assert spend.model is not None
    assert row == (
        *(AS_OF, 1_500, fitted.repeat_buyers, True, ""),
        *vars(purchases.model).values(),
        purchases.log_likelihood,
        *vars(spend.model).values(),
        *(spend.log_likelihood, fitted.repeat_buyers, 0.0, 90),
        list(fitted.held_out.calibration),
        fitted.held_out.gini,
        list(fitted.held_out.deciles),
        *(None, fitted.held_out.error, fitted.plain_error),
    )
    day, *of_model = row
    [stored] = rows_of([(day, "0f", *of_model)], CLV_MODELS.schema).to_pylist()
    assert stored.pop("run_id") == "0f"
    assert tuple(stored.values())[:-6] == row[:-6]
    assert tuple(stored.values())[-3:] == row[-3:]
    assert stored["calibration"][0]["purchases"] == 0
    assert [entry["decile"] for entry in stored["deciles"]] == list(range(1, 11))


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
    log: list[Purchase], buyers: int, reasons: list[str]
) -> None:
    parts = parts_of(log)
    model = fit_in_buckets(parts, 3)
    assert (model.buyers, model.converged) == (buyers, False)
    notes = model.why.split("; ")[: len(reasons)]
    assert [note[: len(reason)] for note, reason in zip(notes, reasons, strict=True)] == reasons
    row = model.row(AS_OF)
    assert row[5:13] == (None,) * 8
    assert row[-6:] == ([], None, [], None, None, None)
    scores = clv_columns(purchase_history(parts, as_of=AS_OF), model.fitted)
    assert len(scores) == buyers
    assert all(scores[name].null_count() == buyers for name in CLV_DOCS)


def test_free_purchases_are_purchases_without_a_model_of_spend(log: list[Purchase]) -> None:
    model = fit_in_buckets(parts_of((who, day, "0") for who, day, _ in log))
    assert not model.converged
    assert model.fits.purchases.model is not None
    assert model.why.startswith("spend: 0 repeat buyers with a spend above 0, 50 needed")
    assert model.held_out.calibration
    assert model.held_out.deciles == ()
