"""Fit models to customers in buckets, judge them, and choose one for each algorithm."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from custseg_spark.config.model import ModelConfig
from custseg_spark.core.clustering import (
    comparison,
    euclidean,
    preparation,
    selection,
    stability,
    staying,
)
from custseg_spark.core.clustering.buckets import Buckets, numbers
from custseg_spark.core.clustering.comparison import Compared
from custseg_spark.core.clustering.evaluation import evaluate
from custseg_spark.core.clustering.indices import indices_of
from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.models import (
    BisectingKMeans,
    ClusterModel,
    KMeans,
    RefinedTree,
    cluster_count,
)
from custseg_spark.core.clustering.preparation import EVIDENCE, Feature, Preparation
from custseg_spark.core.clustering.resampling import BOOTSTRAP, SCHEMES
from custseg_spark.core.clustering.scaling import FeatureSpace, Scaler
from custseg_spark.core.clustering.selection import (
    Candidate,
    Euclidean,
    Verdict,
)
from custseg_spark.core.clustering.stability import Resample, Stability
from custseg_spark.core.clustering.stay_curves import StayCurve
from custseg_spark.errors import InputError
from custseg_spark.pipeline.clustering.levels import levelled
from custseg_spark.pipeline.clustering.sample import CustomerSample
from custseg_spark.pipeline.clustering.settings import (
    fit_settings,
    preparation_rules,
    selection_rules,
)

Trial = tuple[str, int]


class SampleFits(Protocol):
    """Fits on the sample for publication: by MLlib, or by a stand-in in tests."""

    @property
    def scaler(self) -> Scaler: ...

    def refits(self, algorithm: str, k: int) -> bool:
        """Whether a chosen model is fitted again for publication."""
        ...

    def refit(self, algorithm: str, k: int, start: np.ndarray) -> ClusterModel:
        """Return the model to publish; `start` are the candidate's centres."""
        ...

    def others(self, trials: Sequence[Trial]) -> Mapping[Trial, ClusterModel | InputError]:
        """Return the models of other algorithms, or the reason why one is missing."""
        ...


# Makes the fits from the prepared sample (n x d), its preparation and the scaling.
MakeFits = Callable[[np.ndarray, Preparation, str], SampleFits]


# Makes refits of resamples as `stability.resamples` does, here or in tasks.
Resamples = Callable[[np.ndarray, str, int, int, FitSettings, str], list[Resample]]


@dataclass(frozen=True)
class Fitted:
    """The space and a model for each algorithm and k, with the sample they were fitted on.

    KMeans models are fitted on the driver until one is chosen. Loaded models have neither `points`
    nor `fits`.
    """

    space: FeatureSpace
    models: Mapping[Trial, ClusterModel]
    points: np.ndarray | None = None
    fits: SampleFits | None = None


def fit(
    sample: CustomerSample,
    registry: Sequence[Feature],
    make_fits: MakeFits,
    config: ModelConfig,
) -> Fitted:
    """Fit preparation, scaler and models to a sample of the informed customers.

    Raises InputError where no feature of the model varies, and for an algorithm without a model.
    """
    features = preparation.choose_features(config.features, registry)
    rows = sample.informed(config.fit.sample_customers)
    columns = raw_columns(rows, [f.name for f in features])
    prepared = preparation.learn(columns, features, preparation_rules(config))
    if not prepared.features:
        raise InputError(
            "the customers can't be told apart: every feature of the model is constant"
            f" ({', '.join(prepared.left_out)})"
        )
    prepared = levelled(prepared, sample, columns, config)
    matrix = preparation.matrix(prepared, columns)
    fits = make_fits(matrix, prepared, config.preparation.scaling)
    points = fits.scaler.transform(matrix)
    ks = selection.k_range(
        config.k, config.selection.k_min, config.selection.k_max, _distinct(matrix)
    )
    trials = [(a, k) for a in config.algorithms for k in ks]
    models, failures = _fit_all(points, trials, fits, config)
    prepared = replace(prepared, left_out={**prepared.left_out, **failures})
    return Fitted(FeatureSpace(prepared, fits.scaler), models, points, fits)


def choose(
    buckets: Buckets,
    sample: CustomerSample,
    fitted: Fitted,
    config: ModelConfig,
    previous_k: Mapping[str, int | None],
    resamples: Resamples = stability.resamples,
) -> tuple[Fitted, list[Verdict]]:
    """Return a verdict on each algorithm and k; one of each algorithm is chosen.

    `resamples` makes the refits that stability is measured by. The chosen KMeans or bisecting
    KMeans is fitted by MLlib and takes the candidate's place, with its own indices; if they change
    the choice, the next one is fitted as well. The returned `Fitted` holds the models to publish.
    """
    tried = _candidates(buckets, sample, fitted)
    verdicts: list[Verdict] = []
    measure = _Measure(fitted, config, resamples)
    models = dict(fitted.models)
    for algorithm in config.algorithms:
        candidates = [c for c in tried if c.algorithm == algorithm]
        published: set[int] = set()
        while True:
            of_algorithm = selection.choose(
                candidates,
                selection_rules(config),
                previous_k=previous_k.get(algorithm),
                measure=measure.stability,
            )
            [chosen] = [v.candidate for v in of_algorithm if v.chosen]
            fits = fitted.fits
            if fits is None or not fits.refits(algorithm, chosen.k) or chosen.k in published:
                break
            start = models[(algorithm, chosen.k)].centres
            models[(algorithm, chosen.k)] = fits.refit(algorithm, chosen.k, start)
            published.add(chosen.k)
            chosen_only = replace(
                fitted, models={(algorithm, chosen.k): models[(algorithm, chosen.k)]}
            )
            candidates = [
                c if c is not chosen else _candidates(buckets, sample, chosen_only)[0]
                for c in candidates
            ]
        verdicts += [measure.whole(v, sample) if v.chosen else v for v in of_algorithm]
    return replace(fitted, models=models), _with_euclidean(sample, fitted.space, verdicts, config)


def evaluate_published(
    buckets: Buckets, sample: CustomerSample, fitted: Fitted, config: ModelConfig, why: str
) -> list[Verdict]:
    """Return verdicts on published models: nothing is chosen; `why` names the models' origin."""
    verdicts = [
        Verdict(c, None, chosen=True, why=f"{why}; silhouette {c.silhouette:.3f}")
        for c in _candidates(buckets, sample, fitted)
    ]
    return _with_euclidean(sample, fitted.space, verdicts, config)


def compared(
    sample: CustomerSample, space: FeatureSpace, chosen: Verdict, config: ModelConfig
) -> list[Compared]:
    """Cluster a sample of the informed customers by other algorithms, for comparison."""
    if not config.selection.compare:
        return []
    points = space.points(sample.informed(config.selection.compare_customers))
    candidate = chosen.candidate
    labels = candidate.model.labels(points)
    return comparison.compare(points, labels, config.selection.compare, candidate.k)


def raw_columns(rows: pa.Table, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the named features and the evidence as doubles, NaN for null."""
    return {name: numbers(rows[name]) for name in dict.fromkeys([*names, EVIDENCE])}


def _distinct(matrix: np.ndarray) -> int:
    return len(np.unique(matrix, axis=0))


def _fit_all(
    points: np.ndarray, trials: Sequence[Trial], fits: SampleFits, config: ModelConfig
) -> tuple[dict[Trial, ClusterModel], dict[str, str]]:
    """Return the models, and the reasons why some trials have none."""
    mllib_trials = [trial for trial in trials if trial[0] != "kmeans"]
    # The driver fits its candidates while MLlib fits the others.
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(fits.others, mllib_trials) if mllib_trials else None
        results: dict[Trial, Any] = {
            trial: _swept(points, trial[1], config) for trial in trials if trial[0] == "kmeans"
        }
        results |= others.result() if others else {}
    models = {t: results[t] for t in trials if not isinstance(results[t], InputError)}
    failures = {f"{a}_{k}": str(m) for (a, k), m in results.items() if isinstance(m, InputError)}
    for algorithm in config.algorithms:
        if not any(trial[0] == algorithm for trial in models):
            raise next(results[t] for t in trials if t[0] == algorithm)
    return models, failures


def _swept(points: np.ndarray, k: int, config: ModelConfig) -> ClusterModel | InputError:
    best = kmeans(points, k, fit_settings(config), generator(config.seed, k))
    clusters = len(best.centres)
    if clusters < k:
        return InputError(f"kmeans found {clusters} clusters where k = {k}")
    return KMeans(best.centres)


def _candidates(buckets: Buckets, sample: CustomerSample, fitted: Fitted) -> list[Candidate]:
    models = list(fitted.models.values())
    evaluations = evaluate(buckets, fitted.space, models, sample.bar.events)
    return [
        Candidate(algorithm, cluster_count(model), model, evaluation.everyone, evaluation.informed)
        for ((algorithm, _), model), evaluation in zip(
            fitted.models.items(), evaluations, strict=True
        )
    ]


class _Measure:
    """The stability of candidates on a sample of the points that they were fitted on.

    Refits depend only on algorithm and k, so another model of the same k needs no new ones.
    """

    def __init__(self, fitted: Fitted, config: ModelConfig, resamples: Resamples) -> None:
        self._config, self._resamples = config, resamples
        self._space, self._fitted_points = fitted.space, fitted.points
        self._points = _bounded(fitted.points, config)
        self._refits: dict[tuple[str, int, str], list[Resample]] = {}

    def stability(self, candidate: Candidate) -> Stability | None:
        """Return the bootstrap stability; None without points to measure it on."""
        return self._by(candidate, BOOTSTRAP)

    def whole(self, verdict: Verdict, sample: CustomerSample) -> Verdict:
        """Return the verdict on a chosen clustering with the measures for chosen ones only."""
        candidate, stability = verdict.candidate, verdict.stability
        model, points = candidate.model, self._fitted_points
        if stability is not None:
            others = {s: self._by(candidate, s) for s in SCHEMES if s != BOOTSTRAP}
            jaccard = {s: o.jaccard for s, o in others.items() if o}
            stability = replace(stability, others=jaccard)
        why = verdict.why
        if isinstance(model, RefinedTree) and points is not None:
            why = f"{why}; {_beside_tree(model, points)}"
        return replace(
            verdict, stability=stability, why=why, stay_curves=self._curves(candidate, sample)
        )

    def _by(self, candidate: Candidate, scheme: str) -> Stability | None:
        config, key = self._config, (candidate.algorithm, candidate.k, scheme)
        if self._points is None or not config.stability.bootstraps:
            return None
        if key not in self._refits:
            algorithm, k, _ = key
            number, settings = config.stability.bootstraps, fit_settings(config)
            self._refits[key] = self._resamples(
                self._points, algorithm, k, number, settings, scheme
            )
        labels = candidate.model.labels(self._points)
        return stability.stability(labels, candidate.k, self._refits[key])

    def _curves(self, candidate: Candidate, sample: CustomerSample) -> tuple[StayCurve, ...]:
        """Return the curves of the probability to stay; empty for algorithms without refits."""
        refits = self._refits.get((candidate.algorithm, candidate.k, BOOTSTRAP))
        # Refits label by the nearest centre, but a plain tree doesn't.
        if not refits or isinstance(candidate.model, BisectingKMeans):
            return ()
        rows = sample.everyone(self._config.stability.customers)
        return staying.learned(self._space.points(rows), candidate.model, refits)


def _beside_tree(model: RefinedTree, points: np.ndarray) -> str:
    """Say how much steps on the leaves improved the tree, on the points that it was fitted on."""
    if model.tree is None:
        return "the leaves of a tree, refined"
    before, after = (indices_of(points, m.labels(points)) for m in (model.tree, model))
    change = after.within_cluster_cost / before.within_cluster_cost - 1
    return (
        f"steps on the tree's leaves changed the cost by {change:+.0%}, the silhouette from"
        f" {before.silhouette:.3f} to {after.silhouette:.3f}"
    )


def _bounded(points: np.ndarray | None, config: ModelConfig) -> np.ndarray | None:
    if points is None or len(points) <= config.stability.customers:
        return points
    # Any sample would do, but the first customers by id would be the oldest.
    rows = generator(config.seed).choice(len(points), config.stability.customers, replace=False)
    return np.asfortranarray(points[rows])


def _with_euclidean(
    sample: CustomerSample, space: FeatureSpace, verdicts: Sequence[Verdict], config: ModelConfig
) -> list[Verdict]:
    """Add the Euclidean silhouette to the chosen verdicts: exact, on the same bounded sample."""
    rows = (
        sample.at_most(config.selection.silhouette_customers)
        if config.selection.silhouette_customers
        else None
    )
    if rows is None or not rows.num_rows:
        return list(verdicts)
    points = space.points(rows)
    labels = [v.candidate.model.labels(points) for v in verdicts if v.chosen]
    scores = iter([Euclidean(s, len(points)) for s in euclidean.silhouettes(points, labels)])
    return [replace(v, euclidean=next(scores)) if v.chosen else v for v in verdicts]
