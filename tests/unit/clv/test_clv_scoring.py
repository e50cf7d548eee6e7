"""Scores of buyers against the library `lifetimes`, and without models."""

import lifetimes
import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from purchase_logs import AS_OF, parts_of, simulated

from custseg_spark.core.clv.columns import CLV_DOCS
from custseg_spark.core.clv.histories import purchase_history
from custseg_spark.core.clv.models import BgNbd, GammaGamma
from custseg_spark.core.clv.scoring import FittedModels, clv_columns

PURCHASES, SPEND = BgNbd(0.5, 60, 0.8, 2.4), GammaGamma(6.25, 3.74, 15.44)
FITTED = FittedModels(PURCHASES, SPEND, observed_spend=30, monthly_discount_rate=0.01)


@pytest.fixture(scope="module")
def history() -> pl.DataFrame:
    return purchase_history(parts_of(simulated(1, 500)), as_of=AS_OF)


def history_of(*rows: tuple[str, int, int, int, float | None]) -> pl.DataFrame:
    integers = dict.fromkeys(("x", "t_x", "age"), pl.Int32)
    schema = {"customer_id": pl.String, **integers, "m": pl.Float64}
    return pl.DataFrame(rows, schema, orient="row")


def test_buyers_are_scored_as_by_the_library(history: pl.DataFrame) -> None:
    found = clv_columns(history, FITTED)
    assert found.columns == ["customer_id", *CLV_DOCS]
    assert found["customer_id"].equals(history["customer_id"])
    x, t_x, age, m = (
        pd.Series(history[name].cast(pl.Float64).fill_null(0).to_numpy())
        for name in ("x", "t_x", "age", "m")
    )
    purchases, spend = lifetimes.BetaGeoFitter(), lifetimes.GammaGammaFitter()
    purchases.params_ = pd.Series(vars(PURCHASES))
    purchases.predict = purchases.conditional_expected_number_of_purchases_up_to_time
    spend.params_ = pd.Series(vars(SPEND))
    value = spend.customer_lifetime_value(
        purchases, x, t_x, age, m, time=12, discount_rate=0.01, freq="D"
    )
    expected = purchases.predict(90, x, t_x, age)
    alive = purchases.conditional_probability_alive(x, t_x, age)
    assert found["expected_purchases_90d"].to_numpy() == pytest.approx(expected, rel=1e-9)
    assert found["p_alive"].to_numpy() == pytest.approx(alive, rel=1e-9)
    assert found["clv_12m"].to_numpy() == pytest.approx(value.to_numpy(), rel=1e-9)
    assert (x == 0).any()
    assert (x > 3).any()


def test_no_batch_changes_a_bit_of_a_score(history: pl.DataFrame) -> None:
    shuffled = history.sample(fraction=1, shuffle=True, seed=1)
    in_batches = [clv_columns(batch, FITTED) for batch in shuffled.iter_slices(37)]
    assert_frame_equal(
        pl.concat(in_batches).sort("customer_id"),
        clv_columns(history, FITTED).sort("customer_id"),
        check_exact=True,
    )


def test_without_a_model_its_columns_are_null() -> None:
    history = history_of(("a", 1, 5, 20, 30.0), ("b", 0, 0, 20, None))
    neither = clv_columns(history, FittedModels(None, None, 0, 0.01))
    assert neither.rows() == [("a", None, None, None), ("b", None, None, None)]
    both = clv_columns(history, FITTED)
    no_spend = clv_columns(history, FittedModels(PURCHASES, None, 0, 0.01))
    assert no_spend.drop("clv_12m").equals(both.drop("clv_12m"))
    assert no_spend["clv_12m"].null_count() == 2
    assert both.null_count().row(0) == (0, 0, 0, 0)
    assert neither.schema == no_spend.schema == both.schema


def test_nobody_is_scored_to_no_rows_of_the_same_columns() -> None:
    nobody = clv_columns(history_of(), FITTED)
    assert len(nobody) == 0
    assert nobody.schema == clv_columns(history_of(("a", 0, 0, 20, None)), FITTED).schema


def test_a_value_beyond_doubles_is_null() -> None:
    beyond = FittedModels(BgNbd(60_000, 1e-3, 1e-4, 1e-4), SPEND, 30, 0.01)
    row = clv_columns(history_of(("a", 0, 0, 30, None)), beyond).row(0, named=True)
    assert row["expected_purchases_90d"] is None
    assert row["clv_12m"] is None
    assert row["p_alive"] is not None


def test_an_infinite_mean_spend_is_replaced_by_the_observed_one() -> None:
    infinite = FittedModels(PURCHASES, GammaGamma(0.5, 0.9, 10), 30, 0)
    found = clv_columns(history_of(("a", 0, 0, 20, None)), infinite)["clv_12m"][0]
    year = PURCHASES.expected_purchases(360, np.zeros(1), np.zeros(1), np.full(1, 20.0))
    assert found == pytest.approx(30 * year[0])


def test_a_mean_spend_below_0_counts_as_0() -> None:
    found = clv_columns(history_of(("a", 2, 9, 20, -7.0), ("b", 2, 9, 20, 0.0)), FITTED)
    assert found["clv_12m"][0] == found["clv_12m"][1]
