"""Trees of bisecting KMeans: how they grow, are cut, and are refined."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from custseg_spark.core.clustering.bisecting import bisecting_kmeans, bisecting_tree
from custseg_spark.core.clustering.kmeans import FitSettings, generator, lloyd
from custseg_spark.core.clustering.models import BisectingKMeans
from custseg_spark.core.clustering.tree_cuts import cheapest_cut, refined

SETTINGS = FitSettings()


def grown(leaves: int = 16, seed: int = 3) -> tuple[np.ndarray, BisectingKMeans]:
    """Points about six places, and a tree of them."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(5, 30, (6, 3))
    points = places[rng.integers(0, 6, 400)] + rng.normal(size=(400, 3))
    return points, bisecting_tree(points, leaves, SETTINGS, generator(seed))


def cut(tree: BisectingKMeans, k: int) -> BisectingKMeans:
    found = cheapest_cut(tree, k)
    assert found is not None
    return found


def cost(points: np.ndarray, model: BisectingKMeans) -> float:
    return float(((points - model.centres[model.labels(points)]) ** 2).sum())


def leaf_costs(model: BisectingKMeans) -> float:
    return sum(n.cost for n in model.nodes if n.cluster is not None)


def test_the_larger_leaves_of_a_level_are_divided_first() -> None:
    places = np.array([[0, 0], [0, 9], [300, 0], [300, 9], [-300, 0], [-300, 9]], dtype=float)
    labels = np.repeat(np.arange(6), 40)
    x = places[labels] + np.random.default_rng(6).normal(size=(240, 2))
    x = x[(labels != 5) | (np.arange(len(x)) % 4 == 0)]
    found = bisecting_tree(x, 5, SETTINGS, generator(2)).labels(x)
    assert len(np.unique(found)) == 5
    assert len(np.unique(found[x[:, 0] < -150])) == 1


def test_a_node_has_the_size_centre_and_cost_of_the_points_below() -> None:
    points, tree = grown()
    labels = tree.labels(points)
    for node, centre in zip(tree.nodes, tree.node_centres, strict=True):
        if node.cluster is not None:
            own = points[labels == node.cluster]
            assert node.size == pytest.approx(len(own), abs=8)
            np.testing.assert_allclose(centre, own.mean(axis=0), atol=0.2)
    assert tree.nodes[0].size == 400
    assert tree.nodes[0].cost == pytest.approx(((points - points.mean(axis=0)) ** 2).sum())


def test_a_cut_is_the_cheapest_of_all_prunings() -> None:
    _, tree = grown(leaves=8)

    def prunings(place: int) -> list[list[int]]:
        below = tree.children[place]
        if not below:
            return [[place]]
        left, right = (prunings(child) for child in below)
        return [[place], *(a + b for a in left for b in right)]

    for k in range(1, 9):
        costs = [
            sum(tree.nodes[p].cost for p in places) for places in prunings(0) if len(places) == k
        ]
        found = cut(tree, k)
        assert len(found.centres) == k
        assert leaf_costs(found) == pytest.approx(min(costs))


def test_a_cut_is_a_tree_whose_labels_are_the_large_trees_put_together() -> None:
    points, tree = grown()
    leaves = tree.labels(points)
    for k in (2, 5, 16):
        found = cut(tree, k)
        assert [n.index for n in found.nodes] == [*range(-1, -k, -1), *range(k)]
        assert len(found.nodes) == 2 * k - 1
        labels = found.labels(points)
        assert len(np.unique(labels)) == k
        for leaf in np.unique(leaves):
            assert len(np.unique(labels[leaves == leaf])) == 1
        for node, below in zip(found.nodes, found.children, strict=True):
            assert all(found.nodes[c].parent == node.index for c in below)
    assert cheapest_cut(tree, 17) is None


def test_a_cut_mends_what_dividing_the_largest_first_does_badly() -> None:
    # One large group, and four small ones far apart.
    rng = np.random.default_rng(5)
    places = np.repeat(
        [[10, 10], [90, 10], [110, 10], [90, 40], [110, 40]], [300, 20, 20, 20, 20], 0
    )
    points = places + rng.normal(size=places.shape)
    plain = bisecting_tree(points, 5, SETTINGS, generator(1))
    best = cut(bisecting_tree(points, 16, SETTINGS, generator(1)), 5)
    kinds = np.unique(places, axis=0, return_inverse=True)[1].ravel()
    assert adjusted_rand_score(kinds, best.labels(points)) == 1
    assert adjusted_rand_score(kinds, plain.labels(points)) < 0.8


def test_steps_on_the_leaves_are_lloyds_and_never_dearer() -> None:
    points, tree = grown()
    small = cut(tree, 6)
    model = refined(small, points, 3)
    assert (model.tree, model.nodes) == (small, small.nodes)
    assert model.centres.tolist() == lloyd(points, small.centres, 3, 0.0).centres.tolist()
    labels = model.labels(points)
    assert ((points - model.centres[labels]) ** 2).sum() <= cost(points, small)
    found = bisecting_kmeans(points, 6, SETTINGS, generator(3))
    assert found.centres.tolist() == model.centres.tolist()
    assert found.labels.tolist() == labels.tolist()


def test_pairs_of_groups_that_the_first_division_cuts_are_mended_by_steps() -> None:
    # The first division goes through the group in the middle.
    rng = np.random.default_rng(8)
    places = np.repeat([[10, 10], [30, 10], [50, 10]], 100, 0)
    points = places + rng.normal(size=places.shape) * 2
    kinds = places[:, 0]
    tree = cut(bisecting_tree(points, 16, SETTINGS, generator(1)), 3)
    agreements = [
        adjusted_rand_score(kinds, labels)
        for labels in (tree.labels(points), refined(tree, points, 3).labels(points))
    ]
    assert agreements[1] >= agreements[0]
    assert agreements[1] == 1
