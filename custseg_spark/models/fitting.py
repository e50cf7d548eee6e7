"""From a features table to fitted models and every customer's labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.config import ModelConfig
from custseg_spark.errors import InputError
from custseg_spark.features.feature import Feature
from custseg_spark.models import indices, preparation, selection
from custseg_spark.models.algorithms import Model
from custseg_spark.models.assignment import PASSED_THROUGH
from custseg_spark.models.layout import in_sample, laid_out, local_frame
from custseg_spark.models.preparation import VECTOR, Preparation
from custseg_spark.models.selection import Verdict

POINT, VALUES = "point", "feature_values"


@dataclass(frozen=True)
class Sample:
    """The features of the sampled customers on the driver, by customer id, NaN for null."""

    names: tuple[str, ...]
    values: np.ndarray

    def of(self, names: Sequence[str]) -> np.ndarray:
        """The columns of these features."""
        return self.values[:, [self.names.index(name) for name in names]]


@dataclass(frozen=True)
class Fitted:
    """The preparation, MLlib's scaler after it, and a model for each algorithm and k."""

    prepared: Preparation
    scaler: PipelineModel
    models: Mapping[str, Model]


def sample(
    customers: DataFrame, names: Sequence[str], config: ModelConfig, customer_count: int
) -> Sample:
    """About `sample_customers` of the customers, the same ones whatever the layout."""
    local = (
        customers.where(in_sample(config.sample_customers, customer_count))
        .select("customer_id", *[F.col(n).cast("double").alias(n) for n in names])
        .toPandas()
        .sort_values("customer_id")
    )
    return Sample(tuple(names), local[list(names)].to_numpy(dtype=float))


def fit(
    drawn: Sample, known: Sequence[Feature], customers: DataFrame, config: ModelConfig
) -> Fitted:
    """Preparation, scaler and models, all from the sample.

    Raises InputError where no feature of the model varies.
    """
    wanted = preparation.choose_features(config.features, known)
    prepared = preparation.learn(drawn.of([f.name for f in wanted]), wanted, config)
    if not prepared.features:
        raise InputError(
            "the customers can't be told apart: every feature of the model is constant"
            f" ({', '.join(prepared.left_out)})"
        )
    raw = drawn.of(prepared.names)
    matrix = np.column_stack([f.values(raw[:, i]) for i, f in enumerate(prepared.features)])
    frame = local_frame(customers.sparkSession, matrix, prepared.names)
    scaler = preparation.fit_scaler(frame, prepared, config)
    ks = selection.k_range(config, len(np.unique(matrix, axis=0)))
    vectors = scaler.transform(frame).select(VECTOR)
    return Fitted(prepared, scaler, selection.fit_all(vectors, config.algorithms, ks, config))


def label(
    customers: DataFrame, fitted: Fitted, names: Sequence[str], customer_count: int
) -> DataFrame:
    """One row a customer: the scaled point, all features, and each model's label."""
    values = F.array(*[F.col(n).cast("double") for n in names]).alias(VALUES)
    prepared = customers.select(
        # Other names, because a feature of the model may be among them in its prepared form.
        *[F.col(n).alias(f"kept_{n}") for n in PASSED_THROUGH],
        values,
        *[f.column() for f in fitted.prepared.features],
    )
    frame = fitted.scaler.transform(laid_out(prepared, "kept_customer_id", customer_count))
    for model in fitted.models.values():
        frame = model.transform(frame)
    return frame.select(
        *[F.col(f"kept_{n}").alias(n) for n in PASSED_THROUGH],
        vector_to_array(F.col(VECTOR)).alias(POINT),
        VALUES,
        *fitted.models,
    )


def judge(labelled: DataFrame, fitted: Fitted, config: ModelConfig) -> list[Verdict]:
    """A verdict on each algorithm and k, by its quality on all customers."""
    clusterings = {column: model.getK() for column, model in fitted.models.items()}
    dimensions = len(next(iter(fitted.models.values())).clusterCenters()[0])
    found = indices.quality(labelled, POINT, clusterings, dimensions)
    tried = selection.candidates(fitted.models, found, config.algorithms)
    by_algorithm = [[c for c in tried if c.algorithm == a] for a in config.algorithms]
    return [v for candidates in by_algorithm for v in selection.choose(candidates, config)]
