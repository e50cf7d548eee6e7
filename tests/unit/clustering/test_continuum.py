"""Customers without segments are told from customers with some."""

import numpy as np
import pytest

from custseg_spark.core.clustering.continuum import Copula, Structure, structure
from custseg_spark.core.clustering.kmeans import generator


def found(points: np.ndarray, seed: int) -> Structure:
    made = structure(points, seed)
    assert made is not None
    return made


def skewed(n: int, seed: int) -> np.ndarray:
    """Related features without groups, one of them skewed, one for a third of the points zero."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    x[:, 1] += x[:, 0]
    x[:, 2] = np.exp(x[:, 2])
    x[:, 3] = np.maximum(x[:, 3] + 0.5 * x[:, 1], 0)
    return np.asfortranarray(x)


def test_the_reference_has_the_same_marginals_and_correlations() -> None:
    points = skewed(4_000, 1)
    drawn = Copula(points)(generator(2))
    assert (np.sort(drawn, axis=0) == np.sort(points, axis=0)).all()
    apart = np.corrcoef(drawn.T) - np.corrcoef(points.T)
    assert np.abs(apart).max() < 0.06


# The lane of every change takes some.
SEEDS = [*range(2), *(pytest.param(seed, marks=pytest.mark.heavy) for seed in range(2, 10))]


@pytest.mark.parametrize("seed", SEEDS)
def test_points_without_groups_have_hardly_a_gap(seed: int) -> None:
    assert found(skewed(600, seed), seed).is_continuum


@pytest.mark.parametrize("seed", SEEDS)
def test_groups_have_a_gap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.normal(0, 2, (5, 6))
    points = places[rng.integers(0, 5, 600)] + rng.normal(size=(600, 6))
    made = found(np.asfortranarray(points), seed)
    assert not made.is_continuum
    assert made.words is None
    assert made.gap > 0.2
    assert made.score > 5


def test_a_continuum_is_said_with_its_figures() -> None:
    said = Structure(4, 0.0456, 3.1).words
    assert said is not None
    assert said.startswith("these customers form a continuum")
    assert "gap 0.05 at k = 4" in said
    assert Structure(4, 0.3, 2.0).is_continuum


def test_equal_seeds_give_equal_results_and_a_handful_of_customers_none() -> None:
    points = skewed(300, 1)
    assert structure(points, 7) == structure(points, 7)
    assert structure(points[:49], 7) is None
