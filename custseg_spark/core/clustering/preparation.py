"""Turn features into a matrix: nulls, transforms, fences, priors, selection.

A preparation is learned from a bounded sample and applied to all customers, column by column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from custseg_spark.errors import ConfigurationError, nearest

# One feature per question, and none that repeats another: how much was spent, what happens to
# carts, how widely and at what prices a customer looks, since when, how recently and for how long,
# and how long and at what hour a visit lasts. Sums that only repeat the volume would drown the
# others.
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
# The column with the number of events that a rate is estimated from.
EVIDENCE = "event_count"


class Feature(Protocol):
    """The part of a registry feature that a model needs."""

    @property
    def name(self) -> str: ...
    @property
    def log1p(self) -> bool: ...
    @property
    def sqrt(self) -> bool: ...
    @property
    def null(self) -> str: ...
    @property
    def rate(self) -> bool: ...


F = TypeVar("F", bound=Feature)


@dataclass(frozen=True)
class Rules:
    """How a preparation is learned; keys of the configuration's model.preparation."""

    transform: str = "auto"
    clip: str = "percentile"
    clip_percentile: float = 1.0
    clip_factor: float = 1.5
    prior_events: float = 5.0
    scaling: str = "standard"
    min_variance: float = 1e-9
    max_correlation: float = 0.95
    pca_components: int | None = None


@dataclass(frozen=True)
class Level:
    """From so many events on, a prepared value is multiplied by `factor`, and `shift` added."""

    events: float
    factor: float
    shift: float


@dataclass(frozen=True)
class PreparedFeature:
    """One column of the matrix: the value for null, the transform, the fences, the prior.

    A rate is pulled to the `prior`, its mean among the customers that the model learns from, as if
    `prior_events` events had shown it: (n value + prior_events prior) / (n + prior_events). Of a
    customer who was seen once, almost nothing is known but the time. `levels` ascend by their
    events; without any, and below the first, values stay as they are.
    """

    name: str
    null_value: float
    transform: str
    lower: float
    upper: float
    prior: float = 0.0
    prior_events: float = 0.0
    levels: tuple[Level, ...] = ()

    @staticmethod
    def of(values: Mapping[str, Any]) -> "PreparedFeature":
        """Rebuild a prepared feature from its fields in JSON."""
        levels = tuple(Level(**level) for level in values.get("levels", ()))
        return PreparedFeature(**{**values, "levels": levels})

    def values(self, raw: np.ndarray, evidence: np.ndarray) -> np.ndarray:
        """Prepare raw values, NaN for null, given the customers' numbers of events."""
        filled = np.where(np.isnan(raw), self.null_value, raw)
        if self.transform != "none":
            root = np.sqrt if self.transform == "sqrt" else np.log1p
            filled = np.sign(filled) * root(np.abs(filled))
        fenced = np.clip(filled, self.lower, self.upper)
        if self.prior_events:
            pseudo = self.prior_events * self.prior
            fenced = (evidence * fenced + pseudo) / (evidence + self.prior_events)
        return self._levelled(fenced, evidence) if self.levels else np.asarray(fenced)

    def _levelled(self, values: np.ndarray, evidence: np.ndarray) -> np.ndarray:
        starts = np.array([level.events for level in self.levels])
        place = np.searchsorted(starts, evidence, side="right")
        factors = np.array([1.0, *(level.factor for level in self.levels)])
        shifts = np.array([0.0, *(level.shift for level in self.levels)])
        return np.asarray(values * factors[place] + shifts[place])


@dataclass(frozen=True)
class Preparation:
    """The matrix's columns in order, and the reasons why other features were left out.

    `components` is the number of principal components that replace the columns, if any do.
    """

    features: tuple[PreparedFeature, ...]
    left_out: Mapping[str, str]
    components: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The features in the order of the matrix's columns."""
        return tuple(f.name for f in self.features)

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the clustered space's axes: features, or principal components."""
        if self.components is None:
            return self.names
        return tuple(f"component_{i + 1}" for i in range(self.components))


def choose_features(names: Sequence[str], registry: Sequence[F]) -> list[F]:
    """Return the named features, or else the default ones; ConfigurationError for unknown names."""
    by_name = {f.name: f for f in registry}
    for name in names:
        if name not in by_name:
            raise ConfigurationError(f"unknown feature '{name}'{nearest(name, by_name)}")
    return [by_name[name] for name in names or DEFAULT_FEATURES]


def matrix(preparation: Preparation, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return customers' prepared features, n x d column-major, from raw doubles (NaN for null)."""
    evidence = columns[EVIDENCE]
    prepared = np.empty((len(evidence), len(preparation.features)), order="F")
    for place, feature in enumerate(preparation.features):
        prepared[:, place] = feature.values(columns[feature.name], evidence)
    return prepared


def learn(
    columns: Mapping[str, np.ndarray], features: Sequence[Feature], rules: Rules
) -> Preparation:
    """Learn a preparation from a sample's raw columns, which include `event_count`.

    Fences, after the transform, are percentiles, or Tukey's (quartiles widened by `clip_factor`
    interquartile ranges). If the fences meet, the feature keeps its values, because clipping would
    remove its rare values.
    """
    evidence = columns[EVIDENCE]
    prepared: list[PreparedFeature] = []
    kept: list[np.ndarray] = []
    left_out: dict[str, str] = {}
    for feature in features:
        candidate = _learn_one(columns[feature.name], feature, evidence, rules)
        values = candidate.values(columns[feature.name], evidence)
        flaw = _flaw(values, rules) or _twin(values, kept, prepared, rules.max_correlation)
        if flaw:
            left_out[feature.name] = flaw
            continue
        prepared.append(candidate)
        kept.append(values)
    components = rules.pca_components and min(rules.pca_components, len(prepared))
    return Preparation(tuple(prepared), left_out, components)


def _flaw(values: np.ndarray, rules: Rules) -> str | None:
    if values.var() <= rules.min_variance:
        return f"constant among {len(values):,} customers"
    if rules.scaling == "robust" and not np.ptp(_nearest_quartiles(values)):
        # MLlib would silently multiply it by 0.
        return "half of the customers have one value: no interquartile range"
    return None


def _learn_one(
    raw: np.ndarray, feature: Feature, evidence: np.ndarray, rules: Rules
) -> PreparedFeature:
    present = raw[~np.isnan(raw)]
    null_value = 0.0
    if present.size and feature.null == "max":
        null_value = float(present.max())
    elif present.size and feature.null == "median":
        null_value = float(np.median(present))
    automatic = "log1p" if feature.log1p else "sqrt" if feature.sqrt else "none"
    transform = automatic if rules.transform == "auto" else "none"
    free = PreparedFeature(feature.name, null_value, transform, -np.inf, np.inf)
    lower, upper = _fences(free.values(raw, evidence), rules)
    fenced = replace(free, lower=lower, upper=upper)
    if not feature.rate or not rules.prior_events:
        return fenced
    mean = float(fenced.values(raw, evidence).mean())
    return replace(fenced, prior=mean, prior_events=rules.prior_events)


def _nearest_quartiles(values: np.ndarray) -> np.ndarray:
    """Return the least interquartile range that MLlib may compute.

    MLlib takes existing values whose ranks may be a thousandth off, plus one for rounding.
    """
    return np.asarray(np.percentile(values, [25.2, 74.8], method="inverted_cdf"))


def _fences(values: np.ndarray, rules: Rules) -> tuple[float, float]:
    if rules.clip == "none":
        return -np.inf, np.inf
    if rules.clip == "percentile":
        lower, upper = np.percentile(values, [rules.clip_percentile, 100 - rules.clip_percentile])
    else:
        first, third = np.percentile(values, [25, 75])
        reach = rules.clip_factor * (third - first)
        lower, upper = first - reach, third + reach
    return (float(lower), float(upper)) if lower < upper else (-np.inf, np.inf)


def _twin(
    values: np.ndarray,
    kept: Sequence[np.ndarray],
    prepared: Sequence[PreparedFeature],
    limit: float,
) -> str | None:
    for feature, other in zip(prepared, kept, strict=True):
        if abs(_correlation(values, other)) > limit:
            return f"correlated with {feature.name}"
    return None


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Pearson's correlation without BLAS: the same on any number of cores."""
    a, b = first - first.mean(), second - second.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
