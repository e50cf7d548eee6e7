"""From a features table to fitted models and every customer's labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.settings import ModelConfig
from custseg_spark.errors import InputError
from custseg_spark.features.feature import Feature
from custseg_spark.models import preparation, selection
from custseg_spark.models.algorithms import MEMBERSHIP_SUFFIX, Model
from custseg_spark.models.assignment import PASSED_THROUGH
from custseg_spark.models.layout import in_sample, laid_out, local_frame
from custseg_spark.models.preparation import EVIDENCE, VECTOR, Preparation

POINT, VALUES, INFORMED = "point", "feature_values", "is_informed"


@dataclass(frozen=True)
class Sample:
    """The features of the sampled customers on the driver, by customer id, NaN for null."""

    names: tuple[str, ...]
    values: np.ndarray

    def of(self, names: Sequence[str]) -> np.ndarray:
        """The columns of these features."""
        return self.values[:, [self.names.index(name) for name in names]]


@dataclass(frozen=True)
class LabelledSample:
    """The scaled points of sampled customers (customers x dimensions), and each model's labels.

    The labels are the model's own: bisecting KMeans goes down its tree, which is not always to
    the nearest centre.
    """

    points: np.ndarray
    labels: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Fitted:
    """The preparation, MLlib's scaler after it, and a model for each algorithm and k.

    `sample` is what the models were fitted on; none where they were loaded.
    """

    prepared: Preparation
    scaler: PipelineModel
    models: Mapping[str, Model]
    sample: LabelledSample | None = None


@dataclass(frozen=True)
class Informed:
    """The customers with events enough to learn from: how many events, how many customers."""

    events: int
    customers: int

    @property
    def column(self) -> Column:
        """Whether a customer is one of them."""
        return F.col(EVIDENCE) >= self.events


def informed(customers: DataFrame, config: ModelConfig, customer_count: int) -> Informed:
    """Who has at least `min_events` events; fewer, where too few customers have.

    The bar is lowered to what the most active `informed_share` of the customers, and at least
    `informed_customers` of them, reach. Ratios over a handful of events are noise; most of a
    log's customers have no more, and they would teach the model that noise.
    """
    bars = range(1, config.min_events + 1)
    reached = customers.agg(
        *[F.count(F.when(F.col(EVIDENCE) >= bar, True)).alias(str(bar)) for bar in bars]
    ).collect()[0]
    wanted = max(config.informed_customers, config.informed_share * customer_count)
    enough = min(customer_count, wanted)
    bar = max((b for b in bars if reached[str(b)] >= enough), default=1)
    return Informed(bar, reached[str(bar)] if bar > 1 else customer_count)


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
    customers: DataFrame, known: Sequence[Feature], bar: Informed, config: ModelConfig
) -> Fitted:
    """Preparation, scaler and models, all from a sample of the informed customers.

    Raises InputError where no feature of the model varies.
    """
    wanted = preparation.choose_features(config.features, known)
    names = list(dict.fromkeys([*(f.name for f in wanted), EVIDENCE]))
    drawn = sample(customers.where(bar.column), names, config, bar.customers)
    [evidence] = drawn.of([EVIDENCE]).T
    prepared = preparation.learn(drawn.of([f.name for f in wanted]), wanted, evidence, config)
    if not prepared.features:
        raise InputError(
            "the customers can't be told apart: every feature of the model is constant"
            f" ({', '.join(prepared.left_out)})"
        )
    raw = drawn.of(prepared.names)
    matrix = np.column_stack(
        [f.values(raw[:, i], evidence) for i, f in enumerate(prepared.features)]
    )
    frame = local_frame(customers.sparkSession, matrix, prepared.names)
    scaler = preparation.fit_scaler(frame, prepared, config)
    vectors = scaler.transform(frame)
    ks = selection.k_range(config, len(np.unique(matrix, axis=0)))
    models, failures = selection.fit_all(vectors.select(VECTOR), config.algorithms, ks, config)
    prepared = replace(prepared, left_out={**prepared.left_out, **failures})
    return Fitted(prepared, scaler, models, _labelled_sample(vectors, models))


def _labelled_sample(vectors: DataFrame, models: Mapping[str, Model]) -> LabelledSample:
    frame = vectors
    for model in models.values():
        frame = model.transform(frame)
    point = vector_to_array(F.col(VECTOR)).alias(POINT)
    local = frame.select("row", point, *models).toPandas().sort_values("row")
    labels = {column: local[column].to_numpy() for column in models}
    return LabelledSample(np.stack(local[POINT].to_list()), labels)


def label(
    customers: DataFrame,
    fitted: Fitted,
    names: Sequence[str],
    customer_count: int,
    bar: Informed,
) -> DataFrame:
    """One row a customer: the scaled point, all features and then the prepared ones, and each
    model's label."""
    columns = [F.col(n).cast("double") for n in names]
    columns += [f.column() for f in fitted.prepared.features]
    values = F.array(*columns).alias(VALUES)
    prepared = customers.select(
        # Other names, because a feature of the model may be among them in its prepared form.
        *[F.col(n).alias(f"kept_{n}") for n in PASSED_THROUGH],
        bar.column.alias(INFORMED),
        values,
        *[f.column() for f in fitted.prepared.features],
    )
    frame = fitted.scaler.transform(laid_out(prepared, "kept_customer_id", customer_count))
    for model in fitted.models.values():
        frame = model.transform(frame)
    memberships = [c for c in frame.columns if c.endswith(MEMBERSHIP_SUFFIX)]
    return frame.select(
        *[F.col(f"kept_{n}").alias(n) for n in PASSED_THROUGH],
        INFORMED,
        vector_to_array(F.col(VECTOR)).alias(POINT),
        VALUES,
        *fitted.models,
        *[vector_to_array(F.col(c)).alias(c) for c in memberships],
    )
