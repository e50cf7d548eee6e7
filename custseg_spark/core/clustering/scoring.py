"""A published model by itself: it turns customers' features into segments wherever Python runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering.assigners import columns_read
from custseg_spark.core.clustering.assignment import NamedClustering, assigned
from custseg_spark.core.clustering.models import cluster_count
from custseg_spark.core.clustering.scaling import FeatureSpace


@dataclass(frozen=True)
class ScoringModel:
    """A clustering with its ids and names, and the space of its points.

    `fitted_on` is the run date of the fit, `scaling` and `seed` how the model was fitted.
    """

    space: FeatureSpace
    clustering: NamedClustering
    fitted_on: date
    scaling: str
    seed: int

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of `customer_features` that the model reads, in the order of its features."""
        return tuple(columns_read(self.space.columns, [self.clustering.assigner]))

    @property
    def segments(self) -> Mapping[int, str]:
        """The segments' names by id."""
        return self.clustering.segments

    def points(self, customers: pa.Table) -> np.ndarray:
        """Return the customers as points of the clustered space, n x d."""
        return self.space.points(customers)

    def labels(self, customers: pa.Table) -> np.ndarray:
        """Return each customer's `cluster`, as the batch does: -1 where too little is known."""
        labels = self.clustering.assigner.labels(customers, self.points(customers))
        return np.where(labels == cluster_count(self.clustering.model), -1, labels)

    def segments_of(self, customers: pa.Table) -> pa.Table:
        """Return the columns of `customer_segments` by this model, a row per customer in order."""
        axes = self.space.preparation.axes
        columns = assigned(customers, self.points(customers), self.clustering, axes)
        # Without a previous run nobody is held: the model's segment is the segment.
        del columns["model_segment_id"]
        return pa.table(columns)
