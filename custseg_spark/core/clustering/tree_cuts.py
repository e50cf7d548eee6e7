"""Smaller bisecting models cut from a larger one's tree, by MLlib's rule of what to divide."""

from dataclasses import replace

from custseg_spark.core.clustering.models import BisectingKMeans, Node, tree_model


def cut(tree: BisectingKMeans, k: int) -> BisectingKMeans | None:
    """Return the model of `k` clusters that the tree holds; None where it has fewer leaves.

    MLlib divides level by level, and the larger nodes first where not all of a level are needed.
    So the first divisions of a large tree are a smaller one's, but for the random direction in
    which each division starts.
    """
    divided: set[int] = set()
    level, needed = [0], k - 1
    while needed > 0:
        divisible = [place for place in level if tree.children[place]]
        if not divisible:
            return None
        # A stable sort: equally large nodes keep their order from left to right.
        taken = sorted(divisible, key=lambda place: -tree.nodes[place].size)[:needed]
        divided |= set(taken)
        level = [child for place in divisible if place in taken for child in tree.children[place]]
        needed -= len(taken)
    return _numbered(tree, divided)


def _numbered(tree: BisectingKMeans, divided: set[int]) -> BisectingKMeans:
    """Return the tree of the divided nodes and their children, numbered as MLlib does.

    From the root down and from left to right: inner nodes from -1, leaves from 0.
    """
    nodes: list[Node] = []
    places: list[int] = []
    numbers: dict[int, int] = {}
    waiting: list[tuple[int, int | None]] = [(0, None)]
    leaves = inner = 0
    while waiting:
        place, parent = waiting.pop()
        is_inner = place in divided
        numbers[place] = index = -1 - inner if is_inner else leaves
        inner, leaves = inner + is_inner, leaves + (not is_inner)
        cluster = None if is_inner else index
        nodes.append(replace(tree.nodes[place], index=index, parent=parent, cluster=cluster))
        places.append(place)
        if is_inner:
            waiting += [(child, index) for child in reversed(tree.children[place])]
    children = [[numbers[c] for c in tree.children[p]] if p in divided else [] for p in places]
    return tree_model(nodes, list(tree.node_centres[places]), children)
