"""The chosen clusterings, identified and named, as rows of the output tables."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering.comparison import Compared
from custseg_spark.core.clustering.preparation import Preparation
from custseg_spark.core.clustering.profiles import centroid
from custseg_spark.core.clustering.scaling import FeatureSpace
from custseg_spark.core.clustering.selection import Verdict
from custseg_spark.core.clustering.stability import Stability
from custseg_spark.core.segments.drift import Drift
from custseg_spark.core.segments.statuses import DIED
from custseg_spark.pipeline.clusterings import Clustering

Rows = list[tuple[object, ...]]

_FURTHER_SCHEMES = ("subset", "noise", "jitter")


def profile_rows(
    clusterings: Sequence[Clustering],
    features: Sequence[str],
    prepared: Preparation,
    run_date: date,
) -> Rows:
    """Return rows of `segment_profiles`: the living segments by id, then the died ones."""
    return [row for c in clusterings for row in _profile_rows(c, features, prepared, run_date)]


def _profile_rows(
    clustering: Clustering, features: Sequence[str], prepared: Preparation, run_date: date
) -> Iterator[tuple[object, ...]]:
    customers = sum(p.customers for p in clustering.profiles)
    revenue = sum((p.revenue for p in clustering.profiles), Decimal(0))
    stability = clustering.verdict.stability
    nodes = {node.cluster: node for node in clustering.tree if node.cluster is not None}
    living = enumerate(clustering.identities.clusters)
    for cluster, who in sorted(living, key=lambda pair: pair[1].segment_id):
        name, profile = clustering.names[who.segment_id], clustering.profiles[cluster]
        node = nodes.get(cluster)
        ancestor = clustering.ancestors.get(who.segment_id)
        yield (
            run_date,
            clustering.algorithm,
            who.segment_id,
            name.name,
            cluster,
            profile.customers,
            profile.customers / customers,
            profile.revenue,
            float(profile.revenue / revenue) if revenue else 0.0,
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
            centroid(profile, features, prepared.names),
            profile.as_map(features),
            clustering.outlier_distances[cluster] if clustering.outlier_distances else None,
            *(stability.of_scheme(s, cluster) if stability else None for s in _FURTHER_SCHEMES),
            stability.is_reliable(cluster) if stability else None,
        )
    for died in clustering.identities.died:
        gone = clustering.ancestors[died.segment_id]
        related = list(died.related_segments)
        unknown = (None,) * 4
        yield (
            *(run_date, clustering.algorithm, died.segment_id, gone.name, None),
            *(0, 0.0, Decimal(0), 0.0, *unknown, [], [], DIED, related, gone.born_on, None),
            *(*unknown, {}, {}, None, *unknown),
        )


def selection_rows(verdicts: Sequence[Verdict], run_date: date) -> Rows:
    """Return rows of `model_selection` for fitted candidates."""
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
    """Return rows of `model_selection` for the algorithms that are only compared, on a sample."""
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
    customers: pa.Table, space: FeatureSpace, clusterings: Sequence[Clustering], run_date: date
) -> Rows:
    """Return rows of `segment_points`: sampled customers on the first two principal components."""
    if not len(customers):
        return []
    points = space.points(customers)
    plane, shares = principal_plane(points)
    ids = customers["customer_id"].to_pylist()
    return [
        (run_date, c.algorithm, customer, c.segment_ids[cluster], float(x), float(y), *shares)
        for c in clusterings
        for customer, cluster, (x, y) in zip(
            ids, c.clusters_of(customers, points).tolist(), plane, strict=True
        )
    ]


def drift_rows(drifts: Sequence[Drift], run_date: date, previous_run_date: date) -> Rows:
    """Return rows of `feature_drift`."""
    return [
        (
            run_date,
            previous_run_date,
            drift.kind,
            drift.name,
            drift.psi,
            drift.verdict,
            [(one.upper, one.previous_share, one.share) for one in drift.bins],
        )
        for drift in drifts
    ]


def principal_plane(points: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Project points (n x d) on their first two principal components; return the variance shares,
    too.

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
