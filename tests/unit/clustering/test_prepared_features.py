"""What a preparation learns from a sample, and what it makes of a customer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from custseg_spark.core.clustering.preparation import (
    EVIDENCE,
    Preparation,
    Rules,
    choose_features,
    learn,
    matrix,
)
from custseg_spark.errors import ConfigurationError

IQR = Rules(clip="iqr")


@dataclass(frozen=True)
class Feature:
    name: str
    log1p: bool = False
    null: str = "zero"
    sqrt: bool = False
    rate: bool = False


feature = Feature


def learned(
    sample: np.ndarray,
    features: Sequence[Feature],
    rules: Rules,
    evidence: np.ndarray | None = None,
) -> Preparation:
    columns = {f.name: sample[:, i] for i, f in enumerate(features)}
    columns[EVIDENCE] = np.full(len(sample), 10.0) if evidence is None else evidence
    return learn(columns, features, rules)


def test_null_is_zero_the_maximum_or_the_median_by_the_features_rule() -> None:
    column = np.array([1.0, 2.0, 9.0, np.nan])
    features = [feature("a"), feature("b", null="max"), feature("c", null="median")]
    found = learned(np.column_stack([column] * 3), features, Rules(max_correlation=2.0))
    assert [f.null_value for f in found.features] == [0.0, 9.0, 2.0]


def test_fences_are_quartiles_widened_by_one_and_a_half_interquartile_ranges() -> None:
    column = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 100.0])
    [one] = learned(column[:, None], [feature("a")], IQR).features
    first, third = np.percentile(column, [25, 75])
    reach = 1.5 * (third - first)
    assert (one.lower, one.upper) == (first - reach, third + reach)
    assert one.values(column, np.ones(6)).max() == third + reach


def test_without_transforms_every_feature_is_as_it_is() -> None:
    column = np.array([0.0, 1.0, 10.0, 100.0])
    features = [feature("a", log1p=True), feature("b", sqrt=True)]
    rules = Rules(transform="none", clip="none", max_correlation=2.0)
    found = learned(np.column_stack([column] * 2), features, rules)
    assert [f.transform for f in found.features] == ["none", "none"]
    assert [f.values(column, np.ones(4)).tolist() for f in found.features] == [column.tolist()] * 2


def test_fences_are_percentiles_by_default() -> None:
    column = np.arange(101.0)
    [one] = learned(column[:, None], [feature("a")], Rules()).features
    assert (one.lower, one.upper) == (1.0, 99.0)


@pytest.mark.parametrize("rules", [IQR, Rules()], ids=["iqr", "percentile"])
def test_a_feature_that_is_rare_keeps_its_values(rules: Rules) -> None:
    column = np.array([0.0] * 999 + [5.0])
    [one] = learned(column[:, None], [feature("purchases")], rules).features
    assert one.values(column, np.ones(1000)).tolist() == column.tolist()


def test_a_rate_is_drawn_to_the_mean_the_more_the_fewer_events_there_are() -> None:
    sample, evidence = np.array([[0.0], [1.0]] * 50), np.full(100, 30.0)
    rules = Rules(clip="none", prior_events=5)
    [one] = learned(sample, [feature("share", rate=True)], rules, evidence).features
    seen = np.array([1.0, 5.0, 495.0])
    assert one.values(np.ones(3), seen).tolist() == pytest.approx(
        [(1 + 5 * 0.5) / 6, (5 + 5 * 0.5) / 10, (495 + 5 * 0.5) / 500], rel=1e-15
    )
    [plain] = learned(sample, [feature("days")], rules, evidence).features
    assert plain.values(np.ones(3), seen).tolist() == [1.0, 1.0, 1.0]


def test_constant_and_correlated_features_are_left_out_with_the_reason() -> None:
    column = np.arange(10.0)
    sample = np.column_stack([column, np.ones(10), 2 * column + 1])
    found = learned(sample, [feature("a"), feature("b"), feature("c")], Rules())
    assert found.names == ("a",)
    assert dict(found.left_out) == {
        "b": "constant among 10 customers",
        "c": "correlated with a",
    }


def test_the_matrix_is_each_prepared_feature_by_column_whatever_the_rows_beside() -> None:
    rng = np.random.default_rng(3)
    features = [
        feature("spend", log1p=True, null="median"),
        feature("balance", log1p=True),
        feature("carts", sqrt=True, rate=True),
        feature("entropy", rate=True),
    ]
    columns = {f.name: rng.lognormal(2, 2, 999) - i for i, f in enumerate(features)}
    columns["spend"][::7] = np.nan
    columns[EVIDENCE] = rng.integers(1, 50, 999).astype(float)
    preparation = learn(columns, features, Rules())
    whole = matrix(preparation, columns)
    spend, events = preparation.features[0], columns[EVIDENCE]
    assert whole[:, 0].tolist() == spend.values(columns["spend"], events).tolist()
    for rows in (slice(5, 6), slice(7, 18), slice(1, 998)):
        part = matrix(preparation, {name: c[rows].copy() for name, c in columns.items()})
        assert (part == whole[rows]).all()


def test_robust_scaling_leaves_out_a_feature_with_half_its_values_equal() -> None:
    rules, kept = Rules(scaling="robust", clip="none"), []
    for zeros in range(740, 756):
        values = np.r_[np.zeros(zeros), 1 : 1001 - zeros]
        if learned(values[:, None], [feature("a")], rules).features:
            kept.append(zeros)
    assert kept == list(range(740, 748))


def test_an_unknown_feature_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'monetary'"):
        choose_features(["monetery"], [Feature("monetary"), Feature("recency_days")])
