"""The chosen clusterings, identified and named, as rows of the output tables."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TypeVar

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering.comparison import Compared
from custseg_spark.core.clustering.models import cluster_count
from custseg_spark.core.clustering.preparation import Preparation
from custseg_spark.core.clustering.profiles import centroid
from custseg_spark.core.clustering.rules.sql import condition, little_known_sql
from custseg_spark.core.clustering.rules.words import little_known_words, sentence
from custseg_spark.core.clustering.scaling import FeatureSpace
from custseg_spark.core.clustering.selection import Verdict
from custseg_spark.core.clustering.stability import Stability
from custseg_spark.core.segments.drift import Drift
from custseg_spark.core.segments.statuses import DIED
from custseg_spark.pipeline.assigners import PricedAssigner
from custseg_spark.pipeline.clusterings import Clustering

T = TypeVar("T")
Rows = list[tuple[object, ...]]

_FURTHER_SCHEMES = ("subset", "noise", "jitter")


def profile_rows(
    clusterings: Sequence[Clustering],
    features: Sequence[str],
    prepared: Preparation,
    run_date: date,
) -> Rows:
    """Return rows of `segment_profiles`: the living segments by id, then the dead ones."""
    return [row for c in clusterings for row in _profile_rows(c, features, prepared, run_date)]


def _profile_rows(
    clustering: Clustering, features: Sequence[str], prepared: Preparation, run_date: date
) -> Iterator[tuple[object, ...]]:
    customers = sum(p.customers for p in clustering.profiles)
    revenue = sum((p.revenue for p in clustering.profiles), Decimal(0))
    stability = clustering.verdict.stability
    nodes = {node.cluster: node for node in clustering.tree if node.cluster is not None}
    living = enumerate(clustering.identities.clusters)
    for cluster, identity in sorted(living, key=lambda pair: pair[1].segment_id):
        name, profile = clustering.names[identity.segment_id], clustering.profiles[cluster]
        node = nodes.get(cluster)
        ancestor = clustering.ancestors.get(identity.segment_id)
        yield (
            run_date,
            clustering.algorithm,
            identity.segment_id,
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
            identity.status,
            list(identity.related_segments),
            ancestor.born_on if ancestor else run_date,
            identity.overlap,
            _at(stability.jaccard, cluster) if stability else None,
            _at(stability.words, cluster) if stability else None,
            node.index if node else None,
            node.parent if node else None,
            centroid(profile, features, prepared.names),
            profile.as_map(features),
            _at(clustering.outlier_distances, cluster) if clustering.outlier_distances else None,
            *_reliability(stability, cluster),
            *_rule(clustering, cluster),
        )
    for died in clustering.identities.died:
        gone = clustering.ancestors[died.segment_id]
        related = list(died.related_segments)
        unknown = (None,) * 4
        yield (
            *(run_date, clustering.algorithm, died.segment_id, gone.name, None),
            *(0, 0.0, Decimal(0), 0.0, *unknown, [], [], DIED, related, gone.born_on, None),
            *(*unknown, {}, {}, None, *unknown, None, None),
        )


def _reliability(stability: Stability | None, cluster: int) -> tuple[object, ...]:
    """Return a cluster's Jaccard index by further schemes, and whether the cluster is reliable."""
    if stability is None or cluster >= len(stability.jaccard):
        return (None,) * (len(_FURTHER_SCHEMES) + 1)
    further = [stability.of_scheme(scheme, cluster) for scheme in _FURTHER_SCHEMES]
    return (*further, stability.is_reliable(cluster))


def _rule(clustering: Clustering, cluster: int) -> tuple[str | None, str | None]:
    """Return a segment's rule in words and as SQL; None if the rules have no leaf for it."""
    assigner = clustering.priced.assigner
    if cluster == cluster_count(clustering.model):
        return little_known_words(assigner.known_from), little_known_sql(assigner.known_from)
    rules = assigner.rules
    leaves = rules.of_cluster(cluster) if rules else []
    if rules is None or not leaves:
        return None, None
    return sentence(leaves, rules.null_values), condition(leaves, rules.null_values)


def _at(values: Sequence[T | None], cluster: int) -> T | None:
    """Return a cluster's value; None for the label of too little known, which is no cluster."""
    return values[cluster] if cluster < len(values) else None


def selection_rows(
    verdicts: Sequence[Verdict], priced: Mapping[str, PricedAssigner], run_date: date
) -> Rows:
    """Return rows of `model_selection` for fitted candidates; `priced` by chosen algorithm."""
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
            *_price(priced.get(verdict.candidate.algorithm) if verdict.chosen else None),
        )
        for verdict in verdicts
    ]


def _price(
    priced: PricedAssigner | None,
) -> tuple[int | None, float | None, float | None, float | None]:
    """Return leaves, cost ratio and fidelity for the informed, and fidelity for all."""
    if (
        priced is None
        or priced.assigner.rules is None
        or not priced.informed
        or not priced.everyone
    ):
        return (None,) * 4
    leaves = priced.assigner.rules.leaves
    return leaves, priced.informed.cost_ratio, priced.informed.fidelity, priced.everyone.fidelity


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
            *(None,) * 6,
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
            ids, c.labels_of(customers, points).tolist(), plane, strict=True
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
    """Project points (n x d) on their first two principal components; also return variance shares.

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
