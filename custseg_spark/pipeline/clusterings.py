"""A run's chosen clusterings, identified and named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering.assigners import Assigner
from custseg_spark.core.clustering.assignment import NamedClustering
from custseg_spark.core.clustering.models import (
    BisectingKMeans,
    ClusterModel,
    Node,
    RefinedTree,
    cluster_count,
)
from custseg_spark.core.clustering.profiles import Profile
from custseg_spark.core.clustering.selection import Verdict
from custseg_spark.core.clustering.stay_curves import StayCurve
from custseg_spark.core.segments.identity import Identities
from custseg_spark.core.segments.naming import SegmentName
from custseg_spark.pipeline.assigners import PricedAssigner
from custseg_spark.pipeline.history import Ancestor


@dataclass(frozen=True)
class Clustering:
    """One algorithm's chosen clustering: the identities, names and profiles of its clusters.

    `names` and `ancestors` are by segment id, `outlier_distances` and `stay_curves` by cluster.
    `held` are the sampled customers whom `hysteresis` holds in another cluster than the model's, by
    id.
    """

    algorithm: str
    verdict: Verdict
    identities: Identities
    names: Mapping[int, SegmentName]
    ancestors: Mapping[int, Ancestor]
    profiles: Sequence[Profile]
    outlier_distances: tuple[float | None, ...]
    priced: PricedAssigner
    stay_curves: tuple[StayCurve, ...] = ()
    hysteresis: float = 0.0
    held: Mapping[str, int] = field(default_factory=dict)

    @property
    def model(self) -> ClusterModel:
        """The model whose clusters these are."""
        return self.verdict.candidate.model

    @property
    def tree(self) -> Sequence[Node]:
        """The nodes of a bisecting KMeans; empty for other models."""
        return self.model.nodes if isinstance(self.model, BisectingKMeans | RefinedTree) else ()

    @property
    def segment_ids(self) -> tuple[int, ...]:
        """The segment ids by label: those of the clusters, then that of too little known."""
        return tuple(i.segment_id for i in self.identities.clusters)

    @property
    def segment_names(self) -> tuple[str, ...]:
        """The segment names by label."""
        return tuple(self.names[i].name for i in self.segment_ids)

    @property
    def named(self) -> NamedClustering:
        """The model with ids and names by cluster, which labels customers."""
        assigner, k = self.priced.assigner, cluster_count(self.model)
        return NamedClustering(
            self.algorithm,
            self.model,
            self.segment_ids[:k],
            self.segment_names[:k],
            self.outlier_distances,
            assigner.rules,
            assigner.by_rules,
            assigner.known_from,
            self.stay_curves,
            self.hysteresis,
        )

    def labels_of(self, customers: pa.Table, points: np.ndarray) -> np.ndarray:
        """Return the labels of sampled customers from their points."""
        return labels_with_hysteresis(self.priced.assigner, customers, points, self.held)

    @property
    def renamed(self) -> list[str]:
        """Sentences about segments whose name differs from the earlier run's."""
        return [
            f"{self.algorithm}, segment {i}: called {name.name} now, {before.name} before"
            for i, name in self.names.items()
            if (before := self.ancestors.get(i)) and before.name != name.name
        ]


def labels_with_hysteresis(
    assigner: Assigner, customers: pa.Table, points: np.ndarray, held: Mapping[str, int]
) -> np.ndarray:
    """Return customers' labels; `held` has the labels of customers whom hysteresis holds, by id."""
    labels = assigner.labels(customers, points)
    if not held:
        return labels
    labelled_customers = zip(customers["customer_id"].to_pylist(), labels.tolist(), strict=True)
    return np.array(
        [held.get(customer, label) for customer, label in labelled_customers], dtype=np.intp
    )
