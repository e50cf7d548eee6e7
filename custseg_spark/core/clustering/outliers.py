"""Customers who fit no segment: the distance that is too far, and their odd features.

A customer is an outlier beyond a distance from the centre of their segment: a given percentile of
the segment's customers' distances, learned when the model is fitted and kept with it.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering.distances import blocks, squared_distances

# The features that add most to an outlier's distance, with their signed distance in scaled units
# (standard deviations, with standard scaling), the largest first.
ODDITIES = pa.list_(pa.struct([("feature", pa.string()), ("deviation", pa.float64())]))
_MOST = 3


def outlier_distances(
    points: np.ndarray, clusters: np.ndarray, centres: np.ndarray, percentile: float
) -> tuple[float | None, ...]:
    """Return each cluster's distance that `percentile` % of its points don't exceed.

    It is the smallest distance of a point with at least that share of points at or below it. So no
    point of a cluster of fewer than 100 / (100 - percentile) points exceeds it. None for a cluster
    without a point.
    """
    distances = np.empty(len(points))
    for rows in blocks(len(points)):
        squares = squared_distances(points[rows], centres)
        labels = clusters[rows]
        distances[rows] = np.sqrt(squares[labels, np.arange(len(labels))])
    of_cluster = [distances[clusters == cluster] for cluster in range(len(centres))]
    return tuple(
        float(np.percentile(d, percentile, method="inverted_cdf")) if len(d) else None
        for d in of_cluster
    )


def outliers(
    points: np.ndarray,
    clusters: np.ndarray,
    distances: np.ndarray,
    centres: np.ndarray,
    limits: Sequence[float | None],
    axes: Sequence[str],
) -> tuple[pa.Array, pa.Array]:
    """Return by point: whether its distance exceeds its cluster's limit, and its oddities.

    The oddities (ODDITIES) are null for points that fit; both are null without limits.
    """
    n = len(points)
    if not limits:
        return pa.nulls(n, pa.bool_()), pa.nulls(n, ODDITIES)
    farthest = np.array([np.inf if limit is None else limit for limit in limits])
    is_outlier = distances > farthest[clusters]
    odd = np.flatnonzero(is_outlier)
    gaps = points[odd] - centres[clusters[odd]]
    tops = np.argsort(-np.abs(gaps), axis=1, kind="stable")[:, :_MOST]
    deviations = np.take_along_axis(gaps, tops, axis=1)
    lists = pa.ListArray.from_arrays(
        np.arange(0, tops.size + 1, max(tops.shape[1], 1), dtype=np.int32),
        pa.StructArray.from_arrays(
            [
                pa.array(list(axes), pa.string()).take(pa.array(tops.ravel().astype(np.int32))),
                pa.array(deviations.ravel()),
            ],
            fields=list(ODDITIES.value_type),
        ),
    )
    places = np.zeros(n, dtype=np.int32)
    places[odd] = np.arange(len(odd), dtype=np.int32)
    taken = lists.take(pa.array(places, mask=~is_outlier))
    return pa.array(is_outlier), taken.cast(ODDITIES)
