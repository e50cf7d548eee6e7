"""The chosen clusterings as rows of the output tables."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.config import ModelConfig
from custseg_spark.models import assignment
from custseg_spark.models.algorithms import Model
from custseg_spark.models.fitting import POINT, VALUES, Sample
from custseg_spark.models.layout import in_sample
from custseg_spark.models.preparation import Preparation
from custseg_spark.models.profiles import profiles
from custseg_spark.models.selection import Verdict

Rows = list[tuple[object, ...]]


def centres_of(
    model: Model, prepared: Preparation
) -> tuple[np.ndarray, tuple[str, ...], list[int]]:
    """A model's centres, the names of the space's axes, and the clusters by value."""
    centres = np.array(model.clusterCenters())
    names = prepared.names
    if centres.shape[1] != len(names):
        names = tuple(f"component_{i + 1}" for i in range(centres.shape[1]))
    return centres, names, assignment.order_by_value(centres, names)


def segments(
    labelled: DataFrame, prepared: Preparation, chosen: Mapping[str, Verdict], run_date: date
) -> DataFrame:
    """One row a customer and algorithm, for `customer_segments`."""
    union: DataFrame | None = None
    for algorithm, verdict in chosen.items():
        model = verdict.candidate.model
        centres, names, order = centres_of(model, prepared)
        one = assignment.assign(labelled, POINT, model.getPredictionCol(), centres, order, names)
        one = one.withColumn("algorithm", F.lit(algorithm))
        union = one if union is None else union.unionByName(one)
    assert union is not None  # the configuration has one algorithm at least
    name = F.concat(F.lit("Segment "), F.col("segment_id").cast("string"))
    return union.withColumns({"run_date": F.lit(run_date), "segment_name": name})


def profile_rows(
    labelled: DataFrame,
    assigned: DataFrame,
    drawn: Sample,
    chosen: Mapping[str, Verdict],
    config: ModelConfig,
    run_date: date,
) -> Rows:
    """Rows of `segment_profiles`; `assigned` is what `segments` made."""
    sizes = (
        assigned.groupBy("algorithm", "cluster", "segment_id", "segment_name")
        .agg(F.count("*").alias("customers"), F.sum("monetary").alias("revenue"))
        .collect()
    )
    customers = sum(s.customers for s in sizes) // len(chosen)
    labels = {v.candidate.model.getPredictionCol(): v.candidate.k for v in chosen.values()}
    sampled = (
        labelled.where(in_sample(config.sample_customers, customers))
        .select("customer_id", *labels)
        .toPandas()
        .sort_values("customer_id")
    )
    found = profiles(
        labelled, VALUES, labels, drawn.values, {c: sampled[c].to_numpy() for c in labels}
    )
    rows: Rows = []
    for size in sorted(sizes, key=lambda s: (s.algorithm, s.segment_id)):
        column = chosen[size.algorithm].candidate.model.getPredictionCol()
        total = sum(s.revenue for s in sizes if s.algorithm == size.algorithm)
        rows.append(
            (
                run_date,
                size.algorithm,
                size.segment_id,
                size.segment_name,
                size.customers,
                size.customers / customers,
                size.revenue,
                float(size.revenue / total) if total else 0.0,
                found[column][size.cluster].as_map(drawn.names),
            )
        )
    return rows


def selection_rows(verdicts: Sequence[Verdict], run_date: date) -> Rows:
    """Rows of `model_selection`."""
    return [
        (
            run_date,
            verdict.candidate.algorithm,
            verdict.candidate.k,
            verdict.candidate.indices.silhouette,
            verdict.candidate.indices.davies_bouldin,
            verdict.candidate.indices.calinski_harabasz,
            verdict.candidate.indices.within_cluster_cost,
            verdict.candidate.smallest_share,
            sum(verdict.candidate.indices.sizes),
            verdict.chosen,
            verdict.why,
        )
        for verdict in verdicts
    ]
