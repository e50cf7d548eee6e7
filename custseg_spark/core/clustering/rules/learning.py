"""Learn a threshold tree that costs little more than the clustering that it approximates.

In the manner of IMM (Moshkovitz, Dasgupta, Rashtchian, Frost: Explainable k-Means and k-Medians
Clustering, 2020) and ExKMC (Frost, Moshkovitz, Rashtchian, 2020): a leaf stands for a centre, and
the split with the smallest surrogate cost comes first. The tree grows beyond its size and is cut
back where that costs least. In between each question is chosen again, given all other questions, as
long as the cost falls (tree alternating optimisation, Carreira-Perpiñán, Tavallali 2018). Growing
by half and cutting back is repeated as long as that helps.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.clustering.rules.splits import Grid, Question
from custseg_spark.core.clustering.rules.tree import RuleNode, RuleTree

# The tree grows to so many times its size before it is cut back.
_OVERGROWN = 2
# The most rounds of growing the tree by half and cutting it back, and the share of the loss that
# another round must save: on the demo log, two rounds save 3 %, further ones nothing.
_MOST_ROUNDS_OF_GROWTH, _WORTHWHILE = 3, 1e-3
# The most rounds of choosing every question again; three or four suffice.
_MOST_ROUNDS = 20
# A loss that falls by less than this share of itself hasn't fallen.
_NEGLIGIBLE = 1e-9


@dataclass(eq=False)
class _Node:
    """A node being grown: its customers' rows, and a question with two nodes or a cluster."""

    rows: np.ndarray
    cluster: int
    question: Question | None = None
    below: "_Node | None" = None
    above: "_Node | None" = None


def learn(
    columns: Mapping[str, np.ndarray],
    losses: np.ndarray,
    *,
    most_leaves: int,
    null_values: Mapping[str, float],
) -> RuleTree:
    """Return a tree of at most `most_leaves` leaves over raw features (NaN for null).

    `losses` (n x k) is the cost of giving a customer to a cluster. Every cluster has a leaf where
    the customers and `most_leaves` allow it.
    """
    filled = {n: np.where(np.isnan(c), null_values.get(n, 0.0), c) for n, c in columns.items()}
    grower = _Grower(Grid.of(filled), losses)
    root = grower.root()
    grower.grow(root, _OVERGROWN * most_leaves)
    while len(_leaves(root)) > most_leaves and grower.cut(root):
        grower.refine(root)
    nodes: list[RuleNode] = []
    _listed(_pruned(grower.regrown(root, most_leaves)), grower.grid, nodes)
    used = {n.feature for n in nodes if n.feature is not None}
    return RuleTree(tuple(nodes), {n: v for n, v in null_values.items() if n in used})


class _Grower:
    def __init__(self, grid: Grid, losses: np.ndarray) -> None:
        self.grid, self._losses = grid, losses

    def root(self) -> _Node:
        """Return a tree without a question."""
        return self._leaf(np.arange(len(self._losses)))

    def regrown(self, root: _Node, most_leaves: int) -> _Node:
        """Grow the tree by half and cut it back, as long as that saves something."""
        for _ in range(_MOST_ROUNDS_OF_GROWTH):
            other = _copied(root)
            self.grow(other, most_leaves + most_leaves // 2)
            while len(_leaves(other)) > most_leaves and self.cut(other):
                pass
            self.refine(other)
            is_small = len(_leaves(other)) <= most_leaves
            if not is_small or self._loss(other) >= (1 - _WORTHWHILE) * self._loss(root):
                return root
            root = other
        return root

    def grow(self, root: _Node, most_leaves: int) -> None:
        """Split the leaf whose split saves most, up to `most_leaves` leaves; then refine.

        The last leaves go to clusters that have none yet.
        """
        leaves = _leaves(root)
        splits: dict[int, _Split | None] = {}
        while len(leaves) < most_leaves:
            missing = set(range(self._losses.shape[1])) - {leaf.cluster for leaf in leaves}
            is_last = len(missing) >= most_leaves - len(leaves)
            target = min(missing, key=self._own_loss) if is_last and missing else None
            splits |= {id(n): self._split(n, None) for n in leaves if id(n) not in splits}
            tried = [
                (leaf, splits[id(leaf)] if target is None else self._split(leaf, target))
                for leaf in leaves
            ]
            gains = [(self._gain(leaf, split), leaf, split) for leaf, split in tried if split]
            if not gains:
                break
            gain, leaf, split = max(gains, key=lambda g: g[0])
            if target is None and gain <= _NEGLIGIBLE * self._loss(root):
                break
            leaf.question, leaf.below, leaf.above = split
            leaves.remove(leaf)
            leaves += [split[1], split[2]]
        self.refine(root)

    def refine(self, root: _Node) -> None:
        """Choose each question and leaf again, given all others, until the loss stays the same."""
        last_loss = np.inf
        for _ in range(_MOST_ROUNDS):
            self._improve(root, np.arange(len(self._losses)))
            self._relabel(root)
            loss = self._loss(root)
            if loss >= last_loss * (1 - _NEGLIGIBLE):
                return
            last_loss = loss

    def cut(self, root: _Node) -> bool:
        """Put one answer's node in its question's place, where the loss per removed leaf is least.

        Return whether a question could be cut without losing the last leaf of a cluster.
        """
        counts = Counter(leaf.cluster for leaf in _leaves(root))
        best: tuple[float, _Node, _Node] | None = None
        for node in _questions(root):
            loss = self._reached(node, node.rows).sum()
            for kept, dropped in ((node.below, node.above), (node.above, node.below)):
                if kept is None or dropped is None:
                    continue
                gone = Counter(leaf.cluster for leaf in _leaves(dropped))
                if any(counts[cluster] <= n for cluster, n in gone.items()):
                    continue
                more = float(self._reached(kept, node.rows).sum() - loss) / gone.total()
                if best is None or more < best[0]:
                    best = more, node, kept
        if best is None:
            return False
        _, node, kept = best
        node.cluster, node.question = kept.cluster, kept.question
        node.below, node.above = kept.below, kept.above
        return True

    def _own_loss(self, cluster: int) -> float:
        return float(self._losses[:, cluster].sum())

    def _leaf(self, rows: np.ndarray) -> _Node:
        return _Node(rows, int(np.argmin(self._losses[rows].sum(axis=0))))

    def _split(self, leaf: _Node, cluster: int | None) -> "_Split | None":
        """Return the leaf's best split; with `cluster`, one answer leads to that cluster."""
        losses = self._losses[leaf.rows]
        if cluster is None:
            question = self.grid.question(leaf.rows, losses, losses)
        else:
            cluster_losses = losses[:, [cluster]]
            both = [
                self.grid.question(leaf.rows, cluster_losses, losses),
                self.grid.question(leaf.rows, losses, cluster_losses),
            ]
            question = min((q for q in both if q), key=lambda q: q.loss, default=None)
        if question is None:
            return None
        is_below = self.grid.is_below(leaf.rows, question)
        if is_below.all() or not is_below.any():
            return None
        return question, self._leaf(leaf.rows[is_below]), self._leaf(leaf.rows[~is_below])

    def _gain(self, leaf: _Node, split: "_Split") -> float:
        return float(self._losses[leaf.rows, leaf.cluster].sum()) - split[0].loss

    def _loss(self, root: _Node) -> float:
        return float(self._reached(root, root.rows).sum())

    def _reached(self, node: _Node, rows: np.ndarray) -> np.ndarray:
        """Return the loss of each row if it reaches `node`."""
        if node.question is None or node.below is None or node.above is None:
            return np.asarray(self._losses[rows, node.cluster])
        is_below = self.grid.is_below(rows, node.question)
        costs = np.empty(len(rows))
        costs[is_below] = self._reached(node.below, rows[is_below])
        costs[~is_below] = self._reached(node.above, rows[~is_below])
        return costs

    def _improve(self, node: _Node, rows: np.ndarray) -> None:
        node.rows = rows
        if node.question is None or node.below is None or node.above is None:
            return
        if len(rows):
            below, above = (self._reached(n, rows)[:, None] for n in (node.below, node.above))
            question = self.grid.question(rows, below, above)
            is_below_now = self.grid.is_below(rows, node.question)
            loss = float(np.where(is_below_now, below[:, 0], above[:, 0]).sum())
            if question and question.loss < loss * (1 - _NEGLIGIBLE):
                node.question = question
        is_below = self.grid.is_below(rows, node.question)
        self._improve(node.below, rows[is_below])
        self._improve(node.above, rows[~is_below])

    def _relabel(self, root: _Node) -> None:
        """Give each leaf its cheapest cluster, unless it is the only leaf of its own."""
        leaves = _leaves(root)
        for leaf in leaves:
            if sum(other.cluster == leaf.cluster for other in leaves) > 1 and len(leaf.rows):
                leaf.cluster = self._leaf(leaf.rows).cluster


_Split = tuple[Question, _Node, _Node]


def _copied(node: _Node) -> _Node:
    if node.below is None or node.above is None:
        return _Node(node.rows, node.cluster)
    return _Node(node.rows, node.cluster, node.question, _copied(node.below), _copied(node.above))


def _leaves(node: _Node) -> list[_Node]:
    if node.below is None or node.above is None:
        return [node]
    return [*_leaves(node.below), *_leaves(node.above)]


def _questions(node: _Node) -> list[_Node]:
    if node.below is None or node.above is None:
        return []
    return [node, *_questions(node.below), *_questions(node.above)]


def _pruned(node: _Node) -> _Node:
    """Drop questions with one cluster for both answers, or without customers on one side."""
    if node.question is None or node.below is None or node.above is None:
        return node
    below, above = _pruned(node.below), _pruned(node.above)
    if not len(below.rows) or not len(above.rows):
        return above if not len(below.rows) else below
    if below.question is None and above.question is None and below.cluster == above.cluster:
        return _Node(node.rows, below.cluster)
    return _Node(node.rows, node.cluster, node.question, below, above)


def _listed(node: _Node, grid: Grid, nodes: list[RuleNode]) -> int:
    """Append a node and all nodes below it; return the node's place."""
    place = len(nodes)
    nodes.append(RuleNode(cluster=node.cluster))
    if node.question is not None and node.below is not None and node.above is not None:
        feature, threshold = node.question.feature, node.question.threshold
        below, above = _listed(node.below, grid, nodes), _listed(node.above, grid, nodes)
        value = float(grid.thresholds[feature][threshold])
        nodes[place] = RuleNode(grid.names[feature], value, below, above)
    return place
