"""From features to a matrix: nulls, transforms, fences, priors, selection; MLlib's own scaler.

What a preparation learns comes from a deterministic sample on the driver and is bounded by the
number of features; it is applied to all customers as Column expressions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyspark.ml import Estimator, Pipeline, PipelineModel, Transformer
from pyspark.ml.feature import PCA, RobustScaler, StandardScaler, VectorAssembler
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.settings import ModelConfig
from custseg_spark.errors import ConfigurationError, nearest
from custseg_spark.features.feature import Feature

# One number for each question, and none for what another already tells: how much was spent, what
# happens to carts, how wide and how dear one looks, since when, how lately and for how long, how
# long and at what hour one stays. Sums that only repeat the volume would drown the rest.
DEFAULT_FEATURES = (
    "monetary",
    "cart_share",
    "uncompleted_cart_share",
    "category_entropy",
    "exploration_ratio",
    "relative_price",
    "days_since_first_event",
    "days_since_last_event",
    "active_span_days",
    "events_per_session",
    "evening_share",
)
# What a rate's evidence is counted in.
EVIDENCE = "event_count"
VECTOR = "scaled"
_ASSEMBLED = "assembled"


@dataclass(frozen=True)
class PreparedFeature:
    """One column of the matrix: what stands for null, the transform, the fences, the prior.

    A rate is drawn to the `prior`, its mean among those that the model learns from, as if
    `prior_events` events had shown it: (n value + prior_events prior) / (n + prior_events). Of a
    customer seen once next to nothing is known but when.
    """

    name: str
    null_value: float
    transform: str
    lower: float
    upper: float
    prior: float = 0.0
    prior_events: float = 0.0

    def column(self) -> Column:
        """The prepared value, from the features table's columns."""
        value = F.coalesce(F.col(self.name).cast("double"), F.lit(self.null_value))
        if self.transform != "none":
            root = F.sqrt if self.transform == "sqrt" else F.log1p
            value = F.signum(value) * root(F.abs(value))
        fenced = F.greatest(F.lit(self.lower), F.least(F.lit(self.upper), value))
        if self.prior_events:
            n = F.col(EVIDENCE)
            known = self.prior_events * self.prior
            fenced = (n * fenced + known) / (n + self.prior_events)
        return fenced.alias(self.name)

    def values(self, raw: np.ndarray, evidence: np.ndarray) -> np.ndarray:
        """The same for an array of raw values, NaN for null, and of the customers' events."""
        filled = np.where(np.isnan(raw), self.null_value, raw)
        if self.transform != "none":
            root = np.sqrt if self.transform == "sqrt" else np.log1p
            filled = np.sign(filled) * root(np.abs(filled))
        fenced = np.clip(filled, self.lower, self.upper)
        known = self.prior_events * self.prior
        drawn: np.ndarray = (evidence * fenced + known) / (evidence + self.prior_events)
        return drawn if self.prior_events else fenced


@dataclass(frozen=True)
class Preparation:
    """The matrix's columns in order, and why other features were left out.

    `components` is how many principal components stand for them, if any do.
    """

    features: tuple[PreparedFeature, ...]
    left_out: Mapping[str, str]
    components: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The features in the order of the matrix's columns."""
        return tuple(f.name for f in self.features)


def choose_features(names: Sequence[str], known: Sequence[Feature]) -> list[Feature]:
    """The named features (the default ones for no names); ConfigurationError for an unknown."""
    by_name = {f.name: f for f in known}
    for name in names:
        if name not in by_name:
            raise ConfigurationError(f"unknown feature '{name}'{nearest(name, by_name)}")
    return [by_name[name] for name in names or DEFAULT_FEATURES]


def learn(
    sample: np.ndarray, features: Sequence[Feature], evidence: np.ndarray, config: ModelConfig
) -> Preparation:
    """A preparation from a sample (customers x features, NaN for null) and their events.

    Fences, after the transform, are percentiles, or Tukey's (quartiles widened by `clip_factor`
    interquartile ranges); where they meet, the feature keeps its values, or it would lose what is
    rare in it.
    """
    prepared: list[PreparedFeature] = []
    columns: list[np.ndarray] = []
    left_out: dict[str, str] = {}
    for index, feature in enumerate(features):
        one = _learn_one(sample[:, index], feature, evidence, config)
        values = one.values(sample[:, index], evidence)
        if values.var() <= config.min_variance:
            left_out[feature.name] = f"constant among {len(values):,} customers"
            continue
        if config.scaling == "robust" and not np.ptp(_nearest_quartiles(values)):
            # MLlib would multiply it by 0 and say nothing.
            left_out[feature.name] = "half of the customers have one value: no interquartile range"
            continue
        twin = _correlated(values, columns, config.max_correlation)
        if twin is not None:
            left_out[feature.name] = f"correlated with {prepared[twin].name}"
            continue
        prepared.append(one)
        columns.append(values)
    components = config.pca_components and min(config.pca_components, len(prepared))
    return Preparation(tuple(prepared), left_out, components)


def _learn_one(
    raw: np.ndarray, feature: Feature, evidence: np.ndarray, config: ModelConfig
) -> PreparedFeature:
    present = raw[~np.isnan(raw)]
    null_value = 0.0
    if present.size and feature.null == "max":
        null_value = float(present.max())
    elif present.size and feature.null == "median":
        null_value = float(np.median(present))
    own = "log1p" if feature.log1p else "sqrt" if feature.sqrt else "none"
    transform = own if config.transform == "auto" else "none"
    free = PreparedFeature(feature.name, null_value, transform, -np.inf, np.inf)
    lower, upper = _fences(free.values(raw, evidence), config)
    fenced = replace(free, lower=lower, upper=upper)
    if not feature.rate or not config.prior_events:
        return fenced
    mean = float(fenced.values(raw, evidence).mean())
    return replace(fenced, prior=mean, prior_events=config.prior_events)


def _nearest_quartiles(values: np.ndarray) -> np.ndarray:
    """The least interquartile range that MLlib can take: it takes values that there are, of ranks
    that may be a thousandth off, and one more for rounding."""
    return np.asarray(np.percentile(values, [25.2, 74.8], method="inverted_cdf"))


def _fences(values: np.ndarray, config: ModelConfig) -> tuple[float, float]:
    if config.clip == "none":
        return -np.inf, np.inf
    if config.clip == "percentile":
        lower, upper = np.percentile(values, [config.clip_percentile, 100 - config.clip_percentile])
    else:
        first, third = np.percentile(values, [25, 75])
        reach = config.clip_factor * (third - first)
        lower, upper = first - reach, third + reach
    return (float(lower), float(upper)) if lower < upper else (-np.inf, np.inf)


def _correlated(values: np.ndarray, kept: Sequence[np.ndarray], limit: float) -> int | None:
    for index, other in enumerate(kept):
        if abs(np.corrcoef(values, other)[0, 1]) > limit:
            return index
    return None


def fit_scaler(matrix: DataFrame, preparation: Preparation, config: ModelConfig) -> PipelineModel:
    """MLlib's pipeline from prepared columns to the vector that is clustered.

    Scaled, not centred: distances don't change by it, and BisectingKMeans divides a cluster by
    moving its centre a ten-thousandth of its length, which is nothing for a centre at zero. In one
    partition: variances of several are added in the order in which they arrive.
    """
    scaler = (
        StandardScaler(inputCol=_ASSEMBLED, outputCol=VECTOR, withMean=False, withStd=True)
        if config.scaling == "standard"
        else RobustScaler(
            inputCol=_ASSEMBLED, outputCol=VECTOR, withCentering=False, withScaling=True
        )
    )
    stages: list[Estimator[Any] | Transformer] = [
        VectorAssembler(inputCols=list(preparation.names), outputCol=_ASSEMBLED),
        scaler,
    ]
    if preparation.components is not None:
        scaler.setOutputCol("standardised")
        stages.append(PCA(k=preparation.components, inputCol="standardised", outputCol=VECTOR))
    return Pipeline(stages=stages).fit(matrix.coalesce(1))
