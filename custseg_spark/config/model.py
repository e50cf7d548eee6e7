"""The sections `model` and `model.*`: how customers are prepared and clustered."""

from dataclasses import dataclass, field

from custseg_spark.errors import require, require_word

CLIPS = ("percentile", "iqr", "none")
SCALINGS = ("standard", "robust")
TRANSFORMS = ("auto", "none")
MODEL_USES = ("auto", "fit", "frozen")
COMPARISONS = ("dbscan", "agglomerative")
FITTED_CUSTOMERS = ("sample", "all")
RULES = "rules"
ASSIGNS = ("model", RULES)

# Keys of 0.1 and their new names.
MOVED = {
    "model.k_min": "model.selection.k_min",
    "model.k_max": "model.selection.k_max",
    "model.min_cluster_share": "model.selection.min_cluster_share",
    "model.stability_candidates": "model.selection.candidates",
    "model.switch_margin": "model.selection.switch_margin",
    "model.silhouette_customers": "model.selection.silhouette_customers",
    "model.compare": "model.selection.compare",
    "model.compare_customers": "model.selection.compare_customers",
    "model.min_stability": "model.stability.minimum",
    "model.bootstraps": "model.stability.bootstraps",
    "model.stability_customers": "model.stability.customers",
    "model.transform": "model.preparation.transform",
    "model.clip": "model.preparation.clip",
    "model.clip_percentile": "model.preparation.clip_percentile",
    "model.clip_factor": "model.preparation.clip_factor",
    "model.min_events": "model.preparation.min_events",
    "model.informed_share": "model.preparation.informed_share",
    "model.informed_customers": "model.preparation.informed_customers",
    "model.prior_events": "model.preparation.prior_events",
    "model.scaling": "model.preparation.scaling",
    "model.min_variance": "model.preparation.min_variance",
    "model.max_correlation": "model.preparation.max_correlation",
    "model.pca_components": "model.preparation.pca_components",
    "model.sample_customers": "model.fit.sample_customers",
    "model.starts": "model.fit.starts",
    "model.max_iterations": "model.fit.max_iterations",
    "model.tolerance": "model.fit.tolerance",
    "model.bisecting_iterations": "model.fit.bisecting_iterations",
    "model.parallel_fits": "model.fit.parallel",
}


@dataclass(frozen=True)
class PreparationConfig:
    """Preparation of features: whom models learn from, transforms, fences, scaling.

    `within_activity`: features in which customers are compared with others of as many events.
    """

    min_events: int = 20
    informed_share: float = 0.1
    informed_customers: int = 1_000
    prior_events: float = 5.0
    within_activity: tuple[str, ...] = ()
    transform: str = "auto"
    clip: str = "percentile"
    clip_percentile: float = 1.0
    clip_factor: float = 1.5
    scaling: str = "standard"
    min_variance: float = 1e-9
    max_correlation: float = 0.95
    pca_components: int | None = None

    def __post_init__(self) -> None:
        for key, allowed in (("transform", TRANSFORMS), ("clip", CLIPS), ("scaling", SCALINGS)):
            require_word(getattr(self, key), allowed, f"model.preparation.{key}")
        require(self.min_events > 0, "model.preparation.min_events", "above 0", self)
        share = 0 <= self.informed_share <= 1
        require(share, "model.preparation.informed_share", "from 0 to 1", self)
        require(self.prior_events >= 0, "model.preparation.prior_events", "0 or more", self)
        percentile = 0 <= self.clip_percentile < 50
        require(percentile, "model.preparation.clip_percentile", "0 to below 50", self)
        components = self.pca_components is None or self.pca_components > 0
        require(components, "model.preparation.pca_components", "above 0", self)


@dataclass(frozen=True)
class FitConfig:
    """How models are fitted; `customers`: the customers to whom published ones are fitted."""

    customers: str = "sample"
    sample_customers: int = 20_000
    starts: int = 3
    max_iterations: int = 50
    tolerance: float = 1e-4
    bisecting_iterations: int = 20
    bisecting_steps: int = 3
    parallel: int = 2

    def __post_init__(self) -> None:
        require_word(self.customers, FITTED_CUSTOMERS, "model.fit.customers")
        for key in ("max_iterations", "bisecting_iterations", "parallel", "starts"):
            require(getattr(self, key) > 0, f"model.fit.{key}", "above 0", self)
        steps = 0 <= self.bisecting_steps <= 3
        require(steps, "model.fit.bisecting_steps", "from 0 to 3", self)
        require(self.sample_customers >= 2, "model.fit.sample_customers", "2 or more", self)


@dataclass(frozen=True)
class SelectionConfig:
    """The choice of k, and the figures reported for the chosen models."""

    k_min: int = 2
    k_max: int = 8
    min_cluster_share: float = 0.01
    candidates: int = 3
    switch_margin: float = 0.02
    silhouette_customers: int = 10_000
    compare: tuple[str, ...] = ()
    compare_customers: int = 5_000

    def __post_init__(self) -> None:
        require(self.k_min >= 2, "model.selection.k_min", "2 or more", self)
        is_range = self.k_max >= self.k_min
        require(is_range, "model.selection.k_max", "at least model.selection.k_min", self)
        for name in self.compare:
            require_word(name, COMPARISONS, "model.selection.compare")
        for key in ("switch_margin", "silhouette_customers"):
            require(getattr(self, key) >= 0, f"model.selection.{key}", "0 or more", self)
        require(self.compare_customers >= 2, "model.selection.compare_customers", "2 or more", self)


@dataclass(frozen=True)
class StabilityConfig:
    """The stability that a k needs over bootstrap refits, and its measurement.

    `hysteresis`: how much nearer, as a share of the distance, a segment must be for a customer to
    leave the previous one at once; 0: customers are always in the model's; 1: nobody leaves at
    once.
    """

    minimum: float = 0.75
    bootstraps: int = 20
    customers: int = 20_000
    hysteresis: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.minimum <= 1, "model.stability.minimum", "from 0 to 1", self)
        require(self.bootstraps >= 0, "model.stability.bootstraps", "0 or more", self)
        require(self.customers >= 2, "model.stability.customers", "2 or more", self)
        require(0 <= self.hysteresis <= 1, "model.stability.hysteresis", "from 0 to 1", self)


@dataclass(frozen=True)
class ModelConfig:
    """The models and their features; groups of keys have sections of their own.

    `assign`: the model, or the rules that tell it. Customers with fewer than `known_from` events
    and no order are of too little known.
    `outlier_percentile`: a customer farther from the centre than so many % of the segment's
    customers at the fit fits no segment.
    """

    algorithms: tuple[str, ...] = ("kmeans", "bisecting_kmeans")
    features: tuple[str, ...] = ()
    k: int | None = None
    seed: int = 7
    use: str = "auto"
    assign: str = "model"
    known_from: int = 0
    outlier_percentile: float = 99.5
    preparation: PreparationConfig = field(default_factory=PreparationConfig)
    fit: FitConfig = field(default_factory=FitConfig)
    selection: SelectionConfig = field(default_factory=SelectionConfig)
    stability: StabilityConfig = field(default_factory=StabilityConfig)

    def __post_init__(self) -> None:
        require_word(self.use, MODEL_USES, "model.use")
        require_word(self.assign, ASSIGNS, "model.assign")
        require(self.known_from >= 0, "model.known_from", "0 or more", self)
        require(self.k is None or self.k >= 2, "model.k", "2 or more", self)
        percentile = 50 <= self.outlier_percentile <= 100
        require(percentile, "model.outlier_percentile", "from 50 to 100", self)
        require(bool(self.algorithms), "model.algorithms", "one algorithm at least", self)
