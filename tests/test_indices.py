"""The exact indices against scikit-learn's, on random data."""

from collections.abc import Mapping
from dataclasses import astuple

import numpy as np
import pyarrow as pa
import pytest
from custseg_spark.models.indices import Indices, indices_of, quality
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from sklearn.metrics import (
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)


def evaluate(
    spark: SparkSession, points: np.ndarray, labels: Mapping[str, np.ndarray], partitions: int = 3
) -> dict[str, Indices]:
    columns = {"point": list(points), **{n: v.astype("int32") for n, v in labels.items()}}
    frame = spark.createDataFrame(pa.table(columns)).repartition(partitions)
    clusterings = {name: int(v.max()) + 1 for name, v in labels.items()}
    return quality(frame, "point", clusterings, points.shape[1])


def assert_as_scikit_learn(got: Indices, points: np.ndarray, labels: np.ndarray) -> None:
    def close(value: float) -> object:
        return pytest.approx(value, rel=1e-9, abs=1e-9)

    centres = np.array([points[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    away, between = points - centres[labels], centres[labels] - points.mean(axis=0)
    assert got.sizes == tuple(np.bincount(labels))
    assert got.within_cluster_cost == close((away**2).sum())
    assert got.between_cluster_cost == close((between**2).sum())
    assert got.silhouette == close(silhouette_score(points, labels, metric="sqeuclidean"))
    assert got.davies_bouldin == close(davies_bouldin_score(points, labels))
    if (away**2).sum() > 0:
        assert got.calinski_harabasz == close(calinski_harabasz_score(points, labels))
    else:
        assert got.calinski_harabasz is None


@st.composite
def clusterings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Points on a grid of 1/16, where repeats and their means are exact, and labels from 0."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k = draw(st.integers(2, 6))
    n = draw(st.integers(k + 1, 60))
    dimensions = draw(st.integers(1, 6))
    reach = draw(st.sampled_from([1, 8, 1_000]))
    points = rng.integers(-reach, reach + 1, (n, dimensions)) / 16
    labels = rng.integers(0, draw(st.integers(1, k)), n)
    labels[:k] = np.arange(k)  # none is empty, many are singletons
    return points, labels


@given(clusterings(), st.sampled_from([0.0, 16.0, 2.0**20]))
@settings(max_examples=300, deadline=None)
def test_indices_equal_scikit_learns(drawn: tuple[np.ndarray, np.ndarray], offset: float) -> None:
    """Also far from zero, where scikit-learn is given the points without the offset."""
    points, labels = drawn
    centres = np.array([points[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    gaps = np.abs(centres[:, None] - centres[None]).max(axis=2)
    # scikit-learn takes the rounding between equal centroids for a distance.
    assume(not ((gaps > 0) & (gaps < 1e-6)).any())
    assume(not (np.triu(gaps == 0, 1)).any())
    assert_as_scikit_learn(indices_of(points + offset, labels), points, labels)


@pytest.mark.parametrize("offset", [0.0, 2.0**20])
def test_indices_on_spark_equal_scikit_learns(spark: SparkSession, offset: float) -> None:
    rng = np.random.default_rng(3)
    points = np.round(rng.normal(size=(5_000, 5)) * [1, 2, 4, 0.5, 8] * 1024) / 1024
    points[:300] = points[0]  # duplicates
    labels = {}
    for k in (2, 3, 8):
        labels[f"random_{k}"] = rng.integers(0, k, len(points))
        labels[f"along_{k}"] = np.digitize(points[:, 4], np.linspace(-10, 10, k - 1))
    labels["singleton"] = (np.arange(len(points)) == 4_999).astype(int)
    found = evaluate(spark, points + offset, labels)
    for name, drawn in labels.items():
        assert_as_scikit_learn(found[name], points, drawn)


def test_a_far_outlier_takes_no_digits_from_the_others() -> None:
    rng = np.random.default_rng(4)
    points = np.vstack([rng.normal(size=(60, 3)), [[2.0**30, 0, 0]]])
    labels = np.append(rng.integers(0, 3, 60), 3)
    got = indices_of(points, labels)
    alone = indices_of(points[:60], labels[:60])
    assert got.within_cluster_cost == pytest.approx(alone.within_cluster_cost, rel=1e-9)
    assert got.davies_bouldin == pytest.approx(davies_bouldin_score(points, labels), rel=1e-9)


def test_clusters_with_one_centroid_are_passed_over_as_scikit_learn_does() -> None:
    points = np.array([[-1.0], [1.0], [-2.0], [2.0], [9.0], [11.0]])
    labels = np.array([0, 0, 1, 1, 2, 2])
    assert_as_scikit_learn(indices_of(points, labels), points, labels)
    same = indices_of(points[:4], labels[:4])
    assert same.davies_bouldin == davies_bouldin_score(points[:4], labels[:4]) == 0
    assert same.between_cluster_cost == 0


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 + 0.1])
def test_two_clusters_of_one_repeated_point_have_silhouette_zero(value: float) -> None:
    points = np.vstack([np.full((3_000, 2), value), [[value + 1, value]], [[value + 2, value]]])
    labels = np.append(np.arange(3_000) % 2, [2, 2])
    got = indices_of(points, labels)
    assert got.silhouette == pytest.approx(0.75 / 3_002)
    assert_as_scikit_learn(got, points - value, labels)


def test_where_scikit_learn_raises_the_indices_are_defined_or_none() -> None:
    points = np.array([[0.0, 0.0], [3.0, 4.0]])
    one = indices_of(points, np.array([0, 0]))
    assert astuple(one) == ((2,), 0.0, None, None, 12.5, 0.0)
    each = indices_of(points, np.array([0, 1]))
    assert astuple(each) == ((1, 1), 0.0, 0.0, None, 0.0, 12.5)
    empty = indices_of(points, np.array([0, 2]))
    assert empty.sizes == (1, 0, 1)
    assert indices_of(points[:1], np.array([0])).within_cluster_cost == 0


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
    assert astuple(eight)[1:] == pytest.approx(astuple(one)[1:], rel=1e-12)
