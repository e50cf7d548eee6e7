"""The Euclidean silhouette, held to scikit-learn on points of every awkward kind."""

import numpy as np
import pytest
from custseg_spark.models.pairwise import silhouettes
from sklearn.metrics import silhouette_score


@pytest.mark.parametrize("seed", range(4))
def test_it_is_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(1_203, 3)) * rng.uniform(0.1, 9, size=3) + 50
    points[:100] = points[100:200]  # twins
    few, many = rng.integers(0, 3, len(points)), rng.integers(0, 40, len(points)) * 3
    many[0] = 999  # a cluster of one, and labels with gaps
    expected = [silhouette_score(points, labels) for labels in (few, many)]
    assert silhouettes(points, [few, many]) == pytest.approx(expected, rel=1e-9)


def test_one_cluster_has_none_and_equal_points_are_nothing() -> None:
    points = np.ones((6, 2))
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert silhouettes(points, [labels * 0, labels]) == [None, 0.0]
