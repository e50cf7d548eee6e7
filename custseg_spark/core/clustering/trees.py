"""Cut k clusters from one large bisecting tree, and refine the cut's leaves.

One tree serves every k. The cut is the pruning of least cost, so that a branch is divided where
that helps most; MLlib's own tree of k leaves divides the largest clusters instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from custseg_spark.core.clustering.kmeans import lloyd
from custseg_spark.core.clustering.models import BisectingKMeans, RefinedTree, tree_model


def refined(
    tree: BisectingKMeans, points: np.ndarray, steps: int, weights: np.ndarray | None = None
) -> RefinedTree:
    """Move a tree's leaves by at most `steps` steps of Lloyd's over the points."""
    centres = lloyd(points, tree.centres, steps, 0.0, weights).centres
    return RefinedTree(tree.nodes, centres, tree)


def cut(tree: BisectingKMeans, k: int) -> BisectingKMeans:
    """Return the subtree with k leaves (all, if the tree has fewer) of the least total cost.

    Its leaves are numbered from left to right. Of equal costs, the one with more leaves on the left
    counts.
    """
    cuts = _Cuts(tree)
    kept, leaves = cuts.places(min(k, cuts.most[0]))
    numbers = {place: cluster for cluster, place in enumerate(leaves)}
    inner = {place: -1 - number for number, place in enumerate(p for p in kept if p not in numbers)}
    index = {**numbers, **inner}
    parents = {child: place for place in inner for child in tree.children[place]}
    nodes = [
        replace(
            tree.nodes[place],
            index=index[place],
            parent=index[parents[place]] if place in parents else None,
            cluster=numbers.get(place),
        )
        for place in kept
    ]
    children = [
        [index[child] for child in tree.children[place]] if place in inner else [] for place in kept
    ]
    return tree_model(nodes, [tree.node_centres[place] for place in kept], children)


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

    @cached_property
    def most(self) -> dict[int, int]:
        """The number of leaves below each place."""
        return {place: len(costs) - 1 for place, costs in self._costs.items()}

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

    def places(self, k: int) -> tuple[list[int], list[int]]:
        """The places of the cut of k leaves, parents first, and its leaves from left to right."""
        wanted, kept, leaves = {0: k}, [], []
        for place in self._order:
            if place not in wanted:
                continue
            kept.append(place)
            if wanted[place] == 1:
                leaves.append(place)
                continue
            left, right = self.tree.children[place]
            shares = _shares(self._costs[left], self._costs[right], wanted[place])
            _, in_left = min(shares, key=lambda share: (share[0], -share[1]))
            wanted |= {left: in_left, right: wanted[place] - in_left}
        return kept, leaves


def _shares(left: Sequence[float], right: Sequence[float], leaves: int) -> list[tuple[float, int]]:
    """The cost of each way to share leaves among two branches, with the number on the left."""
    fewest = max(1, leaves - len(right) + 1)
    return [(left[n] + right[leaves - n], n) for n in range(fewest, min(leaves, len(left)))]
