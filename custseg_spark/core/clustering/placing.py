"""Place customers in clusters: where the model puts them, unless hysteresis holds them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.clustering.distances import blocks, squared_distances
from custseg_spark.core.clustering.hysteresis import is_held
from custseg_spark.core.clustering.models import ClusterModel, GaussianMixture

# The columns of the previous run's `customer_segments` that customers are placed by.
PLACED_COLUMNS = ("customer_id", "algorithm", "segment_id", "model_segment_id")


@dataclass(frozen=True)
class Before:
    """Customers' segments in the previous run (-1 for new customers), and whether it held them."""

    segment_ids: np.ndarray
    was_held: np.ndarray


def before(customer_ids: pa.ChunkedArray, previous: pa.Table, algorithm: str) -> Before:
    """Return customers' segments from the PLACED_COLUMNS of a previous run, in their order.

    A run of an older version doesn't record whom it held: it held nobody.
    """
    ids = pl.DataFrame({"customer_id": pl.Series(customer_ids, dtype=pl.String)})
    rows = pl.DataFrame(pl.from_arrow(previous.select(PLACED_COLUMNS)))
    of_algorithm = rows.filter(algorithm=algorithm).drop("algorithm")
    joined = ids.join(of_algorithm, on="customer_id", how="left", maintain_order="left")
    held = (joined["segment_id"] != joined["model_segment_id"]).fill_null(value=False)
    return Before(joined["segment_id"].fill_null(-1).to_numpy(), held.to_numpy())


def placed(
    points: np.ndarray,
    labels: np.ndarray,
    model: ClusterModel,
    segment_ids: Sequence[int],
    last_run: Before,
    hysteresis: float,
) -> np.ndarray:
    """Return the labels with hysteresis: some customers stay in their segment of the previous run.

    `labels` are the assigner's. A customer without one of the model's clusters isn't held.
    `segment_ids` are by cluster.
    """
    if hysteresis <= 0 or not len(points):
        return labels
    cluster_of = {segment: cluster for cluster, segment in enumerate(segment_ids)}
    codes, inverse = np.unique(last_run.segment_ids, return_inverse=True)
    earlier = np.array([cluster_of.get(code, -1) for code in codes.tolist()])[inverse.ravel()]
    clusters = labels.copy()
    is_other = (earlier >= 0) & (earlier != labels) & (labels < len(segment_ids))
    rows = np.flatnonzero(is_other)
    new, old = _remoteness(points[rows], model, labels[rows], earlier[rows])
    everyone = np.ones(len(rows), dtype=bool)
    held = is_held(new, old, everyone, last_run.was_held[rows], hysteresis)
    clusters[rows[held]] = earlier[rows[held]]
    return clusters


def _remoteness(
    points: np.ndarray, model: ClusterModel, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each point is from two clusters: distances, or improbabilities."""
    distances = np.empty((2, len(points)))
    for rows in blocks(len(points)):
        at = np.arange(len(points[rows]))
        if isinstance(model, GaussianMixture):
            block = 1 - model.probabilities(points[rows]).T
        else:
            block = np.sqrt(squared_distances(points[rows], model.centres))
        distances[0, rows], distances[1, rows] = block[first[rows], at], block[second[rows], at]
    return distances[0], distances[1]
