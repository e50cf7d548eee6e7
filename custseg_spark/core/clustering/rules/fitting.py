"""Learn a clustering's rules, and measure what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.clustering.distances import squared_distances
from custseg_spark.core.clustering.models import (
    ClusterModel,
    KMeans,
    RefinedTree,
    cluster_count,
)
from custseg_spark.core.clustering.rules.learning import learn
from custseg_spark.core.clustering.rules.tree import RuleTree

# The cost of a cluster other than the clustering's, beside the distance, in mean costs of a
# customer; for clusterings that don't go by the nearest centre. Measured on the demo log.
_DISAGREEMENT = 8.0
# The most leaves per cluster.
_LEAVES = 2


@dataclass(frozen=True)
class Price:
    """The cost of rules compared with their clustering.

    `cost_ratio` is the sum of squared distances to the rules' centres, divided by that to the
    clustering's; `fidelity` is the share of customers whom both give the same cluster.
    """

    cost_ratio: float
    fidelity: float


def rules_of(
    model: ClusterModel,
    points: np.ndarray,
    columns: Mapping[str, np.ndarray],
    null_values: Mapping[str, float],
) -> RuleTree:
    """Learn the rules of a clustering from customers: points (n x d) and raw columns, NaN for null.

    The tree has at most two leaves per cluster.
    """
    distances, labels = _distances(model, points), model.labels(points)
    label_distances = distances[np.arange(len(labels)), labels]
    losses = distances
    if not isinstance(model, KMeans | RefinedTree):
        disagrees = np.arange(distances.shape[1]) != labels[:, None]
        losses = distances + _DISAGREEMENT * label_distances.mean() * disagrees
    leaves = _LEAVES * cluster_count(model)
    return learn(columns, losses, most_leaves=leaves, null_values=null_values)


def price(model: ClusterModel, points: np.ndarray, rule_labels: np.ndarray) -> Price | None:
    """Return the price of rules by the labels that they give customers; None without customers."""
    if not len(points):
        return None
    distances, labels = _distances(model, points), model.labels(points)
    rows = np.arange(len(labels))
    cost, least_cost = distances[rows, rule_labels].sum(), distances[rows, labels].sum()
    ratio = float(cost / least_cost) if least_cost > 0 else 1.0 if cost == least_cost else np.inf
    return Price(ratio, float((rule_labels == labels).mean()))


def _distances(model: ClusterModel, points: np.ndarray) -> np.ndarray:
    """Return squared distances to the centres, n x k."""
    return np.ascontiguousarray(squared_distances(points, model.centres).T)
