"""How probable it is that a refit leaves a customer where they are."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from custseg_spark.core.clustering.assignment import annotate
from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.stability import Resample, resamples
from custseg_spark.core.clustering.stay_curves import StayCurve, relative_margins
from custseg_spark.core.clustering.staying import stay_curves, stays

K = 4


def overlapping(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    places = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0], [3.2, 3.1]])
    return np.asfortranarray(places[rng.integers(0, K, n)] + rng.normal(size=(n, 2)) + 9)


def test_the_relative_margin_is_zero_at_the_border_and_one_at_the_centre() -> None:
    distances, seconds = np.array([2.0, 0.0, 1.0, 0.0]), np.array([2.0, 5.0, 3.0, 0.0])
    assert relative_margins(distances, seconds - distances).tolist() == [0, 1, 0.5, 0]


def test_who_goes_to_the_cluster_that_stands_for_another_has_not_stayed() -> None:
    points = np.array([[0.0], [1.0], [10.0], [11.0], [5.4]])
    clusters = np.array([0, 0, 1, 1, 0])
    # The refit's clusters have other numbers; its border is at 5.3.
    refit = Resample(np.arange(5), np.array([1, 1, 0, 0, 0]), np.array([[10.1], [0.5]]))
    assert stays(points, clusters, 2, [refit, refit]).tolist() == [2, 2, 2, 2, 0]


def test_a_curve_rises_with_the_margin_and_is_level_beyond_its_ends() -> None:
    curve = StayCurve((0.1, 0.5), (0.6, 1.0))
    np.testing.assert_allclose(curve(np.array([-1, 0.1, 0.3, 0.5, 1])), [0.6, 0.6, 0.8, 1, 1])
    margins = np.linspace(0, 1, 500)
    stayed = np.random.default_rng(1).binomial(20, 0.5 + margins / 2)
    [found] = stay_curves(margins, np.zeros(500, dtype=int), 1, stayed, 20)
    assert (np.diff(found.probabilities) >= 0).all()
    assert (np.diff(found.margins) > 0).all()
    np.testing.assert_allclose(found(margins), 0.5 + margins / 2, atol=0.08)


def test_a_cluster_without_points_has_the_curve_of_all_and_no_refits_give_none() -> None:
    margins, clusters = np.array([0.1, 0.9]), np.array([0, 0])
    first, second = stay_curves(margins, clusters, 2, np.array([1.0, 2.0]), 2)
    assert first == second
    assert stay_curves(margins, clusters, 2, np.zeros(2), 0) == ()


def test_probabilities_are_calibrated_on_points_that_no_curve_has_seen() -> None:
    settings = FitSettings()
    points, others = overlapping(2_000, 1), overlapping(4_000, 2)
    model = kmeans(points, K, settings, generator(7))
    refits = resamples(points, "kmeans", K, 20, settings)
    own = annotate(points, model.labels, model.centres)
    margins = relative_margins(own.distances, own.margins)
    curves = stay_curves(
        margins, model.labels, K, stays(points, model.labels, K, refits), len(refits)
    )
    again = resamples(points, "kmeans", K, 20, FitSettings(seed=99))
    squares = ((others[:, None, :] - model.centres) ** 2).sum(axis=2)
    labels = squares.argmin(axis=1)
    theirs = annotate(others, labels, model.centres)
    at = relative_margins(theirs.distances, theirs.margins)
    p = np.array([curves[c](np.array([m]))[0] for c, m in zip(labels, at, strict=True)])
    stayed = stays(others, labels, K, again) / len(again)
    bins = np.minimum((p * 10).astype(int), 9)
    error = sum(
        abs(p[bins == b].mean() - stayed[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    )
    assert error == pytest.approx(0, abs=0.02)
    assert roc_auc_score(stayed > 0.999, p) > 0.8
