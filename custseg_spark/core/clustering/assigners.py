"""Assign customers to clusters, by a model or by its rules, once enough is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering.buckets import numbers
from custseg_spark.core.clustering.models import ClusterModel, cluster_count
from custseg_spark.core.clustering.preparation import EVIDENCE
from custseg_spark.core.clustering.rules.tree import RuleTree

# The segment of customers of whom too little is known, and its cluster in tables: scikit-learn's
# label of noise. Other segments' ids begin with 1; 0 stands for everybody in campaign exports.
TOO_LITTLE_KNOWN_ID = -1
TOO_LITTLE_KNOWN = "Too little known"
# An order says more than its few events.
ORDERS = "frequency"


@dataclass(frozen=True)
class Assigner:
    """A model and its rules, which assign instead of it if `by_rules`.

    Too little is known of customers with fewer than `known_from` events and no order: their label
    is the number of clusters. With 0, enough is known of everybody.
    """

    model: ClusterModel
    rules: RuleTree | None = None
    by_rules: bool = False
    known_from: int = 0

    @property
    def labelled(self) -> int:
        """The number of labels that customers may get."""
        return cluster_count(self.model) + (self.known_from > 0)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that labels depend on, beside those of the clustered space."""
        return (EVIDENCE, ORDERS) if self.known_from else (EVIDENCE,)

    def labels(self, bucket: pa.Table, points: np.ndarray) -> np.ndarray:
        """Return the label of each customer of a bucket, whose points are `points`."""
        if self.by_rules and self.rules is not None:
            raw = {name: numbers(bucket[name]) for name in (*self.rules.features, EVIDENCE)}
            labels = self.rules.labels(raw)
        else:
            labels = self.model.labels(points)
        if not self.known_from:
            return labels
        return np.where(self.is_little_known(bucket), cluster_count(self.model), labels)

    def is_little_known(self, bucket: pa.Table) -> np.ndarray:
        """Whether too little is known of each customer."""
        has_ordered = numbers(bucket[ORDERS]) > 0
        return np.asarray((numbers(bucket[EVIDENCE]) < self.known_from) & ~has_ordered)


def columns_read(space_columns: Sequence[str], assigners: Sequence[Assigner]) -> list[str]:
    """Return the columns that assigning over a space reads, each once."""
    more = [name for assigner in assigners for name in assigner.columns]
    return list(dict.fromkeys([*space_columns, *more]))
