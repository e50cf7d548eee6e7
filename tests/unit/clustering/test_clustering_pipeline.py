"""From customers in buckets to chosen models, with fits in numpy in the place of MLlib's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from clustering_data import REGISTRY, customers, in_buckets

from custseg_spark.config.model import (
    FitConfig,
    ModelConfig,
    PreparationConfig,
    SelectionConfig,
    StabilityConfig,
)
from custseg_spark.core.clustering.evaluation import evaluate
from custseg_spark.core.clustering.kmeans import FitSettings, generator, kmeans
from custseg_spark.core.clustering.models import ClusterModel, KMeans
from custseg_spark.core.clustering.preparation import Preparation
from custseg_spark.core.clustering.scaling import Scaler
from custseg_spark.core.clustering.selection import Euclidean, Verdict
from custseg_spark.errors import InputError
from custseg_spark.pipeline.clustering import Fitted, choose, compared, evaluate_published, fit
from custseg_spark.pipeline.clustering.sample import CustomerSample, draw

NAMES = [f.name for f in REGISTRY]
CONFIG = ModelConfig(
    algorithms=("kmeans",),
    features=tuple(NAMES),
    selection=SelectionConfig(k_max=5),
    preparation=PreparationConfig(
        transform="none",
        max_correlation=1.0,
        prior_events=500.0,
        min_events=15,
        informed_customers=100,
    ),
    stability=StabilityConfig(bootstraps=3),
    fit=FitConfig(starts=2),
)
BUCKETS = in_buckets(customers(4_000), 1_500, 1_500, 2_900)


@dataclass
class NumpyFits:
    """KMeans of another seed; `spoiled` k's get centres that share one place.

    `refitted`: the algorithms whose chosen model is fitted anew.
    """

    points: np.ndarray
    scaler: Scaler
    spoiled: Sequence[int] = ()
    asked: list[int] = field(default_factory=list)
    refitted: Sequence[str] = ("kmeans",)

    def refits(self, algorithm: str, k: int) -> bool:
        return algorithm in self.refitted

    def refit(self, algorithm: str, k: int, start: np.ndarray) -> ClusterModel:
        self.asked.append(k)
        centres = kmeans(self.points, k, FitSettings(), generator(99)).centres
        return KMeans(np.repeat(centres[:1], k, axis=0) if k in self.spoiled else centres)

    def others(
        self, trials: Sequence[tuple[str, int]]
    ) -> Mapping[tuple[str, int], ClusterModel | InputError]:
        return {trial: InputError(f"{trial[0]} found nothing") for trial in trials}


def numpy_fits(prepared: np.ndarray, preparation: Preparation, scaling: str) -> NumpyFits:
    scaler = Scaler(1 / prepared.std(axis=0, ddof=1))
    return NumpyFits(scaler.transform(prepared), scaler)


def drawn(size: int = 50_000) -> CustomerSample:
    return draw(
        BUCKETS,
        NAMES,
        min_events=CONFIG.preparation.min_events,
        informed_share=CONFIG.preparation.informed_share,
        informed_customers=CONFIG.preparation.informed_customers,
        size=size,
    )


@pytest.fixture(scope="module")
def sample() -> CustomerSample:
    return drawn()


@pytest.fixture(scope="module")
def fitted(sample: CustomerSample) -> Fitted:
    return fit(sample, REGISTRY, numpy_fits, CONFIG)


def the_chosen(verdicts: Sequence[Verdict]) -> Verdict:
    [chosen] = [v for v in verdicts if v.chosen]
    return chosen


def test_a_sample_is_bounded_sorted_and_the_same_in_other_buckets() -> None:
    small = drawn(500)
    ids = small.rows["customer_id"].to_pylist()
    assert ids == sorted(ids)
    assert small.total == 4_000
    assert small.everyone(500).num_rows == pytest.approx(500, rel=0.15)
    assert small.at_most(500).num_rows <= 500
    informed = small.informed(500)["event_count"].to_pylist()
    assert min(informed) >= small.bar.events == 15
    whole = draw(
        in_buckets(customers(4_000)),
        NAMES,
        min_events=15,
        informed_share=0.1,
        informed_customers=100,
        size=500,
    )
    assert whole.rows.equals(small.rows)


def test_the_planted_groups_are_chosen_by_the_published_models_indices(
    sample: CustomerSample, fitted: Fitted
) -> None:
    published, verdicts = choose(BUCKETS, sample, fitted, CONFIG, {})
    chosen = the_chosen(verdicts)
    assert [v.candidate.k for v in verdicts] == [2, 3, 4, 5]
    assert chosen.candidate.k == 3
    model = published.models[("kmeans", 3)]
    assert chosen.candidate.model is model is not fitted.models[("kmeans", 3)]
    [indices] = evaluate(BUCKETS, published.space, [model], sample.bar.events)
    assert (chosen.candidate.indices, chosen.candidate.informed) == (
        indices.everyone,
        indices.informed,
    )
    assert chosen.stability is not None
    assert chosen.euclidean is not None
    assert chosen.euclidean.customers == 4_000
    assert sum(chosen.candidate.indices.sizes) == 4_000


def test_the_euclidean_silhouette_is_of_a_bounded_sample(
    sample: CustomerSample, fitted: Fitted
) -> None:
    def measured(most: int) -> Euclidean | None:
        selected = replace(CONFIG.selection, silhouette_customers=most)
        config = replace(CONFIG, selection=selected, stability=StabilityConfig(bootstraps=0))
        return the_chosen(choose(BUCKETS, sample, fitted, config, {})[1]).euclidean

    assert measured(0) is None
    some, whole = measured(300), measured(4_000)
    assert some is not None
    assert whole is not None
    assert 200 < some.customers <= 300
    assert some.silhouette == pytest.approx(whole.silhouette, abs=0.05)


def test_a_published_fit_that_is_worse_gives_way_to_the_next(
    sample: CustomerSample, fitted: Fitted
) -> None:
    assert isinstance(fitted.fits, NumpyFits)
    fits = replace(fitted.fits, spoiled=(3,), asked=[])
    _, verdicts = choose(BUCKETS, sample, replace(fitted, fits=fits), CONFIG, {})
    chosen = the_chosen(verdicts)
    assert fits.asked == [3, chosen.candidate.k]
    assert chosen.candidate.k != 3
    [spoiled] = [v for v in verdicts if v.candidate.k == 3]
    assert "the smallest cluster holds 0.00%" in spoiled.why


def test_any_algorithm_that_is_fitted_anew_is_published_as_refitted(
    sample: CustomerSample, fitted: Fitted
) -> None:
    assert isinstance(fitted.fits, NumpyFits)
    models = {("bisecting_kmeans", k): m for (_, k), m in fitted.models.items()}
    config = replace(CONFIG, algorithms=("bisecting_kmeans",))
    for refitted, asked in ((("kmeans",), []), (("kmeans", "bisecting_kmeans"), [3])):
        fits = replace(fitted.fits, refitted=refitted, asked=[])
        found = replace(fitted, fits=fits, models=models)
        published, verdicts = choose(BUCKETS, sample, found, config, {})
        assert fits.asked == asked
        chosen = the_chosen(verdicts).candidate
        model = published.models[("bisecting_kmeans", chosen.k)]
        assert chosen.model is model
        assert (model is models[("bisecting_kmeans", chosen.k)]) == (not asked)


def test_published_models_are_evaluated_and_nothing_is_chosen_anew(
    sample: CustomerSample, fitted: Fitted
) -> None:
    loaded = Fitted(fitted.space, {("kmeans", 4): fitted.models[("kmeans", 4)]})
    [verdict] = evaluate_published(BUCKETS, sample, loaded, CONFIG, "the model of May")
    assert verdict.chosen
    assert verdict.stability is None
    assert verdict.why.startswith("the model of May; silhouette 0.")


def test_other_algorithms_are_compared_on_a_sample(sample: CustomerSample, fitted: Fitted) -> None:
    config = replace(
        CONFIG, selection=SelectionConfig(compare=("agglomerative",), compare_customers=300)
    )
    _, verdicts = choose(BUCKETS, sample, fitted, config, {})
    [other] = compared(sample, fitted.space, the_chosen(verdicts), config)
    assert (other.algorithm, other.k) == ("agglomerative", 3)
    assert other.agreement == 1.0


def test_an_algorithm_without_any_model_is_an_error(sample: CustomerSample) -> None:
    config = replace(CONFIG, algorithms=("kmeans", "bisecting_kmeans"))
    with pytest.raises(InputError, match="bisecting_kmeans found nothing"):
        fit(sample, REGISTRY, numpy_fits, config)


def test_customers_that_are_all_alike_are_an_error(sample: CustomerSample) -> None:
    with pytest.raises(InputError, match=r"can't be told apart.*monetary, visits, share, age"):
        fit(
            sample,
            REGISTRY,
            numpy_fits,
            replace(CONFIG, preparation=PreparationConfig(min_variance=1e9)),
        )
