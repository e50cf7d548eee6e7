"""The chosen clusterings, identified and named, as rows of the output tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.core.segments.naming import SegmentName
from custseg_spark.engine.lake.schemas import DIED
from custseg_spark.models import assignment
from custseg_spark.models.algorithms import MEMBERSHIP_SUFFIX, Model, centres
from custseg_spark.models.comparison import Compared
from custseg_spark.models.fitting import POINT
from custseg_spark.models.identity import Identities
from custseg_spark.models.preparation import Preparation
from custseg_spark.models.profiles import Profile
from custseg_spark.models.selection import Verdict
from custseg_spark.models.stability import Stability
from custseg_spark.models.tree import Node

Rows = list[tuple[object, ...]]


@dataclass(frozen=True)
class Size:
    """How many customers a cluster has, and what they spent."""

    customers: int
    revenue: Decimal


@dataclass(frozen=True)
class Ancestor:
    """What a previous run knows of a segment: its name and the run date it was born on."""

    name: str
    born_on: date


@dataclass(frozen=True)
class Clustering:
    """One algorithm's chosen clustering: who its clusters are, by position, and how they look.

    `names` and `ancestors` are by segment id, `tree` is empty but for bisecting KMeans.
    """

    algorithm: str
    verdict: Verdict
    identities: Identities
    names: Mapping[int, SegmentName]
    ancestors: Mapping[int, Ancestor]
    profiles: Sequence[Profile]
    sizes: Sequence[Size]
    tree: Sequence[Node]

    @property
    def model(self) -> Model:
        """MLlib's model."""
        return self.verdict.candidate.model

    @property
    def segment_ids(self) -> tuple[int, ...]:
        """The clusters' segment ids."""
        return tuple(i.segment_id for i in self.identities.clusters)

    @property
    def segment_names(self) -> tuple[str, ...]:
        """The clusters' segment names."""
        return tuple(self.names[i].name for i in self.segment_ids)

    @property
    def renamed(self) -> list[str]:
        """In words, which segments have another name than in the run they come from."""
        return [
            f"{self.algorithm}, segment {i}: called {own.name} now, {self.ancestors[i].name} before"
            for i, own in self.names.items()
            if i in self.ancestors and self.ancestors[i].name != own.name
        ]


def axes(prepared: Preparation) -> tuple[str, ...]:
    """The names of the axes of the models' space: the features, or principal components."""
    if prepared.components is None:
        return prepared.names
    return tuple(f"component_{i + 1}" for i in range(prepared.components))


def segments(
    labelled: DataFrame,
    prepared: Preparation,
    clusterings: Sequence[Clustering],
    run_date: date,
) -> DataFrame:
    """One row a customer and algorithm, for `customer_segments`.

    `prediction_timestamp` is the run date at 00:00 UTC: what is known up to then is predicted from.
    """
    union: DataFrame | None = None
    for clustering in clusterings:
        one = _assigned(labelled, prepared, clustering)
        union = one if union is None else union.unionByName(one)
    assert union is not None  # the configuration has one algorithm at least
    midnight = F.lit(f"{run_date.isoformat()} 00:00:00 UTC").cast("timestamp")
    return union.withColumns({"run_date": F.lit(run_date), "prediction_timestamp": midnight})


def _assigned(labelled: DataFrame, prepared: Preparation, clustering: Clustering) -> DataFrame:
    model, ids = clustering.model, clustering.segment_ids
    label = model.getPredictionCol()
    soft = f"{label}{MEMBERSHIP_SUFFIX}"
    is_soft = soft in labelled.columns
    one = assignment.assign(
        labelled,
        POINT,
        label,
        centres(model),
        ids,
        axes(prepared),
        probabilities=F.col(soft) if is_soft else F.lit(None).cast("array<double>"),
    )
    keys = F.array(*[F.lit(i) for i in ids])
    memberships = F.map_from_arrays(keys, "probabilities") if is_soft else F.lit(None)
    names = F.array(*[F.lit(name) for name in clustering.segment_names])
    return one.withColumns(
        {
            "algorithm": F.lit(clustering.algorithm),
            "segment_name": F.element_at(names, F.col("cluster") + 1),
            "memberships": memberships.cast("map<int, double>"),
        }
    ).drop("probabilities")


def profile_rows(
    clusterings: Sequence[Clustering],
    features: Sequence[str],
    prepared: Preparation,
    run_date: date,
) -> Rows:
    """Rows of `segment_profiles`: the living segments by id, then those that died."""
    return [row for c in clusterings for row in _profile_rows(c, features, prepared, run_date)]


def centroid(
    profile: Profile, features: Sequence[str], prepared: Preparation
) -> dict[str, tuple[float, float]]:
    """A cluster's mean and all customers' standard deviation of each prepared feature.

    `features` are the profile's first values, the prepared ones follow.
    """
    start = len(features)
    return {
        name: (float(profile.mean[start + i]), float(profile.spread[start + i]))
        for i, name in enumerate(prepared.names)
    }


def _profile_rows(
    clustering: Clustering, features: Sequence[str], prepared: Preparation, run_date: date
) -> Iterator[tuple[object, ...]]:
    customers = sum(s.customers for s in clustering.sizes)
    revenue = sum((s.revenue for s in clustering.sizes), Decimal(0))
    stability = clustering.verdict.stability
    nodes = {node.cluster: node for node in clustering.tree if node.cluster is not None}
    living = enumerate(clustering.identities.clusters)
    for cluster, who in sorted(living, key=lambda pair: pair[1].segment_id):
        name, size = clustering.names[who.segment_id], clustering.sizes[cluster]
        profile, node = clustering.profiles[cluster], nodes.get(cluster)
        ancestor = clustering.ancestors.get(who.segment_id)
        yield (
            run_date,
            clustering.algorithm,
            who.segment_id,
            name.name,
            cluster,
            size.customers,
            size.customers / customers,
            size.revenue,
            float(size.revenue / revenue) if revenue else 0.0,
            name.archetype,
            name.score,
            name.runner_up,
            name.runner_up_score,
            list(name.evidence),
            list(name.actions),
            who.status,
            list(who.related_segments),
            ancestor.born_on if ancestor else run_date,
            who.overlap,
            stability.jaccard[cluster] if stability else None,
            stability.words[cluster] if stability else None,
            node.index if node else None,
            node.parent if node else None,
            centroid(profile, features, prepared),
            profile.as_map(features),
        )
    for died in clustering.identities.died:
        gone = clustering.ancestors[died.segment_id]
        related = list(died.related_segments)
        unknown = (None,) * 4
        yield (
            *(run_date, clustering.algorithm, died.segment_id, gone.name, None),
            *(0, 0.0, Decimal(0), 0.0, *unknown, [], [], DIED, related, gone.born_on, None),
            *(*unknown, {}, {}),
        )


def selection_rows(verdicts: Sequence[Verdict], run_date: date) -> Rows:
    """Rows of `model_selection` for what was fitted."""
    return [
        (
            run_date,
            verdict.candidate.algorithm,
            verdict.candidate.k,
            verdict.candidate.indices.silhouette,
            verdict.candidate.indices.davies_bouldin,
            verdict.candidate.indices.calinski_harabasz,
            verdict.candidate.indices.within_cluster_cost,
            verdict.candidate.indices.between_cluster_cost,
            verdict.candidate.smallest_share,
            verdict.candidate.informed.silhouette,
            sum(verdict.candidate.informed.sizes),
            *_stability(verdict.stability),
            None,
            sum(verdict.candidate.indices.sizes),
            verdict.chosen,
            verdict.why,
            verdict.euclidean and verdict.euclidean.silhouette,
            verdict.euclidean and verdict.euclidean.customers,
        )
        for verdict in verdicts
    ]


def comparison_rows(compared: Sequence[Compared], run_date: date) -> Rows:
    """Rows of `model_selection` for the algorithms that are only compared, on a sample."""
    return [
        (
            run_date,
            one.algorithm,
            one.k,
            one.silhouette,
            one.davies_bouldin,
            one.calinski_harabasz,
            one.within_cluster_cost,
            one.between_cluster_cost,
            one.smallest_share,
            None,
            None,
            None,
            None,
            one.agreement,
            one.customers,
            False,
            one.why,
            None,
            None,
        )
        for one in compared
    ]


def _stability(stability: Stability | None) -> tuple[float | None, float | None]:
    return (stability.mean, stability.adjusted_rand_index) if stability else (None, None)


def point_rows(
    customer_ids: Sequence[str],
    points: np.ndarray,
    labels: Mapping[str, np.ndarray],
    clusterings: Sequence[Clustering],
    run_date: date,
) -> Rows:
    """Rows of `segment_points`: sampled customers in the plane of the two principal components."""
    plane, shares = principal_plane(points)
    return [
        (
            run_date,
            clustering.algorithm,
            customer,
            clustering.segment_ids[cluster],
            float(x),
            float(y),
            *shares,
        )
        for clustering in clusterings
        for customer, cluster, (x, y) in zip(
            customer_ids, labels[clustering.model.getPredictionCol()], plane, strict=True
        )
    ]


def principal_plane(points: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Points (n x d) on their first two principal components, and these axes' variance shares.

    An axis points where its largest coordinate is positive, so that equal points give equal
    pictures.
    """
    centred = points - points.mean(axis=0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    directions = (
        directions[:2]
        * np.sign(
            directions[np.arange(len(directions[:2])), np.abs(directions[:2]).argmax(axis=1)]
        )[:, None]
    )
    plane = np.zeros((len(points), 2))
    plane[:, : len(directions)] = centred @ directions.T
    variance = singular**2
    total = variance.sum()
    shares = [float(v / total) if total else 0.0 for v in variance[:2]] + [0.0, 0.0]
    return plane, (shares[0], shares[1])
