"""Curves over k for a sample of customers, prepared and scaled as a run's models do it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from custseg_spark.config.model import ModelConfig
from custseg_spark.core.clustering import preparation, sweep
from custseg_spark.core.clustering.buckets import LocalBuckets
from custseg_spark.core.clustering.scaling import learned_scaler
from custseg_spark.core.clustering.selection import Verdict, k_range
from custseg_spark.core.clustering.sweep import Swept
from custseg_spark.core.features import registry
from custseg_spark.errors import InputError
from custseg_spark.pipeline.clustering import raw_columns
from custseg_spark.pipeline.clustering.sample import draw
from custseg_spark.pipeline.clustering.settings import (
    fit_settings,
    preparation_rules,
    selection_rules,
)

K_MIN, K_MAX = 2, 10
# Customers, and refits for each k: so the answer takes less than a second on one core.
CUSTOMERS = 2_500
BOOTSTRAPS = 6


@dataclass(frozen=True)
class KCurves:
    """The curves' points by k, and the verdict on each k by the rules of a run.

    `customers` is the number of customers in the curves; `left_out` says why features are not used.
    """

    swept: Sequence[Swept]
    verdicts: Sequence[Verdict]
    customers: int
    features: Sequence[str]
    left_out: dict[str, str]

    @property
    def suggested(self) -> int:
        """The k that the rules would choose."""
        return next(v.candidate.k for v in self.verdicts if v.chosen)


def k_curves(
    features: pa.Table,
    config: ModelConfig,
    optional_families: Sequence[str] = (),
    *,
    customers: int = CUSTOMERS,
    bootstraps: int = BOOTSTRAPS,
) -> KCurves:
    """Sweep k from 2 to 10 over about `customers` informed customers of `features`.

    Principal components are not used: the features themselves are the space. Raises InputError if
    no two customers differ.
    """
    registered = registry.all_features(optional_families)
    chosen = preparation.choose_features(config.features, registered)
    sample = draw(
        LocalBuckets([features]),
        [f.name for f in chosen],
        min_events=config.preparation.min_events,
        informed_share=config.preparation.informed_share,
        informed_customers=config.preparation.informed_customers,
        size=customers,
    )
    rows = sample.informed(customers)
    columns = raw_columns(rows, [f.name for f in chosen])
    prepared = preparation.learn(columns, chosen, preparation_rules(config))
    if not prepared.features:
        raise InputError("the customers can't be told apart: every feature is constant")
    matrix = preparation.matrix(prepared, columns)
    points = learned_scaler(matrix, config.preparation.scaling).transform(matrix)
    ks = k_range(None, K_MIN, K_MAX, len(points))
    swept = sweep.sweep(points, ks, fit_settings(config), bootstraps)
    if not swept:
        raise InputError("the customers can't be told apart: all have the same features")
    verdicts = sweep.verdicts(swept, selection_rules(config))
    return KCurves(swept, verdicts, len(points), prepared.names, dict(prepared.left_out))
