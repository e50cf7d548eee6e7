"""Tell a clustering by rules, and say at what price."""

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

# What another cluster than the clustering's costs beside the distance, in mean costs of a customer,
# where the clustering itself doesn't go by the nearest centre: measured on the demo log.
_DISAGREEMENT = 8.0
# Leaves a cluster.
_LEAVES = 2


@dataclass(frozen=True)
class Price:
    """What rules cost against the clustering that they tell.

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

    At most two leaves a cluster.
    """
    distances, labels = _distances(model, points), model.labels(points)
    own = distances[np.arange(len(labels)), labels]
    losses = distances
    if not isinstance(model, KMeans | RefinedTree):
        disagrees = np.arange(distances.shape[1]) != labels[:, None]
        losses = distances + _DISAGREEMENT * own.mean() * disagrees
    leaves = _LEAVES * cluster_count(model)
    return learn(columns, losses, most_leaves=leaves, null_values=null_values)


def price(model: ClusterModel, points: np.ndarray, told: np.ndarray) -> Price | None:
    """Return the price of rules that give these customers the clusters `told`; None of nobody."""
    if not len(points):
        return None
    distances, labels = _distances(model, points), model.labels(points)
    rows = np.arange(len(labels))
    cost, own = distances[rows, told].sum(), distances[rows, labels].sum()
    ratio = float(cost / own) if own > 0 else 1.0 if cost == own else np.inf
    return Price(ratio, float((told == labels).mean()))


def _distances(model: ClusterModel, points: np.ndarray) -> np.ndarray:
    """Return squared distances to the centres, n x k."""
    return np.ascontiguousarray(squared_distances(points, model.centres).T)
