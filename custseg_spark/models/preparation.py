"""From features to a matrix: nulls, log1p, IQR fences, selection; then MLlib's own scaler.

What a preparation learns comes from a deterministic sample on the driver and is bounded by the
number of features; it is applied to all customers as Column expressions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.ml import Estimator, Pipeline, PipelineModel, Transformer
from pyspark.ml.feature import PCA, RobustScaler, StandardScaler, VectorAssembler
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.config import ModelConfig
from custseg_spark.errors import ConfigurationError, nearest
from custseg_spark.features.feature import Feature

# Chosen so that each says something of its own: how recent, how much, how often, from view to
# purchase, how wide, how dear, when. Totals that only repeat the volume are left out.
DEFAULT_FEATURES = (
    "recency_days",
    "frequency",
    "monetary",
    "average_order_value",
    "session_count",
    "events_per_session",
    "days_since_first_event",
    "days_since_last_event",
    "days_between_sessions_mean",
    "bounce_rate",
    "view_to_cart_rate",
    "view_to_purchase_rate",
    "cart_abandonment_rate",
    "exploration_ratio",
    "category_entropy",
    "top_brand_share",
    "avg_viewed_price",
    "price_tolerance",
    "evening_share",
)
VECTOR = "scaled"
_ASSEMBLED = "assembled"


@dataclass(frozen=True)
class PreparedFeature:
    """One column of the matrix: what stands for null, whether log1p, and the fences."""

    name: str
    null_value: float
    log1p: bool
    lower: float
    upper: float

    def column(self) -> Column:
        """The prepared value, from the features table's column."""
        value = F.coalesce(F.col(self.name).cast("double"), F.lit(self.null_value))
        if self.log1p:
            value = F.signum(value) * F.log1p(F.abs(value))
        fenced = F.greatest(F.lit(self.lower), F.least(F.lit(self.upper), value))
        return fenced.alias(self.name)

    def values(self, raw: np.ndarray) -> np.ndarray:
        """The same for an array of raw values, NaN for null."""
        filled = np.where(np.isnan(raw), self.null_value, raw)
        if self.log1p:
            filled = np.sign(filled) * np.log1p(np.abs(filled))
        return np.clip(filled, self.lower, self.upper)


@dataclass(frozen=True)
class Preparation:
    """The matrix's columns in order, and why other features were left out."""

    features: tuple[PreparedFeature, ...]
    left_out: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The features in the order of the matrix's columns."""
        return tuple(f.name for f in self.features)

    def apply(self, features: DataFrame, keep: Sequence[str]) -> DataFrame:
        """The `keep` columns and the prepared ones, for every customer."""
        return features.select(*keep, *[f.column() for f in self.features])


def choose_features(names: Sequence[str], known: Sequence[Feature]) -> list[Feature]:
    """The named features (the default ones for no names); ConfigurationError for an unknown."""
    by_name = {f.name: f for f in known}
    for name in names:
        if name not in by_name:
            raise ConfigurationError(f"unknown feature '{name}'{nearest(name, by_name)}")
    return [by_name[name] for name in names or DEFAULT_FEATURES]


def learn(sample: np.ndarray, features: Sequence[Feature], config: ModelConfig) -> Preparation:
    """A preparation from a sample (customers x features, NaN for null).

    Fences are Tukey's: quartiles widened by `clip_factor` interquartile ranges, after log1p; a
    feature whose quartiles are equal keeps its values, or it would lose what is rare in it.
    """
    prepared: list[PreparedFeature] = []
    columns: list[np.ndarray] = []
    left_out: dict[str, str] = {}
    for index, feature in enumerate(features):
        one = _learn_one(sample[:, index], feature, config)
        values = one.values(sample[:, index])
        if values.var() <= config.min_variance:
            left_out[feature.name] = f"constant among {len(values):,} customers"
            continue
        twin = _correlated(values, columns, config.max_correlation)
        if twin is not None:
            left_out[feature.name] = f"correlated with {prepared[twin].name}"
            continue
        prepared.append(one)
        columns.append(values)
    return Preparation(tuple(prepared), left_out)


def _learn_one(raw: np.ndarray, feature: Feature, config: ModelConfig) -> PreparedFeature:
    present = raw[~np.isnan(raw)]
    null_value = 0.0
    if present.size and feature.null == "max":
        null_value = float(present.max())
    elif present.size and feature.null == "median":
        null_value = float(np.median(present))
    free = PreparedFeature(feature.name, null_value, feature.log1p, -np.inf, np.inf)
    if config.clip == "none":
        return free
    first, third = np.percentile(free.values(raw), [25, 75])
    reach = config.clip_factor * (third - first)
    if reach == 0:
        return free
    return PreparedFeature(
        feature.name, null_value, feature.log1p, float(first - reach), float(third + reach)
    )


def _correlated(values: np.ndarray, kept: Sequence[np.ndarray], limit: float) -> int | None:
    for index, other in enumerate(kept):
        if abs(np.corrcoef(values, other)[0, 1]) > limit:
            return index
    return None


def fit_scaler(matrix: DataFrame, preparation: Preparation, config: ModelConfig) -> PipelineModel:
    """MLlib's pipeline from prepared columns to the vector that is clustered."""
    scaler = (
        StandardScaler(inputCol=_ASSEMBLED, outputCol=VECTOR, withMean=True, withStd=True)
        if config.scaling == "standard"
        else RobustScaler(
            inputCol=_ASSEMBLED, outputCol=VECTOR, withCentering=True, withScaling=True
        )
    )
    stages: list[Estimator[Any] | Transformer] = [
        VectorAssembler(inputCols=list(preparation.names), outputCol=_ASSEMBLED),
        scaler,
    ]
    if config.pca_components is not None:
        scaler.setOutputCol("standardised")
        stages.append(PCA(k=config.pca_components, inputCol="standardised", outputCol=VECTOR))
    return Pipeline(stages=stages).fit(matrix)
