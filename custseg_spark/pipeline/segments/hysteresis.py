"""Profiles and movements with hysteresis, which holds customers in their previous segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.clustering.assignment import NamedClustering, known_of
from custseg_spark.core.clustering.profiles import profile_columns, sums_of
from custseg_spark.core.clustering.scaling import FeatureSpace
from custseg_spark.core.segments.migrations import Cell, cells, crosstab
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES
from custseg_spark.engine.partitions import Side, map_sides
from custseg_spark.pipeline.history import PreviousRun
from custseg_spark.pipeline.population import Population
from custseg_spark.pipeline.segments import assigning
from custseg_spark.pipeline.segments.movement import SPEND


@dataclass(frozen=True)
class WithHysteresis:
    """Sums for profiles, movements, and sampled customers, all with hysteresis.

    `sampled` has the clusters of held customers, by algorithm and customer id.
    """

    sums: Sequence[pa.Table]
    cells: list[Cell]
    sampled: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class _Bucket:
    space: FeatureSpace
    clusterings: tuple[NamedClustering, ...]
    features: tuple[str, ...]
    sampled: pa.Array

    def __call__(self, sides: Sequence[pa.Table]) -> tuple[pa.Table, pl.DataFrame, pl.DataFrame]:
        customers, previous, spent = sides
        points = self.space.points(customers)
        placed = [
            c.placed(customers, points, known_of(customers, previous, c)) for c in self.clusterings
        ]
        named = list(zip(self.clusterings, placed, strict=True))
        labellings = [(labels, c.assigner.labelled) for c, (labels, _) in named]
        spenders = pl.DataFrame(pl.from_arrow(customers.select(SPEND)))
        columns = [pl.Series(c.algorithm, clusters, pl.Int32) for c, (clusters, _) in named]
        before = previous.select(["customer_id", "algorithm", "segment_id"])
        moved = crosstab(
            spenders.with_columns(columns),
            pl.DataFrame(pl.from_arrow(before)),
            pl.DataFrame(pl.from_arrow(spent)),
        )
        held = [self._sampled(spenders, c.algorithm, *clusters) for c, clusters in named]
        sums = sums_of(customers, self.space, self.features, labellings)
        return sums, moved, pl.concat(held)

    def _sampled(
        self, spenders: pl.DataFrame, algorithm: str, clusters: np.ndarray, labels: np.ndarray
    ) -> pl.DataFrame:
        """Return the sampled customers in another cluster than the model's."""
        sampled = pl.Series(pl.from_arrow(self.sampled))
        is_held = pl.Series(clusters != labels, dtype=pl.Boolean)
        return spenders.select(
            pl.lit(algorithm).alias("algorithm"),
            "customer_id",
            pl.Series("cluster", clusters, pl.Int64),
        ).filter(is_held & spenders["customer_id"].is_in(sampled.implode()))


def with_hysteresis(
    of: Population,
    previous: PreviousRun,
    space: FeatureSpace,
    clusterings: Sequence[NamedClustering],
    sample: pa.Table,
) -> WithHysteresis:
    """Go through all customers once more, placed by hysteresis."""
    kernel = _Bucket(space, tuple(clusterings), tuple(of.features), _ids(sample))
    columns = tuple(
        dict.fromkeys(
            [*SPEND, *profile_columns(space, of.features, [c.assigner for c in clusterings])]
        )
    )
    lake = previous.lake or of.lake
    sides = [
        Side(of.lake, CUSTOMER_FEATURES, of.run_date, columns),
        *assigning.before(of),
        Side(lake, CUSTOMER_FEATURES, previous.run_date, SPEND),
    ]
    sums, moved, kept = zip(*map_sides(sides, kernel, of.groups), strict=True)
    rows = pl.concat(kept)
    sampled = {
        c.algorithm: dict(rows.filter(algorithm=c.algorithm).drop("algorithm").iter_rows())
        for c in clusterings
    }
    return WithHysteresis(sums, cells(pl.concat(moved)), sampled)


def _ids(sample: pa.Table) -> pa.Array:
    return sample["customer_id"].combine_chunks()
