"""Bootstrap stability, and the adjusted Rand index against scikit-learn's."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.stability import (
    Stability,
    adjusted_rand_index,
    resamples,
    stability,
    word,
)

SETTINGS = FitSettings()


def blobs(centres: list[list[float]], each: int = 100) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(centres)), each)
    noise = np.random.default_rng(1).normal(size=(len(labels), len(centres[0])))
    return np.array(centres)[labels] + noise, labels


def measured(
    points: np.ndarray, labels: np.ndarray, k: int, seed: int = 7, bootstraps: int = 10
) -> Stability:
    settings = replace(SETTINGS, seed=seed)
    found = stability(labels, k, resamples(points, "kmeans", k, bootstraps, settings))
    assert found is not None
    return found


@pytest.mark.parametrize("algorithm", ["kmeans", "bisecting_kmeans"])
def test_clusters_far_apart_are_found_again_in_each_resample(algorithm: str) -> None:
    points, labels = blobs([[0, 0], [30, 0], [0, 50]])
    found = stability(labels, 3, resamples(points, algorithm, 3, 10, SETTINGS))
    assert found == Stability((1.0, 1.0, 1.0), 1.0, 1.0)
    assert found.words == ("highly stable",) * 3


def test_a_cluster_apart_is_stable_where_the_division_of_noise_is_not() -> None:
    points, _ = blobs([[0, 0], [0, 0], [0, 0], [90, 90]])
    points[300:] = [90, 90] + (points[300:] - [90, 90]) / 100
    labels = kmeans(points, 5, SETTINGS, generator(1)).labels
    found = measured(points, labels, 5)
    apart = labels[-1]
    assert found.jaccard[apart] == 1
    others = [value for c, value in enumerate(found.jaccard) if c != apart]
    assert all(value is not None and value < 0.75 for value in others)
    assert found.adjusted_rand_index < 0.9
    assert found.mean == pytest.approx(np.mean(found.jaccard))


def test_labels_that_cut_across_the_clusters_are_unstable() -> None:
    points, labels = blobs([[0, 0], [30, 0]])
    found = measured(points, np.arange(len(labels)) % 2, 2)
    # Half of a cluster against the whole of it: a quarter of all in common, three in the union.
    assert found.mean == pytest.approx(1 / 3, abs=0.03)
    assert found.adjusted_rand_index == pytest.approx(0, abs=0.03)
    assert found.words == ("unstable", "unstable")


def test_the_result_depends_on_seed_and_k_not_on_earlier_calls() -> None:
    points, _ = blobs([[0, 0], [2, 0], [0, 2]])
    labels = kmeans(points, 3, SETTINGS, generator(1)).labels
    first = measured(points, labels, 3)
    measured(points, kmeans(points, 2, SETTINGS, generator(1)).labels, 2)
    assert measured(points, labels, 3) == first
    assert measured(points, labels, 3, seed=-8) != first


def test_a_cluster_without_a_point_in_the_sample_has_no_index() -> None:
    points, labels = blobs([[0, 0], [30, 0]])
    found = measured(points, labels * 2, 3)
    first, missing, last = found.jaccard
    assert missing is None
    assert found.words[1] is None
    assert found.mean == pytest.approx(np.mean([first, last]))


def test_a_resample_without_a_rare_clusters_points_says_nothing_about_it() -> None:
    points, labels = blobs([[0, 0], [30, 0], [500, 0]])
    found = measured(points[:201], labels[:201], 3, bootstraps=30)
    assert found.jaccard[2] == 1


def test_fewer_distinct_points_than_clusters_are_measured_too() -> None:
    points = np.repeat([[0.0], [1.0], [2.0]], [50, 50, 1], axis=0)
    found = measured(points, np.repeat([0, 1, 2], [50, 50, 1]), 3)
    assert found.jaccard == (1, 1, 1)


def test_no_stability_without_resamples_or_for_a_mixture() -> None:
    points, labels = blobs([[0, 0], [30, 0]])
    assert stability(labels, 2, resamples(points, "kmeans", 2, 0, SETTINGS)) is None
    assert stability(labels, 2, resamples(points, "gaussian_mixture", 2, 9, SETTINGS)) is None


def test_words_are_hennigs() -> None:
    values = (0.0, 0.59, 0.6, 0.74, 0.75, 0.85, 0.86, 1.0)
    assert [word(v) for v in values] == [
        "unstable",
        "unstable",
        "doubtful",
        "doubtful",
        "stable",
        "stable",
        "highly stable",
        "highly stable",
    ]


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=200, deadline=None)
def test_the_adjusted_rand_index_is_scikit_learns(seed: int, n: int, k: int, other: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(-1, k, n), rng.integers(0, other, n)
    for a, b in ((first, second), (first, first), (first, np.arange(n)), (first, np.zeros(n, int))):
        assert adjusted_rand_index(a, b) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)


def test_the_adjusted_rand_index_of_a_million_points_does_not_overflow() -> None:
    labels = np.repeat([0, 1], 500_000)
    assert adjusted_rand_index(labels, labels) == 1
    assert adjusted_rand_index(labels, labels[::-1]) == 1
