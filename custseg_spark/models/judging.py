"""A verdict on each fitted model: its quality on all customers, its stability, the choice."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.settings import ModelConfig
from custseg_spark.models import comparison, indices, pairwise, selection, stability
from custseg_spark.models.algorithms import centres
from custseg_spark.models.comparison import Compared
from custseg_spark.models.fitting import INFORMED, POINT, Fitted, Informed
from custseg_spark.models.layout import hash_step, in_sample
from custseg_spark.models.local import generator
from custseg_spark.models.selection import Candidate, Euclidean, Verdict
from custseg_spark.models.stability import Stability


def judge(
    labelled: DataFrame,
    fitted: Fitted,
    config: ModelConfig,
    customers: int,
    bar: Informed,
    previous_k: Mapping[str, int | None],
) -> list[Verdict]:
    """A verdict on each algorithm and k; one of each algorithm is chosen."""
    tried = _candidates(labelled, fitted, config.algorithms, customers, bar)
    verdicts = []
    for algorithm in config.algorithms:
        own = [c for c in tried if c.algorithm == algorithm]
        verdicts += selection.choose(
            own,
            config,
            previous_k=previous_k.get(algorithm),
            measure=lambda candidate: measured(candidate, fitted, config),
        )
    return _with_euclidean(labelled, verdicts, config, customers)


def judge_published(
    labelled: DataFrame,
    fitted: Fitted,
    config: ModelConfig,
    customers: int,
    bar: Informed,
    why: str,
) -> list[Verdict]:
    """The verdict on published models: nothing is chosen anew, `why` says where they are from."""
    tried = _candidates(labelled, fitted, config.algorithms, customers, bar)
    verdicts = [
        Verdict(c, None, chosen=True, why=f"{why}; silhouette {c.silhouette:.3f}") for c in tried
    ]
    return _with_euclidean(labelled, verdicts, config, customers)


def measured(candidate: Candidate, fitted: Fitted, config: ModelConfig) -> Stability | None:
    """The bootstrap stability of a candidate on a sample of the points that it was fitted on."""
    if fitted.sample is None or not config.bootstraps:
        return None
    points = fitted.sample.points
    labels = fitted.sample.labels[candidate.model.getPredictionCol()]
    if len(points) > config.stability_customers:
        # Any sample would do, but by customer id the first would be the oldest customers.
        rows = generator(config.seed).choice(len(points), config.stability_customers, replace=False)
        points, labels = points[rows], labels[rows]
    return stability.stability(points, labels, candidate.algorithm, candidate.k, config)


def _with_euclidean(
    labelled: DataFrame, verdicts: Sequence[Verdict], config: ModelConfig, customers: int
) -> list[Verdict]:
    """The chosen verdicts with their Euclidean silhouettes, exact on the same bounded sample."""
    columns = [v.candidate.model.getPredictionCol() for v in verdicts if v.chosen]
    if not config.silhouette_customers:
        return list(verdicts)
    local = (
        labelled.where(in_sample(config.silhouette_customers, customers))
        .select("customer_id", POINT, *columns)
        # The sample holds about so many.
        .orderBy(hash_step(), "customer_id")
        .limit(config.silhouette_customers)
        .toPandas()
    )
    if local.empty:
        return list(verdicts)
    found = pairwise.silhouettes(
        np.stack(local[POINT].to_list()), [local[c].to_numpy() for c in columns]
    )
    scores = iter([Euclidean(silhouette, len(local)) for silhouette in found])
    return [replace(v, euclidean=next(scores)) if v.chosen else v for v in verdicts]


def compared(
    labelled: DataFrame, chosen: Verdict, config: ModelConfig, bar: Informed
) -> list[Compared]:
    """How other kinds of clustering see a sample of the informed customers."""
    if not config.compare:
        return []
    column = chosen.candidate.model.getPredictionCol()
    local = (
        labelled.where(F.col(INFORMED) & in_sample(config.compare_customers, bar.customers))
        .select("customer_id", POINT, column)
        .toPandas()
        .sort_values("customer_id")
    )
    points = np.stack(local[POINT].to_list())
    labels = local[column].to_numpy()
    return comparison.compare(points, labels, config.compare, chosen.candidate.k)


def _candidates(
    labelled: DataFrame,
    fitted: Fitted,
    algorithms: Sequence[str],
    customers: int,
    bar: Informed,
) -> list[Candidate]:
    ks = {column: model.getK() for column, model in fitted.models.items()}
    dimensions = centres(next(iter(fitted.models.values()))).shape[1]
    everyone = indices.quality(labelled, POINT, ks, dimensions)
    informed = everyone
    if bar.customers < customers:
        informed = indices.quality(labelled.where(INFORMED), POINT, ks, dimensions)
    return selection.candidates(fitted.models, everyone, informed, algorithms)
