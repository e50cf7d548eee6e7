"""Customers who fit no segment: the learned distances and what is odd, in plain Python."""

import math

import numpy as np
import pyarrow as pa
import pytest

from custseg_spark.core.clustering.distances import nearest
from custseg_spark.core.clustering.outliers import outlier_distances, outliers

CENTRES = np.array([[0.0, 0.0, 0.0, 0.0], [10.0, 0.0, 0.0, 0.0]])
AXES = ("monetary", "frequency", "recency_days", "brand_count")


def at(*points: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(points)


def found(
    points: np.ndarray, limits: tuple[float | None, ...]
) -> tuple[list[object], list[object]]:
    clusters = nearest(points, CENTRES)
    distances = np.sqrt(((points - CENTRES[clusters]) ** 2).sum(axis=1))
    odd, why = outliers(points, clusters, distances, CENTRES, limits, AXES)
    return odd.to_pylist(), why.to_pylist()


@pytest.mark.parametrize(
    ("percentile", "expected"), [(50, 5.0), (90, 9.0), (90.5, 10.0), (99.5, 10.0), (100, 10.0)]
)
def test_the_distance_is_the_smallest_that_enough_customers_dont_exceed(
    percentile: float, expected: float
) -> None:
    points = np.array([[-d, 0.0, 0.0, 0.0] for d in (3, 1, 2, 7, 5, 4, 10, 6, 8, 9)], dtype=float)
    clusters = np.zeros(10, dtype=np.intp)
    assert outlier_distances(points, clusters, CENTRES, percentile) == (expected, None)


def test_a_share_of_customers_exceeds_the_distance_in_each_segment() -> None:
    points = np.random.default_rng(3).normal([5.0, 0, 0, 0], size=(20_000, 4))
    clusters = nearest(points, CENTRES)
    limits = outlier_distances(points, clusters, CENTRES, 99.5)
    odd, _ = found(points, limits)
    for cluster in (0, 1):
        of_segment = [o for o, c in zip(odd, clusters, strict=True) if c == cluster]
        # Of n customers, those beyond the distance are at most 0.5%, and no other is.
        assert sum(of_segment) == math.floor(len(of_segment) * 0.005 + 1e-9)


def test_who_is_farther_is_odd_by_the_features_that_make_the_distance() -> None:
    points = at((3.0, -4.0, 0.5, 1.0), (3.0, 3.9, 0.0, 0.0), (10.0, 0.0, 0.0, -9.0))
    odd, why = found(points, (5.0, 8.0))
    assert odd == [True, False, True]
    assert why == [
        [
            {"feature": "frequency", "deviation": -4.0},
            {"feature": "monetary", "deviation": 3.0},
            {"feature": "brand_count", "deviation": 1.0},
        ],
        None,
        [
            {"feature": "brand_count", "deviation": -9.0},
            {"feature": "monetary", "deviation": 0.0},
            {"feature": "frequency", "deviation": 0.0},
        ],
    ]


def test_at_the_distance_a_customer_still_fits() -> None:
    assert found(at((3.0, 4.0, 0.0, 0.0)), (5.0, 5.0)) == ([False], [None])


def test_a_model_without_distances_calls_nobody_odd() -> None:
    assert found(at((3.0, 4.0, 0.0, 0.0)), ()) == ([None], [None])
    assert found(at((-99.0, 0.0, 0.0, 0.0)), (None, 1.0)) == ([False], [None])


def test_a_bucket_without_a_customer_has_no_row() -> None:
    assert found(np.empty((0, 4)), (5.0, 5.0)) == ([], [])


def test_nothing_depends_on_the_other_customers_of_a_batch() -> None:
    points = np.random.default_rng(4).normal(size=(500, 4)) * 3
    whole = found(points, (4.0, 4.0))
    parts = [found(points[i : i + 70], (4.0, 4.0)) for i in range(0, 500, 70)]
    assert whole == tuple([row for part in parts for row in part[n]] for n in (0, 1))
    assert any(whole[0])
    assert pa.array(whole[0]).null_count == 0
