"""What each scheme of resampling refits, and what it compares."""

import numpy as np
import pytest

from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.resampling import SCHEMES, Drawn
from custseg_spark.core.clustering.stability import resamples, stability


def cloud(n: int = 1_000, seed: int = 1) -> np.ndarray:
    """Points of two related features and one of another unit."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) @ np.array([[3.0, 2.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 100.0]])
    return np.asfortranarray(x + np.array([5.0, -3.0, 1_000.0]))


def drawn(scheme: str, points: np.ndarray, seed: int = 3) -> Drawn:
    return SCHEMES[scheme](points, generator(seed))


def test_a_bootstrap_draws_as_many_points_with_replacement() -> None:
    points = cloud()
    found = drawn("bootstrap", points)
    assert found.weights is not None
    assert found.weights.sum() == 1_000
    assert (found.points == points[found.rows]).all()
    assert len(found.rows) == pytest.approx(632, abs=40)


def test_a_subset_is_half_of_the_points_each_once() -> None:
    points = cloud()
    found = drawn("subset", points)
    assert len(np.unique(found.rows)) == len(found.rows) == 500
    assert (found.points == points[found.rows]).all()


def test_noise_replaces_a_twentieth_by_points_within_four_deviations() -> None:
    points = cloud(20_000)
    found = drawn("noise", points)
    assert found.compared is not None
    assert (found.points[found.compared] == points[found.rows]).all()
    is_noise = np.ones(len(points), dtype=bool)
    is_noise[found.rows] = False
    assert is_noise.mean() == pytest.approx(0.05, abs=0.005)
    centred = found.points[is_noise] - points.mean(axis=0)
    # Even over the cube of the sphered points: variance 16/3 in each direction.
    inverse = np.linalg.inv(np.cov(points.T))
    squares = np.einsum("ij,jk,ik->i", centred, inverse, centred)
    assert squares.mean() == pytest.approx(3 * 16 / 3, rel=0.05)
    assert squares.max() <= 3 * 16 + 1e-9


def test_jitter_moves_points_less_than_their_neighbours_are_apart() -> None:
    points = cloud()
    found = drawn("jitter", points)
    assert found.points.shape == points.shape
    moved = np.abs(found.points - points)
    assert (moved > 0).all()
    assert (moved.max(axis=0) < 0.05 * points.std(axis=0)).all()


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_clusters_far_apart_are_found_again_by_each_scheme(scheme: str) -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(3), 60)
    places = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, 40.0]])
    points = np.asfortranarray(places[labels] + rng.normal(size=(180, 2)) + 50)
    found = stability(labels, 3, resamples(points, "kmeans", 3, 5, FitSettings(), scheme))
    assert found is not None
    assert min(j for j in found.jaccard if j is not None) > (0.9 if scheme == "noise" else 0.999)


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_equal_numbers_give_equal_refits_and_constant_features_do_no_harm(scheme: str) -> None:
    points = np.column_stack([cloud(300), np.full(300, 7.0)])
    first, again = (resamples(points, "kmeans", 3, 2, FitSettings(), scheme) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert (one.labels == other.labels).all()
        assert (one.drawn == other.drawn).all()
        assert np.isfinite(one.centres).all()
    fit = kmeans(points, 3, FitSettings(), generator(1))
    assert stability(fit.labels, 3, first) is not None
