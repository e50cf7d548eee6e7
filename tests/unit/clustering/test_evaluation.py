"""Exact indices of many clusterings over buckets, against scikit-learn's."""

from dataclasses import astuple

import numpy as np
import pytest
from clustering_data import NAMES, PLAIN, customers, in_buckets, raw
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from custseg_spark.core.clustering.evaluation import evaluate
from custseg_spark.core.clustering.indices import Indices
from custseg_spark.core.clustering.models import KMeans

TABLE = customers(3_001)
POINTS = np.nan_to_num(np.column_stack(list(raw(TABLE, *NAMES).values())), nan=0.5)
POINTS = POINTS * PLAIN.scaler.factors
MODELS = [KMeans(POINTS[start : start + k].copy()) for start, k in ((0, 2), (50, 3), (90, 8))]


def assert_as_scikit_learn(got: Indices, points: np.ndarray, labels: np.ndarray) -> None:
    assert got.sizes == tuple(np.bincount(labels))
    expected = silhouette_score(points, labels, metric="sqeuclidean")
    assert got.silhouette == pytest.approx(expected, rel=1e-9)
    assert got.davies_bouldin == pytest.approx(davies_bouldin_score(points, labels), rel=1e-9)
    expected = calinski_harabasz_score(points, labels)
    assert got.calinski_harabasz == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("bar", [1, 21])
def test_indices_of_everyone_and_of_the_informed_are_scikit_learns(bar: int) -> None:
    found = evaluate(in_buckets(TABLE, 1_000, 1_000, 2_400), PLAIN, MODELS, bar)
    informed = raw(TABLE, "event_count")["event_count"] >= bar
    for model, evaluation in zip(MODELS, found, strict=True):
        labels = model.labels(POINTS)
        assert_as_scikit_learn(evaluation.everyone, POINTS, labels)
        assert_as_scikit_learn(evaluation.informed, POINTS[informed], labels[informed])


def test_other_clusterings_beside_change_no_digit() -> None:
    buckets = in_buckets(TABLE, 1_000)
    together = evaluate(buckets, PLAIN, MODELS, 21)
    assert [evaluate(buckets, PLAIN, [m], 21)[0] for m in MODELS] == together


def test_other_buckets_change_rounding_only() -> None:
    one, many = (
        evaluate(in_buckets(TABLE, *ends), PLAIN, MODELS, 21) for ends in ((), range(9, 3_000, 500))
    )
    for first, second in zip(one, many, strict=True):
        assert astuple(second.everyone)[1:] == pytest.approx(astuple(first.everyone)[1:], rel=1e-12)
        assert astuple(second.informed)[1:] == pytest.approx(astuple(first.informed)[1:], rel=1e-12)


def test_where_everyone_is_informed_or_nobody_the_indices_are_those_of_everyone() -> None:
    for bar in (0, 10_000):
        [found] = evaluate(in_buckets(TABLE), PLAIN, MODELS[:1], bar)
        assert found.informed == found.everyone
