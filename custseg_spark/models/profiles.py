"""Segment profiles: what each segment is like, compared with all customers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import DataFrame

from custseg_spark.models.scan import one_hot, reduce


@dataclass(frozen=True)
class Profile:
    """A cluster's values: mean and z-score on all its customers, median on those sampled.

    `spread` is the standard deviation of all customers' values, whatever the cluster. Of the
    values that the sample lacks there is no median.
    """

    mean: np.ndarray
    median: np.ndarray
    z_score: np.ndarray
    spread: np.ndarray

    def as_map(self, names: Sequence[str]) -> dict[str, tuple[float | None, ...]]:
        """Feature to (mean, median, z-score); None where no customer has a value.

        `names` are those of the first values.
        """
        columns = zip(self.mean, self.median, self.z_score, strict=True)
        return {
            name: tuple(None if np.isnan(v) else float(v) for v in values)
            for name, values in zip(names, columns, strict=False)
        }


def profiles(
    customers: DataFrame,
    values: str,
    width: int,
    clusterings: Mapping[str, int],
    sample: np.ndarray,
    sample_labels: Mapping[str, np.ndarray],
) -> dict[str, list[Profile]]:
    """For each clustering (a column of labels, with its k) the profile of each cluster.

    Means pass over nulls. The z-score is (cluster mean - mean of all) / population standard
    deviation of all. `values` is an array column of `width` values, NaN or null where there is
    none; `sample` holds the first of them of the sampled customers, `sample_labels` their clusters.
    """
    columns = list(clusterings.items())
    scan = customers.select(values, *clusterings)
    total = reduce(scan, lambda x, labels: _sums(x, labels, columns))
    result, offset = {}, 0
    for name, k in columns:
        block = total[offset : offset + 3 * k * width].reshape(3, k, width)
        offset += 3 * k * width
        result[name] = _profiles(block, sample, sample_labels[name])
    return result


def _sums(x: np.ndarray, labels: np.ndarray, columns: Sequence[tuple[str, int]]) -> np.ndarray:
    """Per clustering, cluster and feature: how many values, their sum, the sum of squares."""
    present = (~np.isnan(x)).astype(float)
    filled = np.where(present > 0, x, 0.0)
    parts = []
    for position, (_, k) in enumerate(columns):
        members = one_hot(labels[:, position], k).T
        parts += [members @ present, members @ filled, members @ filled**2]
    return np.concatenate([p.ravel() for p in parts])


def _profiles(block: np.ndarray, sample: np.ndarray, labels: np.ndarray) -> list[Profile]:
    counts, sums, squares = block
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / counts
        overall = sums.sum(axis=0) / counts.sum(axis=0)
        variance = squares.sum(axis=0) / counts.sum(axis=0) - overall**2
        spread = np.sqrt(np.maximum(variance, 0))
        z_scores = np.where(spread > 0, (means - overall) / spread, np.where(counts > 0, 0, np.nan))
    medians = np.full(means.shape, np.nan)
    for cluster in range(len(counts)):
        medians[cluster, : sample.shape[1]] = _medians(sample[labels == cluster])
    return [Profile(means[c], medians[c], z_scores[c], spread) for c in range(len(counts))]


def _medians(rows: np.ndarray) -> np.ndarray:
    """Medians of the columns without their NaNs; NaN where there is nothing else."""
    medians = np.full(rows.shape[1], np.nan)
    for column in range(rows.shape[1]):
        values = rows[:, column]
        values = values[~np.isnan(values)]
        if values.size:
            medians[column] = np.median(values)
    return medians
