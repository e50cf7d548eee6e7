"""The space in which customers are clustered: prepared and scaled features, as in MLlib's pipeline.

Features are scaled, not centred. Distances are the same, and BisectingKMeans can't divide a cluster
at zero: it moves the centre by a ten-thousandth of its length.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering.buckets import numbers
from custseg_spark.core.clustering.preparation import EVIDENCE, Preparation, matrix


@dataclass(frozen=True)
class Scaler:
    """A factor for each feature; with principal components, also their d x p directions."""

    factors: np.ndarray
    components: np.ndarray | None = None

    def transform(self, prepared: np.ndarray) -> np.ndarray:
        """Return points of the clustered space, column-major, from the prepared matrix (n x d)."""
        scaled = np.asfortranarray(prepared * self.factors)
        if self.components is None:
            return scaled
        points = np.zeros((len(prepared), self.components.shape[1]), order="F")
        for axis, direction in enumerate(self.components.T):
            for feature, weight in enumerate(direction):
                points[:, axis] += weight * scaled[:, feature]
        return points


def learned_scaler(prepared: np.ndarray, scaling: str) -> Scaler:
    """Learn the factors of the prepared features (n x d), none of which is constant.

    `standard`: one over the standard deviation (of n - 1), as MLlib's StandardScaler. `robust`: one
    over the interquartile range. Published models have MLlib's own factors.
    """
    if scaling == "standard":
        spread = prepared.std(axis=0, ddof=1)
    else:
        first, third = np.percentile(prepared, [25, 75], axis=0)
        spread = third - first
    return Scaler(1 / np.where(spread > 0, spread, 1.0))


@dataclass(frozen=True)
class FeatureSpace:
    """The space of a run's models: a preparation followed by the scaler."""

    preparation: Preparation
    scaler: Scaler

    @property
    def columns(self) -> list[str]:
        """The columns of `customer_features` that `points` reads."""
        return list(dict.fromkeys([*self.preparation.names, EVIDENCE]))

    def prepared(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the prepared features, n x d, from raw doubles."""
        return matrix(self.preparation, columns)

    def points(self, bucket: pa.Table) -> np.ndarray:
        """Return the customers of a bucket as points of the clustered space, column-major."""
        raw = {name: numbers(bucket[name]) for name in self.columns}
        return self.scaler.transform(self.prepared(raw))
