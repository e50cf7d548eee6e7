"""What a preparation learns from a sample, and that Spark applies the same."""

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from custseg_spark.config import ModelConfig
from custseg_spark.errors import ConfigurationError
from custseg_spark.features import all_features
from custseg_spark.features.feature import Feature
from custseg_spark.models.preparation import choose_features, learn


def feature(name: str, *, log1p: bool = False, null: str = "zero") -> Feature:
    return Feature(name, "double", "", lambda: F.lit(0), log1p, null)


def test_null_is_zero_the_maximum_or_the_median_by_the_features_rule() -> None:
    column = np.array([1.0, 2.0, 9.0, np.nan])
    features = [feature("a"), feature("b", null="max"), feature("c", null="median")]
    learned = learn(np.column_stack([column] * 3), features, ModelConfig(max_correlation=2.0))
    assert [f.null_value for f in learned.features] == [0.0, 9.0, 2.0]


def test_fences_are_quartiles_widened_by_one_and_a_half_interquartile_ranges() -> None:
    column = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 100.0])
    [one] = learn(column[:, None], [feature("a")], ModelConfig()).features
    first, third = np.percentile(column, [25, 75])
    reach = 1.5 * (third - first)
    assert (one.lower, one.upper) == (first - reach, third + reach)
    assert one.values(column).max() == third + reach


def test_a_feature_that_is_rare_keeps_its_values() -> None:
    column = np.array([0.0] * 9 + [5.0])
    [one] = learn(column[:, None], [feature("purchases")], ModelConfig()).features
    assert one.values(column).tolist() == column.tolist()


def test_constant_and_correlated_features_are_left_out_with_the_reason() -> None:
    column = np.arange(10.0)
    sample = np.column_stack([column, np.ones(10), 2 * column + 1])
    learned = learn(sample, [feature("a"), feature("b"), feature("c")], ModelConfig())
    assert learned.names == ("a",)
    assert dict(learned.left_out) == {
        "b": "constant among 10 customers",
        "c": "correlated with a",
    }


def test_spark_prepares_as_the_driver_does(spark: SparkSession) -> None:
    rng = np.random.default_rng(3)
    sample = np.column_stack([rng.lognormal(2, 2, 50), rng.normal(0, 3, 50)])
    sample[::7] = np.nan
    features = [feature("spend", log1p=True, null="median"), feature("balance", log1p=True)]
    learned = learn(sample, features, ModelConfig())
    frame = spark.createDataFrame(
        pa.table({f.name: pa.array(sample[:, i], from_pandas=True) for i, f in enumerate(features)})
    )
    applied = learned.apply(frame, []).toPandas().to_numpy()
    expected = np.column_stack([f.values(sample[:, i]) for i, f in enumerate(learned.features)])
    np.testing.assert_allclose(applied, expected, rtol=1e-14)


def test_an_unknown_feature_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'monetary'"):
        choose_features(["monetery"], all_features())
