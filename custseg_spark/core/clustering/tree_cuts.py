"""Smaller bisecting models cut from a larger one's tree, and refined.

`cut` goes by MLlib's rule of what to divide, `cheapest_cut` divides where that helps most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from custseg_spark.core.clustering.kmeans import lloyd
from custseg_spark.core.clustering.models import BisectingKMeans, Node, RefinedTree, tree_model


def cut(tree: BisectingKMeans, k: int) -> BisectingKMeans | None:
    """Return the model of `k` clusters that the tree holds; None where it has fewer leaves.

    MLlib divides level by level, and the larger nodes first where not all of a level are needed. So
    a large tree's first divisions are those of a smaller tree, apart from the random direction in
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


def cheapest_cut(tree: BisectingKMeans, k: int) -> BisectingKMeans | None:
    """Return the subtree with `k` leaves of the least total cost; None if the tree has fewer.

    Of equally cheap subtrees, the one with more leaves on the left counts.
    """
    cuts = _Cuts(tree)
    return _numbered(tree, cuts.divided(k)) if k <= cuts.most else None


def refined(
    tree: BisectingKMeans, points: np.ndarray, steps: int, weights: np.ndarray | None = None
) -> RefinedTree:
    """Move a tree's leaves by at most `steps` steps of Lloyd's over the points."""
    centres = lloyd(points, tree.centres, steps, 0.0, weights).centres
    return RefinedTree(tree.nodes, centres, tree)


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


@dataclass(frozen=True)
class _Cuts:
    """The least cost of each node's branch for each number of leaves (Bohanec, Bratko 1994)."""

    tree: BisectingKMeans

    @cached_property
    def _order(self) -> list[int]:
        """Places from the root on, parents before their children, left before right."""
        order, waiting = [], [0]
        while waiting:
            place = waiting.pop()
            order.append(place)
            waiting += reversed(self.tree.children[place])
        return order

    @property
    def most(self) -> int:
        """The number of the tree's leaves."""
        return len(self._costs[0]) - 1

    @cached_property
    def _costs(self) -> dict[int, list[float]]:
        """By place, the least cost with 0 (impossible), 1, … leaves."""
        costs: dict[int, list[float]] = {}
        for place in reversed(self._order):
            costs[place] = [np.inf, self.tree.nodes[place].cost]
            if self.tree.children[place]:
                left, right = (costs[child] for child in self.tree.children[place])
                most = len(left) + len(right) - 2
                costs[place] += [
                    min(total for total, _ in _shares(left, right, leaves))
                    for leaves in range(2, most + 1)
                ]
        return costs

    def divided(self, k: int) -> set[int]:
        """Return the places that are divided in the cut of k leaves."""
        wanted, divided = {0: k}, set()
        for place in self._order:
            leaves = wanted.get(place, 1)
            if leaves == 1:
                continue
            divided.add(place)
            left, right = self.tree.children[place]
            shares = _shares(self._costs[left], self._costs[right], leaves)
            _, in_left = min(shares, key=lambda share: (share[0], -share[1]))
            wanted |= {left: in_left, right: leaves - in_left}
        return divided


def _shares(left: Sequence[float], right: Sequence[float], leaves: int) -> list[tuple[float, int]]:
    """The cost of each way to share leaves among two branches, with the number on the left."""
    fewest = max(1, leaves - len(right) + 1)
    return [(left[n] + right[leaves - n], n) for n in range(fewest, min(leaves, len(left)))]
