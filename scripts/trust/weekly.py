"""Weekly runs over a year by the kernels: a model is fitted each week, segments keep their ids."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from custseg_spark.config.model import (
    ModelConfig,
    PreparationConfig,
    SelectionConfig,
    StabilityConfig,
)
from custseg_spark.core.clustering.assigners import Assigner
from custseg_spark.core.clustering.assignment import order_by_value
from custseg_spark.core.clustering.buckets import LocalBuckets
from custseg_spark.core.clustering.distances import squared_distances
from custseg_spark.core.clustering.hysteresis import is_held
from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.models import ClusterModel, KMeans
from custseg_spark.core.clustering.preparation import Preparation
from custseg_spark.core.clustering.profiles import centroid, profiles
from custseg_spark.core.clustering.scaling import FeatureSpace, Scaler
from custseg_spark.core.features import registry
from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.segments.identity import Identities, KnownSegment, identify
from custseg_spark.core.segments.pairing import IdentityRules
from custseg_spark.pipeline.clustering import choose, fit
from custseg_spark.pipeline.clustering.sample import draw
from trust.year import WEEKS, Year

FEATURES = ("events_30d", "purchases_30d", "spend_30d")
CONFIG = ModelConfig(
    algorithms=("kmeans",),
    features=FEATURES,
    selection=SelectionConfig(k_max=7),
    preparation=PreparationConfig(min_events=1, max_correlation=1.0),
    stability=StabilityConfig(bootstraps=5),
)


@dataclass
class _NumpyFits:
    """The driver's KMeans in the place of MLlib's."""

    points: np.ndarray
    scaler: Scaler

    def refits(self, algorithm: str, k: int) -> bool:
        return False

    def refit(self, algorithm: str, k: int, start: np.ndarray) -> ClusterModel:
        return KMeans(kmeans(self.points, k, FitSettings(), generator(k)).centres)

    def others(self, trials: object) -> Mapping[tuple[str, int], ClusterModel]:
        return {}


def _fits(prepared: np.ndarray, preparation: Preparation, scaling: str) -> _NumpyFits:
    scaler = Scaler(1 / prepared.std(axis=0, ddof=1))
    return _NumpyFits(scaler.transform(prepared), scaler)


@dataclass(frozen=True)
class Fit:
    """A week's customers as points, with the model that was fitted to them."""

    ids: list[str]
    points: np.ndarray
    space: FeatureSpace
    model: ClusterModel
    labels: np.ndarray
    centroids: list[Mapping[str, tuple[float, float]]]


def fit_of_week(year: Year, week: int, previous_k: int | None) -> Fit:
    """Features as of a week's run date, and a model with a k of its own."""
    customers = customer_features(year.parts, as_of=year.run_date(week))
    buckets = LocalBuckets([customers])
    features = registry.all_features(())
    sample = draw(buckets, [f.name for f in features], min_events=1, informed_share=1.0,
                  informed_customers=1, size=50_000)  # fmt: skip
    fitted = fit(sample, features, _fits, CONFIG)
    _, verdicts = choose(buckets, sample, fitted, CONFIG, {"kmeans": previous_k})
    [chosen] = [v.candidate for v in verdicts if v.chosen]
    space = fitted.space
    [segment_profiles] = profiles(
        buckets, space, [Assigner(chosen.model)], list(FEATURES), sample.rows
    )
    points = space.points(customers)
    of_clusters = [centroid(p, list(FEATURES), space.preparation.names) for p in segment_profiles]
    return Fit(customers["customer_id"].to_pylist(), points, space, chosen.model,
               chosen.model.labels(points), of_clusters)  # fmt: skip


@dataclass
class Course:
    """What became of a year's customers and segments, week by week, with one hysteresis.

    `segments` is customers x weeks: the segment id, 0 before a customer is known.
    """

    segments: np.ndarray
    identities: list[Identities] = field(default_factory=list)


def course(year: Year, fits: list[Fit], hysteresis: float) -> Course:
    """Run the identity of segments and the assignment over all weeks."""
    at = {customer: row for row, customer in enumerate(year.customers)}
    result = Course(np.zeros((len(at), WEEKS), dtype=int))
    known_segments: list[KnownSegment] = []
    previous, was_held = np.zeros(len(at), dtype=int), np.zeros(len(at), dtype=bool)
    last_id = 0
    for week, week_fit in enumerate(fits):
        rows = np.array([at[customer] for customer in week_fit.ids])
        overlap = np.zeros((len(week_fit.centroids), len(known_segments)), dtype=np.int64)
        for column, segment in enumerate(known_segments):
            members = week_fit.labels[previous[rows] == segment.segment_id]
            overlap[:, column] = np.bincount(members, minlength=len(overlap))
        who = identify(
            week_fit.centroids, known_segments, overlap,
            order=order_by_value(week_fit.model.centres, FEATURES),
            next_id=last_id + 1, rules=IdentityRules(),
            joined=np.bincount(
                week_fit.labels[previous[rows] == 0], minlength=len(overlap)
            ).tolist(),
        )  # fmt: skip
        ids = np.array([i.segment_id for i in who.clusters])
        clusters, is_held_now = _held(week_fit, ids, previous[rows], was_held[rows], hysteresis)
        previous, was_held = previous.copy(), np.zeros(len(at), dtype=bool)
        previous[rows], was_held[rows] = ids[clusters], is_held_now
        result.segments[:, week] = previous
        result.identities.append(who)
        known_segments = [
            KnownSegment(int(i), c) for i, c in zip(ids, week_fit.centroids, strict=True)
        ]
        last_id = max(last_id, int(ids.max()))
    return result


def _held(
    fit: Fit, ids: np.ndarray, previous: np.ndarray, was_held: np.ndarray, hysteresis: float
) -> tuple[np.ndarray, np.ndarray]:
    """Each customer's cluster by hysteresis, and whether it is held."""
    distances = np.sqrt(squared_distances(fit.points, fit.model.centres))
    rows = np.arange(len(previous))
    places = {int(i): cluster for cluster, i in enumerate(ids)}
    before = np.array([places.get(int(i), -1) for i in previous])
    to_previous = np.where(before >= 0, distances[before, rows], np.nan)
    held = is_held(distances[fit.labels, rows], to_previous,
                   (before >= 0) & (before != fit.labels), was_held, hysteresis)  # fmt: skip
    return np.where(held, before, fit.labels), held
