"""Segment profiles: each segment compared with all customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.clustering.assigners import Assigner, columns_read
from custseg_spark.core.clustering.buckets import Buckets, numbers
from custseg_spark.core.clustering.distances import sums_by_label
from custseg_spark.core.clustering.preparation import EVIDENCE
from custseg_spark.core.clustering.scaling import FeatureSpace

# Customers' clusters in a clustering, and how many clusters it has.
Labelling = tuple[np.ndarray, int]

REVENUE = "monetary"
_ROUNDING = 1e-9
_REVENUE_SUM = pa.decimal128(38, 4)
_SUMS = pa.schema(
    [
        ("overall", pa.list_(pa.float64())),
        ("by_cluster", pa.list_(pa.float64())),
        ("customers", pa.list_(pa.int64())),
        ("revenue", pa.list_(_REVENUE_SUM)),
    ]
)


@dataclass(frozen=True)
class Profile:
    """A cluster's values: mean and z-score of all its customers, median of the sampled ones.

    `spread` is the standard deviation over all customers of all clusters. A value that the sample
    lacks has no median. `revenue` is the exact spend of its customers.
    """

    customers: int
    revenue: Decimal
    mean: np.ndarray
    median: np.ndarray
    z_score: np.ndarray
    spread: np.ndarray

    def as_map(self, names: Sequence[str]) -> dict[str, tuple[float | None, ...]]:
        """Map features to (mean, median, z-score); None if no customer has a value.

        `names` are the names of the first values.
        """
        columns = zip(self.mean, self.median, self.z_score, strict=True)
        return {
            name: tuple(None if np.isnan(v) else float(v) for v in values)
            for name, values in zip(names, columns, strict=False)
        }


@dataclass(frozen=True)
class Overall:
    """Per value, over all customers: number, mean, sum of squared distances to the mean."""

    counts: np.ndarray
    means: np.ndarray
    squares: np.ndarray

    def merged(self, other: "Overall") -> "Overall":
        """Merge two sets of customers (Chan, Golub, LeVeque 1979)."""
        counts = self.counts + other.counts
        share = other.counts / np.maximum(counts, 1)
        gap = other.means - self.means
        squares = self.squares + other.squares + self.counts * share * gap * gap
        return Overall(counts, self.means + share * gap, squares)

    @property
    def spread(self) -> np.ndarray:
        """The population standard deviation; NaN without a value."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.sqrt(self.squares / self.counts))


def profile_columns(
    space: FeatureSpace, features: Sequence[str], assigners: Sequence[Assigner] = ()
) -> list[str]:
    """Return the columns of `customer_features` that `profile_sums` reads."""
    return columns_read([*features, *space.columns, REVENUE], assigners)


def profiles(
    buckets: Buckets,
    space: FeatureSpace,
    assigners: Sequence[Assigner],
    features: Sequence[str],
    sample: pa.Table,
) -> list[list[Profile]]:
    """Return the profiles of each assigner's labels: all features, then the prepared ones.

    Means skip nulls. The z-score is (cluster mean - mean of all) / population standard deviation of
    all. `sample` holds the columns of sampled customers, for the medians.
    """
    kernel = partial(profile_sums, space=space, assigners=assigners, features=features)
    partials = buckets.map(kernel, profile_columns(space, features, assigners))
    points = space.points(sample)
    labellings = [(assigner.labels(sample, points), assigner.labelled) for assigner in assigners]
    return profiles_of_sums(partials, space, features, sample, labellings)


def profiles_of_sums(
    partials: Sequence[pa.Table],
    space: FeatureSpace,
    features: Sequence[str],
    sample: pa.Table,
    labellings: Sequence[Labelling],
) -> list[list[Profile]]:
    """Return the profiles that buckets' sums add up to; `labellings` are those of the sample."""
    rows = [row for table in partials for row in table.to_pylist()]
    width = len(features) + len(space.preparation.names)
    overall = _overall([np.array(row["overall"]).reshape(3, width) for row in rows])
    ks = [k for _, k in labellings]
    sums = np.zeros(2 * width * sum(ks))
    for row in rows:
        sums += np.array(row["by_cluster"])
    customers = [sum(column) for column in zip(*[r["customers"] for r in rows], strict=True)]
    revenue = [
        sum(column, Decimal(0)) for column in zip(*[r["revenue"] for r in rows], strict=True)
    ]
    raw = np.column_stack([numbers(sample[name]) for name in features])
    result, first = [], 0
    for labels, k in labellings:
        block = sums[2 * width * first : 2 * width * (first + k)].reshape(2, k, width)
        medians = _medians(raw, labels, k, width)
        sizes = zip(customers[first : first + k], revenue[first : first + k], strict=True)
        result.append(_profiles(block, overall, medians, list(sizes)))
        first += k
    return result


def profile_sums(
    bucket: pa.Table,
    *,
    space: FeatureSpace,
    assigners: Sequence[Assigner],
    features: Sequence[str],
) -> pa.Table:
    """Return a bucket's part of the profiles by the assigners' labels, as `sums_of`."""
    points = space.points(bucket)
    labellings = [(assigner.labels(bucket, points), assigner.labelled) for assigner in assigners]
    return sums_of(bucket, space, features, labellings)


def sums_of(
    bucket: pa.Table,
    space: FeatureSpace,
    features: Sequence[str],
    labellings: Sequence[Labelling],
) -> pa.Table:
    """Return a bucket's part of the profiles, one row: sums over its customers, in the rows' order.

    `by_cluster` holds for each labelling the counts and the sums, clusters x values.
    """
    if not bucket.num_rows:
        return pa.table({f.name: pa.array([], f.type) for f in _SUMS}, schema=_SUMS)
    raw = {name: numbers(bucket[name]) for name in dict.fromkeys([*features, *space.columns])}
    prepared = space.prepared({name: raw[name] for name in [*space.preparation.names, EVIDENCE]})
    columns = [raw[name] for name in features] + list(prepared.T)
    values = [_by_cluster(columns, labels, k) for labels, k in labellings]
    customers = np.concatenate([np.bincount(labels, minlength=k) for labels, k in labellings])
    revenue = [r for labels, k in labellings for r in _revenue(bucket[REVENUE], labels, k)]
    row = {
        "overall": pa.array([_overall_of(columns).ravel()], _SUMS.field("overall").type),
        "by_cluster": pa.array([np.concatenate(values)], _SUMS.field("by_cluster").type),
        "customers": pa.array([customers], _SUMS.field("customers").type),
        "revenue": pa.array([revenue], _SUMS.field("revenue").type),
    }
    return pa.table(row, schema=_SUMS)


def _overall_of(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return count, mean and squares of each value, as three rows."""
    sums = np.zeros((3, len(columns)))
    for place, column in enumerate(columns):
        present = _present(column)
        if len(present):
            mean = present.mean()
            away = present - mean
            sums[:, place] = len(present), mean, (away * away).sum()
    return sums


def _present(column: np.ndarray) -> np.ndarray:
    missing = np.isnan(column)
    return column[~missing] if missing.any() else column


def _by_cluster(columns: Sequence[np.ndarray], labels: np.ndarray, k: int) -> np.ndarray:
    counts, sums = np.empty((k, len(columns))), np.empty((k, len(columns)))
    sizes = np.bincount(labels, minlength=k)
    for place, column in enumerate(columns):
        missing = np.isnan(column)
        if missing.any():
            rows = ~missing
            counts[:, place] = np.bincount(labels[rows], minlength=k)
            sums[:, place] = sums_by_label(column[rows], labels[rows], k)
        else:
            counts[:, place] = sizes
            sums[:, place] = sums_by_label(column, labels, k)
    return np.concatenate([counts.ravel(), sums.ravel()])


def _revenue(column: pa.ChunkedArray, labels: np.ndarray, k: int) -> list[Decimal]:
    """Sum the decimals of each cluster exactly; null counts as nothing."""
    frame = pl.DataFrame({"label": labels, "revenue": pl.Series(column.cast(_REVENUE_SUM))})
    sums = dict(frame.group_by("label").agg(pl.col("revenue").sum()).iter_rows())
    return [sums.get(label, Decimal(0)) for label in range(k)]


def _overall(parts: Sequence[np.ndarray]) -> Overall:
    overall = Overall(*parts[0])
    for part in parts[1:]:
        overall = overall.merged(Overall(*part))
    return overall


def _profiles(
    block: np.ndarray,
    overall: Overall,
    medians: np.ndarray,
    sizes: Sequence[tuple[int, Decimal]],
) -> list[Profile]:
    counts, sums = block
    spread = overall.spread
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / counts
        gaps = (means - overall.means) / spread
    # Sums of equal values aren't always multiples of them; so small a spread is rounding.
    varies = spread > _ROUNDING * np.abs(overall.means)
    z_scores = np.where(varies, gaps, np.where(counts > 0, 0, np.nan))
    return [
        Profile(customers, revenue, means[c], medians[c], z_scores[c], spread)
        for c, (customers, revenue) in enumerate(sizes)
    ]


def _medians(raw: np.ndarray, labels: np.ndarray, k: int, width: int) -> np.ndarray:
    """Return by cluster the medians of the sampled values without NaN; NaN without values."""
    medians = np.full((k, width), np.nan)
    for cluster in range(k):
        rows = raw[labels == cluster]
        for place in range(raw.shape[1]):
            values = _present(rows[:, place])
            if values.size:
                medians[cluster, place] = np.median(values)
    return medians


def centroid(
    profile: Profile, features: Sequence[str], prepared: Sequence[str]
) -> Mapping[str, tuple[float, float]]:
    """Return a cluster's mean and all customers' standard deviation of each prepared feature."""
    start = len(features)
    return {
        name: (float(profile.mean[start + i]), float(profile.spread[start + i]))
        for i, name in enumerate(prepared)
    }
