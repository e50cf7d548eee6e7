"""Movements of customers since the previous run, and the drift of their features."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.clustering import assignment
from custseg_spark.core.clustering.assigners import Assigner, columns_read
from custseg_spark.core.clustering.buckets import numbers
from custseg_spark.core.clustering.profiles import Profile
from custseg_spark.core.clustering.sampling import in_sample
from custseg_spark.core.clustering.scaling import FeatureSpace
from custseg_spark.core.segments import drift
from custseg_spark.core.segments.drift import Drift, DriftRules
from custseg_spark.core.segments.migrations import Cell, cells, crosstab
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, CUSTOMER_SEGMENTS
from custseg_spark.engine.partitions import Side, customer_buckets, map_sides
from custseg_spark.pipeline.history import PreviousRun
from custseg_spark.pipeline.population import Population

SPEND = ("customer_id", "monetary")


@dataclass(frozen=True)
class _Crosstab:
    space: FeatureSpace
    assigners: tuple[tuple[str, Assigner], ...]

    def __call__(self, sides: Sequence[pa.Table]) -> pl.DataFrame:
        customers, segments, spent = sides
        labelled = assignment.labels(customers, space=self.space, assigners=self.assigners)
        current = pl.DataFrame(pl.from_arrow(labelled)).with_columns(
            monetary=pl.Series(pl.from_arrow(customers["monetary"]))
        )
        previous = pl.DataFrame(pl.from_arrow(segments))
        return crosstab(current, previous, pl.DataFrame(pl.from_arrow(spent)))


def moved(
    of: Population, previous: PreviousRun, space: FeatureSpace, assigners: Mapping[str, Assigner]
) -> list[Cell]:
    """Count the customers by label and previous segment, for each algorithm."""
    before = previous.lake or of.lake
    columns = tuple(columns_read([*SPEND, *space.columns], list(assigners.values())))
    sides = [
        Side(of.lake, CUSTOMER_FEATURES, of.run_date, columns),
        Side(
            before, CUSTOMER_SEGMENTS, previous.run_date, ("customer_id", "algorithm", "segment_id")
        ),
        Side(before, CUSTOMER_FEATURES, previous.run_date, SPEND),
    ]
    kernel = _Crosstab(space, tuple(assigners.items()))
    return cells(pl.concat(map_sides(sides, kernel, of.groups)))


def all_joined(profiles: Mapping[str, Sequence[Profile]]) -> list[Cell]:
    """Return the cells of a first run: everybody is new."""
    return [
        Cell(algorithm, cluster, None, profile.customers, profile.revenue)
        for algorithm, of_clusters in profiles.items()
        for cluster, profile in enumerate(of_clusters)
        if profile.customers
    ]


def feature_drifts(of: Population, since: PreviousRun | None) -> list[Drift]:
    """Return the drift of each feature since a run; empty without a run or its features."""
    if since is None:
        return []
    names, rules = of.features, DriftRules(**asdict(of.config.drift))
    before = customer_buckets(since.lake or of.lake, CUSTOMER_FEATURES, since.run_date, of.groups)
    sample = partial(_sampled, total=max(since.customers, 1))
    drawn = before.map(sample, list(dict.fromkeys(["customer_id", *names])))
    if not drawn:
        return []
    rows = pa.concat_tables(drawn)
    edges = [drift.deciles(numbers(rows[name])) for name in names]
    count = partial(_bins, names=tuple(names), edges=edges)
    counts = [
        np.sum(portions.map(count, list(names)), axis=0) for portions in (before, of.customers)
    ]
    shape = (len(names), -1)
    previous, current = (
        np.asarray(c).reshape(shape) if np.ndim(c) else _none(names) for c in counts
    )
    return drift.feature_drift(names, edges, previous, current, rules)


def _none(names: Sequence[str]) -> np.ndarray:
    return np.zeros((len(names), 1))


def _sampled(bucket: pa.Table, *, total: int) -> pa.Table:
    return bucket.filter(pa.array(in_sample(bucket["customer_id"], drift.SAMPLE, total)))


def _bins(bucket: pa.Table, *, names: Sequence[str], edges: Sequence[np.ndarray]) -> np.ndarray:
    return drift.bin_counts([numbers(bucket[name]) for name in names], edges)
