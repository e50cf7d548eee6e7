"""Models in numpy: labels of KMeans, of a tree of centres, of a mixture; in any batch the same."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.metrics import pairwise_distances_argmin
from sklearn.mixture import GaussianMixture as SklearnMixture

from custseg_spark.core.clustering.assignment import annotate
from custseg_spark.core.clustering.models import (
    BisectingKMeans,
    ClusterModel,
    GaussianMixture,
    KMeans,
    Node,
    tree_model,
)


def random_points(n: int, d: int = 4) -> np.ndarray:
    return np.random.default_rng(n).normal(size=(n, d))


def tree() -> BisectingKMeans:
    """The root's children are at 0 and 10, the right one's at 9 and 100."""
    nodes = [
        Node(2, -2, 1, 0.0, 2),
        Node(0, -1, 3, 0.0, 0),
        Node(-2, -1, 2, 1.0, None),
        Node(1, -2, 1, 0.0, 1),
        Node(-1, None, 5, 9.0, None),
    ]
    centres = [[100.0], [0.0], [10.0], [9.0], [5.0]]
    return tree_model(nodes, [np.array(c) for c in centres], [[], [], [1, 2], [], [0, -2]])


def mixture(k: int = 3, d: int = 4) -> GaussianMixture:
    rng = np.random.default_rng(k)
    roots = rng.normal(size=(k, d, d))
    covariances = roots @ roots.transpose(0, 2, 1) + np.eye(d)
    return GaussianMixture(rng.dirichlet(np.ones(k)), rng.normal(size=(k, d)), covariances)


def test_a_point_belongs_to_its_nearest_centre() -> None:
    points, centres = random_points(20_000), random_points(6)
    expected = pairwise_distances_argmin(points, centres)
    assert KMeans(centres).labels(points).tolist() == expected.tolist()


def test_of_equally_near_centres_the_first_is_taken() -> None:
    assert KMeans(np.array([[1.0], [-1.0], [1.0]])).labels(np.zeros((2, 1))).tolist() == [0, 0]


def test_a_point_goes_down_the_tree_not_to_the_nearest_leaf() -> None:
    model = tree()
    assert [n.index for n in model.nodes] == [-1, -2, 0, 1, 2]
    assert model.centres.tolist() == [[0.0], [9.0], [100.0]]
    points = np.array([[-3.0], [4.9], [5.0], [5.1], [54.0], [56.0]])
    # Five is as near to 0 as to 10: the first child is taken. 4.9 is nearer to leaf 9 than to 0.
    assert model.labels(points).tolist() == [0, 0, 0, 1, 1, 2]


def test_memberships_are_scikit_learns() -> None:
    model, points = mixture(), random_points(9_000)
    theirs = SklearnMixture(3)
    theirs.weights_, theirs.means_ = model.weights, model.means
    theirs.covariances_ = model.covariances
    theirs.precisions_cholesky_ = np.array(
        [np.linalg.cholesky(np.linalg.inv(c)) for c in model.covariances]
    )
    expected = theirs.predict_proba(points)
    np.testing.assert_allclose(model.probabilities(points), expected, rtol=1e-9, atol=1e-9)
    assert model.labels(points).tolist() == expected.argmax(axis=1).tolist()


def test_directions_without_variance_are_passed_over() -> None:
    covariances = np.array([[[2.0, 0.0], [0.0, 0.0]]] * 2)
    model = GaussianMixture(np.array([0.5, 0.5]), np.array([[0.0, 7.0], [3.0, 7.0]]), covariances)
    densities = [multivariate_normal(m, 2.0).pdf(1.0) for m in (0.0, 3.0)]
    expected = densities[0] / sum(densities)
    assert model.probabilities(np.array([[1.0, 7.0]]))[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize("model", [KMeans(random_points(7)), mixture()], ids=["kmeans", "mixture"])
def test_a_batchs_shape_changes_no_digit(model: ClusterModel) -> None:
    points = random_points(8_211)
    whole = annotate(points, model.labels(points), model.centres)
    for start, end in ((0, 1), (3, 20), (8_190, 8_211), (1, 8_195)):
        part = np.asfortranarray(points[start:end])
        labels = model.labels(part)
        notes = annotate(part, labels, model.centres)
        rows = slice(start, end)
        assert (labels == whole.clusters[rows]).all()
        assert (notes.distances == whole.distances[rows]).all()
        assert (notes.margins == whole.margins[rows]).all()
        assert (notes.top_axes == whole.top_axes[rows]).all()
    if isinstance(model, GaussianMixture):
        everyone = model.probabilities(points)
        assert (model.probabilities(points[5:9]) == everyone[5:9]).all()
