"""Smaller bisecting models cut from a larger one's tree."""

import numpy as np
import pytest

from custseg_spark.core.clustering.models import BisectingKMeans, Node, tree_model
from custseg_spark.core.clustering.tree_cuts import cut

# node: parent, size, centre. The root's children are 60 and 40, the larger one's 30 each.
#             -1 (100)
#        -2 (60)        -4 (40)
#      0 (30)  -3 (30)   3 (25)  4 (15)
#             1 (20) 2 (10)
PARENTS = {-1: None, -2: -1, 0: -2, -3: -2, 1: -3, 2: -3, -4: -1, 3: -4, 4: -4}
SIZES = {-1: 100, -2: 60, 0: 30, -3: 30, 1: 20, 2: 10, -4: 40, 3: 25, 4: 15}


def tree() -> BisectingKMeans:
    nodes = [
        Node(index, parent, SIZES[index], float(SIZES[index]), index if index >= 0 else None)
        for index, parent in PARENTS.items()
    ]
    children = [[child for child, p in PARENTS.items() if p == index] for index in PARENTS]
    return tree_model(nodes, [np.array([float(i)]) for i in PARENTS], children)


@pytest.mark.parametrize(
    ("k", "leaves"),
    [
        (1, [-1]),
        (2, [-2, -4]),
        (3, [0, -3, -4]),
        (4, [0, -3, 3, 4]),
        (5, [0, 1, 2, 3, 4]),
    ],
)
def test_larger_nodes_of_a_level_are_divided_first(k: int, leaves: list[int]) -> None:
    found = cut(tree(), k)
    assert found is not None
    # A node's centre is its number in the whole tree.
    assert found.centres[:, 0].tolist() == leaves
    assert [n.size for n in found.nodes if n.cluster is not None] == [SIZES[i] for i in leaves]
    assert [n.index for n in found.nodes] == [*range(-1, -k, -1), *range(k)]
    parents = {n.index: n.parent for n in found.nodes}
    assert list(parents.values()).count(None) == 1


def test_the_largest_cut_is_the_tree_itself() -> None:
    found = cut(tree(), 5)
    assert found is not None
    assert (found.nodes, found.children) == (tree().nodes, tree().children)
    assert found.node_centres.tolist() == tree().node_centres.tolist()


def test_more_clusters_than_leaves_are_none() -> None:
    assert cut(tree(), 6) is None
