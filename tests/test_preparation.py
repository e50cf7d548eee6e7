"""What a preparation learns from a sample, and that Spark applies the same."""

import numpy as np
import pyarrow as pa
import pytest
from custseg_spark.features import all_features
from custseg_spark.features.feature import Feature
from custseg_spark.models.layout import local_frame
from custseg_spark.models.preparation import VECTOR, Preparation, choose_features, fit_scaler, learn
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from custseg_spark.config.settings import ModelConfig
from custseg_spark.errors import ConfigurationError

IQR = ModelConfig(clip="iqr")


def feature(
    name: str,
    *,
    log1p: bool = False,
    null: str = "zero",
    sqrt: bool = False,
    rate: bool = False,
) -> Feature:
    return Feature(name, "double", "", lambda: F.lit(0), log1p, null, sqrt, rate)


def learned(sample: np.ndarray, features: list[Feature], config: ModelConfig) -> Preparation:
    return learn(sample, features, np.full(len(sample), 10.0), config)


def test_null_is_zero_the_maximum_or_the_median_by_the_features_rule() -> None:
    column = np.array([1.0, 2.0, 9.0, np.nan])
    features = [feature("a"), feature("b", null="max"), feature("c", null="median")]
    found = learned(np.column_stack([column] * 3), features, ModelConfig(max_correlation=2.0))
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
    config = ModelConfig(transform="none", clip="none", max_correlation=2.0)
    found = learned(np.column_stack([column] * 2), features, config)
    assert [f.transform for f in found.features] == ["none", "none"]
    assert [f.values(column, np.ones(4)).tolist() for f in found.features] == [column.tolist()] * 2


def test_fences_are_percentiles_by_default() -> None:
    column = np.arange(101.0)
    [one] = learned(column[:, None], [feature("a")], ModelConfig()).features
    assert (one.lower, one.upper) == (1.0, 99.0)


@pytest.mark.parametrize("config", [IQR, ModelConfig()], ids=["iqr", "percentile"])
def test_a_feature_that_is_rare_keeps_its_values(config: ModelConfig) -> None:
    column = np.array([0.0] * 999 + [5.0])
    [one] = learned(column[:, None], [feature("purchases")], config).features
    assert one.values(column, np.ones(1000)).tolist() == column.tolist()


def test_a_rate_is_drawn_to_the_mean_the_more_the_fewer_events_there_are() -> None:
    sample, evidence = np.array([[0.0], [1.0]] * 50), np.full(100, 30.0)
    config = ModelConfig(clip="none", prior_events=5)
    [one] = learn(sample, [feature("share", rate=True)], evidence, config).features
    seen = np.array([1.0, 5.0, 495.0])
    assert one.values(np.ones(3), seen).tolist() == pytest.approx(
        [(1 + 5 * 0.5) / 6, (5 + 5 * 0.5) / 10, (495 + 5 * 0.5) / 500], rel=1e-15
    )
    [plain] = learn(sample, [feature("days")], evidence, config).features
    assert plain.values(np.ones(3), seen).tolist() == [1.0, 1.0, 1.0]


def test_constant_and_correlated_features_are_left_out_with_the_reason() -> None:
    column = np.arange(10.0)
    sample = np.column_stack([column, np.ones(10), 2 * column + 1])
    found = learned(sample, [feature("a"), feature("b"), feature("c")], ModelConfig())
    assert found.names == ("a",)
    assert dict(found.left_out) == {
        "b": "constant among 10 customers",
        "c": "correlated with a",
    }


def test_spark_prepares_as_the_driver_does(spark: SparkSession) -> None:
    rng = np.random.default_rng(3)
    columns = [rng.lognormal(2, 2, 50), rng.normal(0, 3, 50), rng.random(50), rng.random(50)]
    sample = np.column_stack(columns)
    sample[::7] = np.nan
    features = [
        feature("spend", log1p=True, null="median"),
        feature("balance", log1p=True),
        feature("carts", sqrt=True, rate=True),
        feature("entropy", rate=True),
    ]
    evidence = np.arange(1.0, 51.0)
    found = learn(sample, features, evidence, ModelConfig())
    columns = {f.name: pa.array(sample[:, i], from_pandas=True) for i, f in enumerate(features)}
    frame = spark.createDataFrame(pa.table({**columns, "event_count": evidence}))
    applied = frame.select(*[f.column() for f in found.features]).toPandas().to_numpy()
    expected = [f.values(sample[:, i], evidence) for i, f in enumerate(found.features)]
    np.testing.assert_allclose(applied, np.column_stack(expected), rtol=1e-14)


def test_robust_scaling_makes_nothing_of_no_feature(spark: SparkSession) -> None:
    config = ModelConfig(scaling="robust", clip="none")
    kept = []
    for zeros in (3 / 4, *range(740, 756)):
        values = np.arange(4.0) // 3 if zeros < 1 else np.r_[np.zeros(int(zeros)), 1 : 1001 - zeros]
        found = learned(values[:, None], [feature("a")], config)
        if found.features:
            kept.append(zeros)
            frame = local_frame(spark, values[:, None], found.names)
            scaled = fit_scaler(frame, found, config).transform(frame)
            assert scaled.select(VECTOR).distinct().count() > 1, zeros
    assert kept == list(range(740, 748))


def test_an_unknown_feature_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'monetary'"):
        choose_features(["monetery"], all_features())
