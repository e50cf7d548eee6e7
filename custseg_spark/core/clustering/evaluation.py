"""Exact indices of many clusterings on all and on informed customers, in two passes.

The first pass computes each clustering's moments per bucket, the second the points' spreads around
the moments of all. The driver's memory grows with clusterings and clusters, not with customers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering import moments
from custseg_spark.core.clustering.buckets import Buckets, nothing, numbers, packed, unpacked
from custseg_spark.core.clustering.indices import Indices, indices, spreads
from custseg_spark.core.clustering.models import ClusterModel, cluster_count
from custseg_spark.core.clustering.moments import Moments
from custseg_spark.core.clustering.preparation import EVIDENCE
from custseg_spark.core.clustering.scaling import FeatureSpace


@dataclass(frozen=True)
class Evaluation:
    """A clustering's indices on all customers, and on customers with enough events."""

    everyone: Indices
    informed: Indices


@dataclass(frozen=True)
class Population:
    """A clustering's centred moments of all customers and of the informed ones.

    `informed` is None if everyone is.
    """

    everyone: Moments
    informed: Moments | None


def evaluate(
    buckets: Buckets, space: FeatureSpace, models: Sequence[ClusterModel], bar: int
) -> list[Evaluation]:
    """Compute the indices of each model; customers with at least `bar` events are informed."""
    first_pass = partial(moments_of_bucket, space=space, models=models, bar=bar)
    partials = unpacked(buckets.map(first_pass, space.columns))
    populations = _populations(partials, models)
    second_pass = partial(spreads_of_bucket, space=space, populations=populations, bar=bar)
    second_pass = partial(second_pass, models=models)
    total = np.zeros(4 * sum(cluster_count(m) for m in models))
    for values in unpacked(buckets.map(second_pass, space.columns)):
        total += values
    ends = np.cumsum([4 * cluster_count(model) for model in models])[:-1]
    parts = np.split(total, ends)
    return [_evaluation(p, part) for p, part in zip(populations, parts, strict=True)]


def moments_of_bucket(
    bucket: pa.Table, *, space: FeatureSpace, models: Sequence[ClusterModel], bar: int
) -> pa.Table:
    """Compute the moments of each clustering, separately for informed and other customers."""
    if not bucket.num_rows:
        return nothing()
    points = space.points(bucket)
    apart = ~_informed(bucket, bar)
    flat = []
    for model in models:
        k = cluster_count(model)
        flat.append(Moments.of(points, model.labels(points) + k * apart, 2 * k).flat())
    return packed(np.concatenate(flat))


def spreads_of_bucket(
    bucket: pa.Table,
    *,
    space: FeatureSpace,
    models: Sequence[ClusterModel],
    populations: Sequence[Population],
    bar: int,
) -> pa.Table:
    """Compute the spreads of each clustering's points, for all and for informed customers."""
    if not bucket.num_rows:
        return nothing()
    points = space.points(bucket)
    rows = np.flatnonzero(_informed(bucket, bar))
    informed_points = np.asfortranarray(points[rows])
    parts = []
    for model, population in zip(models, populations, strict=True):
        labels = model.labels(points)
        parts.append(spreads(points, labels, population.everyone))
        parts.append(
            spreads(informed_points, labels[rows], population.informed)
            if population.informed
            else parts[-1]
        )
    return packed(np.concatenate(parts))


def _informed(bucket: pa.Table, bar: int) -> np.ndarray:
    return numbers(bucket[EVIDENCE]) >= bar


def _populations(
    partials: Sequence[np.ndarray], models: Sequence[ClusterModel]
) -> list[Population]:
    ks = [2 * cluster_count(model) for model in models]
    lengths = [Moments.flat_length(k, m.centres.shape[1]) for k, m in zip(ks, models, strict=True)]
    ends = np.cumsum(lengths)[:-1]
    by_bucket = [
        [Moments.of_flat(part, k) for part, k in zip(np.split(values, ends), ks, strict=True)]
        for values in partials
    ]
    return [_population(both) for both in moments.merged_in_order(by_bucket)]


def _population(both: Moments) -> Population:
    k = len(both.sizes) // 2
    informed, uninformed = both.clusters(0, k), both.clusters(k, 2 * k)
    everyone = informed.merged(uninformed).centred()
    is_apart = uninformed.sizes.any() and informed.sizes.any()
    return Population(everyone, informed.centred() if is_apart else None)


def _evaluation(population: Population, spread: np.ndarray) -> Evaluation:
    everyone, informed = np.split(spread, 2)
    of_all = indices(population.everyone, everyone)
    if population.informed is None:
        return Evaluation(of_all, of_all)
    return Evaluation(of_all, indices(population.informed, informed))
