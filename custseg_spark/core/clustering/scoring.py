"""A published model by itself: features of customers in, segments out, wherever Python runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering.assignment import NamedClustering, assigned
from custseg_spark.core.clustering.scaling import FeatureSpace


@dataclass(frozen=True)
class ScoringModel:
    """A clustering with its ids and names, and the space that its customers are placed in.

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
        return tuple(self.space.columns)

    @property
    def segments(self) -> Mapping[int, str]:
        """The segments' names by id."""
        return dict(zip(self.clustering.segment_ids, self.clustering.segment_names, strict=True))

    def points(self, customers: pa.Table) -> np.ndarray:
        """The customers (n) as points of the clustered space, n x d."""
        return self.space.points(customers)

    def labels(self, customers: pa.Table) -> np.ndarray:
        """The cluster of each customer: the batch's `cluster`."""
        return self.clustering.model.labels(self.points(customers))

    def segments_of(self, customers: pa.Table) -> pa.Table:
        """A row a customer, in their order: cluster, segment, distance, runner-up and reasons,
        as `customer_segments` has them."""
        axes = self.space.preparation.axes
        columns = assigned(self.points(customers), self.clustering, axes)
        # No previous run is known, so that it is the segment.
        del columns["model_segment_id"]
        return pa.table(columns)
