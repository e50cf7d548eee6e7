"""A threshold tree: questions about raw features that end in clusters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class RuleNode:
    """A question (whether a feature is below a threshold) with its two answers, or a cluster.

    `below` and `above` are places of nodes behind this one; a leaf has only `cluster`.
    """

    feature: str | None = None
    threshold: float | None = None
    below: int | None = None
    above: int | None = None
    cluster: int | None = None

    @property
    def question(self) -> tuple[str, float, int, int] | None:
        """The feature, the threshold and the places of both answers' nodes; None for a leaf."""
        if self.feature is None or self.threshold is None:
            return None
        if self.below is None or self.above is None:
            return None
        return self.feature, self.threshold, self.below, self.above


@dataclass(frozen=True)
class Interval:
    """A rule's limits of a feature: at least `lower` and below `upper`; None is no limit."""

    feature: str
    lower: float | None
    upper: float | None

    def holds(self, value: float) -> bool:
        """Whether a value is in the interval."""
        is_enough = self.lower is None or value >= self.lower
        return is_enough and (self.upper is None or value < self.upper)


@dataclass(frozen=True)
class LeafRule:
    """A leaf: its cluster, and an interval for each feature that its path asks about."""

    cluster: int
    intervals: tuple[Interval, ...]


@dataclass(frozen=True)
class RuleTree:
    """Nodes from the root on. `null_values` replace missing values by feature; else 0 does."""

    nodes: tuple[RuleNode, ...]
    null_values: Mapping[str, float]

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The features of the questions, in the order of the nodes."""
        return tuple(dict.fromkeys(n.feature for n in self.nodes if n.feature is not None))

    @property
    def leaves(self) -> int:
        """The number of leaves."""
        return sum(node.cluster is not None for node in self.nodes)

    def labels(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the cluster of each customer from raw doubles, NaN for null."""
        filled = {
            name: np.where(np.isnan(columns[name]), self.null_values.get(name, 0.0), columns[name])
            for name in self.features
        }
        labels = np.empty(len(next(iter(columns.values()))), dtype=np.intp)
        rows: list[np.ndarray] = [np.zeros(0, dtype=np.intp)] * len(self.nodes)
        rows[0] = np.arange(len(labels))
        for node, here in zip(self.nodes, rows, strict=True):
            if node.question is None:
                labels[here] = node.cluster or 0
                continue
            feature, threshold, below, above = node.question
            is_below = filled[feature][here] < threshold
            rows[below], rows[above] = here[is_below], here[~is_below]
        return labels

    @cached_property
    def rules(self) -> tuple[LeafRule, ...]:
        """The leaves from the lowest answers to the highest; no customer meets two of them."""
        return tuple(self._rules(0, {}))

    def of_cluster(self, cluster: int) -> list[LeafRule]:
        """Return the leaves of a cluster; empty where the tree has none."""
        return [rule for rule in self.rules if rule.cluster == cluster]

    def _rules(
        self, place: int, limits: Mapping[str, tuple[float | None, float | None]]
    ) -> Sequence[LeafRule]:
        node = self.nodes[place]
        if node.question is None:
            intervals = tuple(Interval(name, *both) for name, both in limits.items())
            return [LeafRule(node.cluster or 0, intervals)]
        feature, threshold, below, above = node.question
        lower, upper = limits.get(feature, (None, None))
        return [
            *self._rules(below, {**limits, feature: (lower, threshold)}),
            *self._rules(above, {**limits, feature: (threshold, upper)}),
        ]
