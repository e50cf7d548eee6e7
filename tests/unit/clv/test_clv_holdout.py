"""How models are compared with what came after the cutoff: days, ranks, deciles."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from purchase_logs import AS_OF, buckets_of, parts_of, simulated

from custseg_spark.core.clv import holdout
from custseg_spark.core.clv.histories import split_histories
from custseg_spark.core.clv.models import BgNbd, GammaGamma
from custseg_spark.core.clv.scoring import FittedModels, clv_columns

FITTED = FittedModels(BgNbd(0.5, 60, 0.8, 2.4), GammaGamma(6.25, 3.74, 15.44), 30, 0.01)
CUTOFF = AS_OF - timedelta(days=90)


def test_a_third_of_the_days_is_held_out_and_90_at_most() -> None:
    lengths = {1: 0, 2: 0, 3: 1, 100: 33, 270: 90, 5_000: 90}
    for days, expected in lengths.items():
        assert holdout.holdout_days(AS_OF - timedelta(days=days), AS_OF) == expected
    assert holdout.holdout_days(None, AS_OF) == 0


def test_values_are_of_the_buyers_before_the_cutoff_and_add_up_over_buckets() -> None:
    parts = parts_of(simulated(2, 300))
    split = split_histories(parts, as_of=AS_OF, cutoff=CUTOFF)
    whole = holdout.held_out_values(split, FITTED)
    before = split.filter(pl.col("cut_x").is_not_null())
    cut = before.select("customer_id", x="cut_x", t_x="cut_t_x", age="cut_age", m="cut_m")
    clv = clv_columns(cut, FITTED)["clv_12m"]
    assert whole["buyers"].sum() == len(before) < len(split)
    assert whole["spend"].sum() == before["held_out_spend"].sum()
    assert float(whole["clv"].sum()) == pytest.approx(clv.sum(), abs=1e-4 * len(before))
    assert whole["step"].is_sorted(descending=True)
    assert (whole["step"][0], whole["step"][-1]) == tuple(
        int(np.floor(1_000 * np.log(value))) for value in (clv.max(), clv.min())
    )
    buckets = [
        holdout.held_out_values(split_histories(bucket, as_of=AS_OF, cutoff=CUTOFF), FITTED)
        for bucket in buckets_of(parts, 7)
    ]
    assert_frame_equal(holdout.merged_values(reversed(buckets)), whole)


def test_buyers_without_a_value_come_last_and_count() -> None:
    history = {"x": [0, 0], "t_x": [0, 0], "age": [30, 30], "m": [0.0, 0.0]}
    split = pl.DataFrame({f"cut_{name}": of for name, of in history.items()}).with_columns(
        held_out_spend=pl.lit(Decimal("2.5")).cast(pl.Decimal(38, 4))
    )
    beyond = FittedModels(BgNbd(0.5, 1e-3, 0.5, 3_000.0), FITTED.spend, 30, 0.01)
    assert holdout.held_out_values(split, beyond).rows() == [
        (-9_211, 2, Decimal("5.0000"), Decimal("0.0000"))
    ]


def test_equal_values_share_their_sum_over_a_border() -> None:
    values = pl.DataFrame({"buyers": [1, 18, 1], "spend": [50, 36, 14], "clv": [19, 18, 0]})
    found = holdout.deciles(values)
    assert [entry[:2] for entry in found] == [(d, 2) for d in range(1, 11)]
    assert found[0][2:] == pytest.approx((0.52, 20 / 37))
    assert found[4][2:] == pytest.approx((0.04, 2 / 37))
    assert found[9][2:] == pytest.approx((0.16, 1 / 37))


def test_nobody_has_no_deciles() -> None:
    assert holdout.deciles(pl.DataFrame({"buyers": [], "spend": [], "clv": []})) == ()


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
