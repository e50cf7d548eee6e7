"""The exact indices against scikit-learn's, on random data."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import (
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)

from custseg_spark.models.indices import Indices, quality


def evaluate(
    spark: SparkSession, points: np.ndarray, labels: Mapping[str, np.ndarray], partitions: int = 3
) -> dict[str, Indices]:
    columns = {"point": list(points), **{n: v.astype("int32") for n, v in labels.items()}}
    frame = spark.createDataFrame(pa.table(columns)).repartition(partitions)
    clusterings = {name: int(v.max()) + 1 for name, v in labels.items()}
    return quality(frame, "point", clusterings, points.shape[1])


@pytest.mark.parametrize("seed", range(4))
def test_indices_equal_scikit_learns(spark: SparkSession, seed: int) -> None:
    rng = np.random.default_rng(seed)
    dimensions = int(rng.integers(1, 7))
    points = rng.normal(size=(120, dimensions)) * rng.uniform(0.1, 5, dimensions)
    points[:30] = points[0]  # duplicates
    points -= points.mean(axis=0)
    labels = {}
    for k in (2, 3, 8):
        drawn = rng.integers(0, k, len(points))
        drawn[:k] = np.arange(k)  # none is empty
        labels[f"random_{k}"] = drawn
    singleton = np.zeros(len(points), dtype=int)
    singleton[-1] = 1
    labels["singleton"] = singleton
    found = evaluate(spark, points, labels)
    for name, drawn in labels.items():
        got = found[name]
        assert got.sizes == tuple(np.bincount(drawn))
        assert got.silhouette == pytest.approx(
            silhouette_score(points, drawn, metric="sqeuclidean"), rel=1e-9, abs=1e-9
        )
        assert got.davies_bouldin == pytest.approx(davies_bouldin_score(points, drawn), rel=1e-9)
        assert got.calinski_harabasz == pytest.approx(
            calinski_harabasz_score(points, drawn), rel=1e-9
        )
        centres = np.array([points[drawn == c].mean(axis=0) for c in range(drawn.max() + 1)])
        assert got.within_cluster_cost == pytest.approx(((points - centres[drawn]) ** 2).sum())


def test_equal_layouts_give_equal_bits(spark: SparkSession) -> None:
    rng = np.random.default_rng(11)
    points, drawn = rng.normal(size=(200, 4)), rng.integers(0, 3, 200)
    first = evaluate(spark, points, {"a": drawn})
    assert evaluate(spark, points, {"a": drawn}) == first


def test_indices_do_not_depend_on_partitions(spark: SparkSession) -> None:
    rng = np.random.default_rng(12)
    points, drawn = rng.normal(size=(200, 4)), rng.integers(0, 3, 200)
    one = evaluate(spark, points, {"a": drawn}, partitions=1)["a"]
    eight = evaluate(spark, points, {"a": drawn}, partitions=8)["a"]
    assert eight.silhouette == pytest.approx(one.silhouette, rel=1e-12)
    assert eight.davies_bouldin == pytest.approx(one.davies_bouldin, rel=1e-12)
