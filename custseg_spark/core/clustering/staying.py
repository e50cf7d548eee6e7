"""Learn the probability that a refit leaves a customer in the same segment.

The refits of resamples (bootstraps) show how often customers at each relative margin stay. An
isotonic curve for each cluster turns the share into a probability. The curves are a part of the
model.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression, linear_sum_assignment

from custseg_spark.core.clustering.assignment import annotate
from custseg_spark.core.clustering.distances import nearest, sums_by_label
from custseg_spark.core.clustering.models import ClusterModel, cluster_count
from custseg_spark.core.clustering.stability import Resample, contingency
from custseg_spark.core.clustering.stay_curves import StayCurve, relative_margins

# A curve's bins, each with the same number of points: enough for its bend at the border.
_BINS = 40


def learned(
    points: np.ndarray, model: ClusterModel, refits: Sequence[Resample]
) -> tuple[StayCurve, ...]:
    """Return a model's curves, by cluster, from points and refits of its training points."""
    k, labels = cluster_count(model), model.labels(points)
    notes = annotate(points, labels, model.centres)
    margins = relative_margins(notes.distances, notes.margins)
    return stay_curves(margins, labels, k, stays(points, labels, k, refits), len(refits))


def stays(
    points: np.ndarray, clusters: np.ndarray, k: int, refits: Sequence[Resample]
) -> np.ndarray:
    """Return in how many of the refits each point stays in its cluster.

    Each refit's cluster is matched with at most one cluster, so that matched clusters together
    share the most points (Hungarian method).
    """
    stayed = np.zeros(len(points))
    for refit in refits:
        labels = nearest(points, refit.centres)
        table = contingency(clusters, labels, k, refit.k)
        rows, columns = linear_sum_assignment(table, maximize=True)
        taken_for = np.full(refit.k, -1)
        taken_for[columns] = rows
        stayed += taken_for[labels] == clusters
    return stayed


def stay_curves(
    margins: np.ndarray, clusters: np.ndarray, k: int, stayed: np.ndarray, refits: int
) -> tuple[StayCurve, ...]:
    """Return each cluster's curve from the relative margins of points and how often they stayed.

    Empty without refits. A cluster without a point gets the curve of all.
    """
    if not refits or not len(margins):
        return ()
    of_all = _curve(margins, stayed / refits)
    members = [clusters == cluster for cluster in range(k)]
    return tuple(_curve(margins[o], stayed[o] / refits) if o.any() else of_all for o in members)


def _curve(margins: np.ndarray, shares: np.ndarray) -> StayCurve:
    order = np.argsort(margins, kind="stable")
    bins = np.arange(len(order)) * min(_BINS, len(order)) // len(order)
    sizes = np.bincount(bins)
    at = sums_by_label(margins[order], bins, len(sizes)) / sizes
    means = sums_by_label(shares[order], bins, len(sizes)) / sizes
    rising = isotonic_regression(means, weights=sizes).x
    return StayCurve(tuple(at.tolist()), tuple(np.clip(rising, 0, 1).tolist()))
