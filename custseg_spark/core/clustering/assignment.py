"""Assign every customer to a segment, with distance, runner-up and the deciding features."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering.assigners import (
    TOO_LITTLE_KNOWN,
    TOO_LITTLE_KNOWN_ID,
    Assigner,
    columns_read,
)
from custseg_spark.core.clustering.distances import blocks, first_smallest, squared_distances
from custseg_spark.core.clustering.models import (
    ClusterModel,
    GaussianMixture,
    cluster_count,
)
from custseg_spark.core.clustering.outliers import ODDITIES, outliers
from custseg_spark.core.clustering.placing import Before, before, placed
from custseg_spark.core.clustering.rules.tree import RuleTree
from custseg_spark.core.clustering.scaling import FeatureSpace
from custseg_spark.core.clustering.stay_curves import StayCurve, relative_margins

# Segments are numbered by these coordinates, from the most to the least valuable.
VALUE_FEATURES = ("monetary", "frequency", "session_count")
TOP_FEATURES = 3
PASSED_THROUGH = ("customer_id", "rfm_r", "rfm_f", "rfm_m", "rfm_group")

# The columns of `customer_segments` that follow from a run's own customers and models, without its
# partition.
SEGMENT_ROWS = pa.schema(
    [
        ("algorithm", pa.string()),
        ("customer_id", pa.string()),
        ("cluster", pa.int32()),
        ("segment_id", pa.int32()),
        ("segment_name", pa.string()),
        ("distance", pa.float64()),
        ("second_segment_id", pa.int32()),
        ("margin", pa.float64()),
        ("top_features", pa.list_(pa.string())),
        ("memberships", pa.map_(pa.int32(), pa.float64())),
        ("rfm_r", pa.int32()),
        ("rfm_f", pa.int32()),
        ("rfm_m", pa.int32()),
        ("rfm_group", pa.string()),
        ("prediction_timestamp", pa.timestamp("us", "UTC")),
        ("is_outlier", pa.bool_()),
        ("oddities", ODDITIES),
        ("model_segment_id", pa.int32()),
        ("p_stay", pa.float64()),
    ]
)


@dataclass(frozen=True)
class NamedClustering:
    """A clustering to publish: segment ids and names by cluster, and its `Assigner`.

    `outlier_distances` are by cluster: beyond its distance a customer fits no segment. None: no
    distance is too far; empty: an older version fitted the model. `stay_curves` are by cluster too:
    the probability that a refit leaves a customer there; empty where it isn't known. `hysteresis`
    is the margin by which customers are held in the segment of the previous run.
    """

    algorithm: str
    model: ClusterModel
    segment_ids: tuple[int, ...]
    segment_names: tuple[str, ...]
    outlier_distances: tuple[float | None, ...] = ()
    rules: RuleTree | None = None
    by_rules: bool = False
    known_from: int = 0
    stay_curves: tuple[StayCurve, ...] = ()
    hysteresis: float = 0.0

    @property
    def assigner(self) -> Assigner:
        """The assigner of the clustering's labels."""
        return Assigner(self.model, self.rules, self.by_rules, self.known_from)

    @property
    def segments(self) -> dict[int, str]:
        """Every segment's name by id, with that of too little known where the clustering has it."""
        names = dict(zip(self.segment_ids, self.segment_names, strict=True))
        return names | ({TOO_LITTLE_KNOWN_ID: TOO_LITTLE_KNOWN} if self.known_from else {})

    def placed(
        self, bucket: pa.Table, points: np.ndarray, last_run: Before | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return each customer's label with hysteresis, and the one by the assigner alone.

        Rules apply as they are written: they hold nobody.
        """
        labels = self.assigner.labels(bucket, points)
        if last_run is None or self.by_rules:
            return labels, labels
        held = placed(points, labels, self.model, self.segment_ids, last_run, self.hysteresis)
        return held, labels


@dataclass(frozen=True)
class Annotations:
    """By customer: cluster, distance to its centre, the second cluster (-1 if there is only one).

    `margin` is the distance to the second centre minus the distance to the customer's own, in
    scaled units. `top_axes` (n x 3) are the axes with the largest contributions to the difference
    of the two squared distances, the largest first.
    """

    clusters: np.ndarray
    distances: np.ndarray
    seconds: np.ndarray
    margins: np.ndarray
    top_axes: np.ndarray


def order_by_value(centres: np.ndarray, axes: Sequence[str]) -> list[int]:
    """Sort the clusters from the most to the least valuable.

    The value is the mean of the centre's scaled monetary, frequency and session_count, as far as
    the space has them (of all coordinates if it has none); ties are broken by the coordinates in
    order.
    """
    value = [i for i, name in enumerate(axes) if name in VALUE_FEATURES]
    worth = centres[:, value or slice(None)].mean(axis=1)
    return sorted(range(len(centres)), key=lambda c: (-worth[c], *(-centres[c])))


def segment_columns(space: FeatureSpace, clusterings: Sequence[NamedClustering]) -> list[str]:
    """Return the columns of `customer_features` that `segments` reads."""
    return columns_read([*PASSED_THROUGH, *space.columns], [c.assigner for c in clusterings])


def segments(
    bucket: pa.Table,
    *,
    space: FeatureSpace,
    clusterings: Sequence[NamedClustering],
    prediction_timestamp: datetime,
    previous: pa.Table | None = None,
) -> pa.Table:
    """Return rows of `customer_segments`, one per customer and algorithm, by algorithm.

    `previous`: rows PLACED_COLUMNS of the previous run, by which hysteresis holds customers.
    """
    points = space.points(bucket)
    axes = space.preparation.axes
    tables = []
    for clustering in clusterings:
        last_run = known_of(bucket, previous, clustering)
        tables.append(_rows(bucket, points, clustering, axes, prediction_timestamp, last_run))
    return pa.concat_tables(tables)


def known_of(
    bucket: pa.Table, previous: pa.Table | None, clustering: NamedClustering
) -> Before | None:
    """Return the customers' segments in the previous run; None if nobody can be held."""
    if previous is None or not clustering.hysteresis:
        return None
    return before(bucket["customer_id"], previous, clustering.algorithm)


def labels(
    bucket: pa.Table, *, space: FeatureSpace, assigners: Sequence[tuple[str, Assigner]]
) -> pa.Table:
    """Return one row per customer: `customer_id` and an int32 column of labels for each named
    assigner.
    """
    points = space.points(bucket)
    columns = {
        name: pa.array(assigner.labels(bucket, points), pa.int32()) for name, assigner in assigners
    }
    return pa.table({"customer_id": bucket["customer_id"], **columns})


def annotate(points: np.ndarray, clusters: np.ndarray, centres: np.ndarray) -> Annotations:
    """Compute distances, runners-up and deciding axes of points, given their clusters."""
    if not len(points):
        tops = np.zeros((0, min(TOP_FEATURES, points.shape[1])), dtype=np.intp)
        return Annotations(clusters, np.zeros(0), clusters, np.zeros(0), tops)
    parts = [_annotate(points[rows], clusters[rows], centres) for rows in blocks(len(points))]
    columns = zip(*parts, strict=True)
    return Annotations(clusters, *[np.concatenate(column) for column in columns])


def _annotate(
    points: np.ndarray, clusters: np.ndarray, centres: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows = np.arange(len(points))
    squares = squared_distances(points, centres)
    distances = np.sqrt(squares[clusters, rows])
    squares[clusters, rows] = np.inf
    seconds = first_smallest(squares) if len(centres) > 1 else np.full(len(points), -1)
    margins = np.sqrt(squares[seconds, rows]) - distances
    return distances, seconds, margins, _top_axes(points, clusters, seconds, centres)


def _top_axes(
    points: np.ndarray, clusters: np.ndarray, seconds: np.ndarray, centres: np.ndarray
) -> np.ndarray:
    """Return the axes of the largest contributions, n x 3 (all if fewer); the first at a tie."""
    losses = np.empty((points.shape[1], len(points)))
    for axis, loss in enumerate(losses):
        column, places = points[:, axis], centres[:, axis]
        to_own, to_second = column - places[clusters], column - places[seconds]
        np.subtract(to_own * to_own, to_second * to_second, out=loss)
    rows = np.arange(len(points))
    tops = np.empty((len(points), min(TOP_FEATURES, len(losses))), dtype=np.intp)
    for place in range(tops.shape[1]):
        tops[:, place] = first_smallest(losses)
        losses[tops[:, place], rows] = np.inf
    return tops


def _rows(
    bucket: pa.Table,
    points: np.ndarray,
    clustering: NamedClustering,
    axes: Sequence[str],
    prediction_timestamp: datetime,
    last_run: Before | None,
) -> pa.Table:
    n = len(points)
    columns = {
        "algorithm": _words_at([clustering.algorithm], np.zeros(n, dtype=np.int32)),
        **assigned(bucket, points, clustering, axes, last_run),
        "prediction_timestamp": pa.repeat(
            pa.scalar(prediction_timestamp, SEGMENT_ROWS.field("prediction_timestamp").type), n
        ),
    }
    passed = {name: bucket[name].cast(SEGMENT_ROWS.field(name).type) for name in PASSED_THROUGH}
    return pa.table({**columns, **passed}).select(SEGMENT_ROWS.names).cast(SEGMENT_ROWS)


def assigned(
    bucket: pa.Table,
    points: np.ndarray,
    clustering: NamedClustering,
    axes: Sequence[str],
    last_run: Before | None = None,
) -> dict[str, pa.Array]:
    """Return the columns of `customer_segments` that depend on customers and the previous run.

    A customer of whom too little is known has neither distance nor runner-up, and no reasons.
    """
    model, k = clustering.model, cluster_count(clustering.model)
    labels, own_labels = clustering.placed(bucket, points, last_run)
    is_unknown = labels == k
    notes = annotate(points, np.where(is_unknown, 0, labels), model.centres)
    # A customer of whom too little is known is no outlier.
    notes = replace(notes, distances=np.where(is_unknown, 0.0, notes.distances))
    ids = np.array([*clustering.segment_ids, TOO_LITTLE_KNOWN_ID], dtype=np.int32)
    is_single = is_unknown | (notes.seconds < 0)
    return {
        "cluster": pa.array(np.where(is_unknown, -1, labels), pa.int32()),
        "segment_id": pa.array(ids[labels]),
        "segment_name": _words_at([*clustering.segment_names, TOO_LITTLE_KNOWN], labels),
        "distance": pa.array(notes.distances, mask=is_unknown),
        "second_segment_id": pa.array(ids[notes.seconds], mask=is_single),
        "margin": pa.array(notes.margins, mask=is_single),
        "top_features": _reasons(axes, notes.top_axes, is_unknown),
        "memberships": _memberships(points, model, ids[:-1]),
        **_outliers(points, notes, clustering, axes),
        "model_segment_id": pa.array(ids[own_labels]),
        "p_stay": _stay_probabilities(notes, clustering.stay_curves, is_unknown),
    }


def _stay_probabilities(
    notes: Annotations, curves: Sequence[StayCurve], is_unknown: np.ndarray
) -> pa.Array:
    n = len(notes.clusters)
    if not curves:
        return pa.nulls(n, pa.float64())
    margins, probabilities = relative_margins(notes.distances, notes.margins), np.empty(n)
    for cluster, curve in enumerate(curves):
        in_cluster = notes.clusters == cluster
        probabilities[in_cluster] = curve(margins[in_cluster])
    return pa.array(probabilities, mask=is_unknown)


def _outliers(
    points: np.ndarray, notes: Annotations, clustering: NamedClustering, axes: Sequence[str]
) -> dict[str, pa.Array]:
    model, limits = clustering.model, clustering.outlier_distances
    columns = outliers(points, notes.clusters, notes.distances, model.centres, limits, axes)
    return dict(zip(("is_outlier", "oddities"), columns, strict=True))


def _words_at(words: Sequence[str], places: np.ndarray) -> pa.Array:
    return pa.array(list(words), pa.string()).take(pa.array(places.astype(np.int32)))


def _reasons(axes: Sequence[str], places: np.ndarray, is_unknown: np.ndarray) -> pa.Array:
    """Return the axes at these places (n x 3); none for customers of whom too little is known."""
    lengths = np.where(is_unknown, 0, places.shape[1])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, _words_at(axes, places[~is_unknown].ravel()))


def _memberships(points: np.ndarray, model: ClusterModel, ids: np.ndarray) -> pa.Array:
    """Return a mixture's probabilities by segment id; null for other models."""
    if not isinstance(model, GaussianMixture):
        return pa.nulls(len(points), SEGMENT_ROWS.field("memberships").type)
    probabilities = model.probabilities(points)
    offsets = np.arange(0, probabilities.size + 1, len(ids), dtype=np.int32)
    return pa.MapArray.from_arrays(
        offsets, pa.array(np.tile(ids, len(points))), pa.array(probabilities.ravel())
    )
