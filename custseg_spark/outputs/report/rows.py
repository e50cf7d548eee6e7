"""The tables' rows as plain values. A missing number or NaN is None."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from custseg_spark.core.clustering.assigners import TOO_LITTLE_KNOWN_ID


@dataclass(frozen=True)
class Run:
    """The manifest of the run."""

    run_date: date
    previous_run_date: date | None
    run_id: str | None
    model_use: str | None
    model_reason: str | None
    fitted_on: date | None
    warnings: Sequence[str]
    finished: str | None
    config_hash: str | None
    seed: int | None
    features: Sequence[str]
    left_out: Mapping[str, str]
    row_counts: Mapping[str, int]
    stage_seconds: Mapping[str, float]
    settings: Mapping[str, Any]

    def setting(self, *path: str) -> Any:
        """Return a key of the run's configuration by its path; None without the key."""
        value: Any = self.settings
        for name in path:
            value = (value or {}).get(name)
        return value


@dataclass(frozen=True)
class Ledger:
    """The lake's ledger of ingest, summed over its files."""

    files: int
    skipped_files: int
    physical_records: int
    header: int
    blank: int
    accepted: int
    rejected: int
    ignored: int
    duplicates: int
    rounded: int

    @property
    def records(self) -> int:
        """Records without headers and blank lines: accepted + rejected + ignored + duplicates."""
        return self.physical_records - self.header - self.blank


@dataclass(frozen=True)
class Measure:
    """A feature in a segment."""

    mean: float | None
    median: float | None
    z_score: float | None


@dataclass(frozen=True)
class Segment:
    """A segment of one algorithm; a dead one has no customers."""

    algorithm: str
    segment_id: int
    segment_name: str
    customers: int
    customer_share: float | None
    revenue: Decimal | None
    revenue_share: float | None
    runner_up: str | None
    evidence: Sequence[tuple[str, float]]
    actions: Sequence[str]
    status: str | None
    related_segments: Sequence[int]
    born_on: date | None
    overlap: float | None
    jaccard: float | None
    stability: str | None
    tree_node: int | None
    tree_parent: int | None
    is_reliable: bool | None
    features: Mapping[str, Measure]
    rule: str | None

    @property
    def is_little_known(self) -> bool:
        """Whether these are the customers of whom too little is known."""
        return self.segment_id == TOO_LITTLE_KNOWN_ID

    def z_score(self, feature: str) -> float | None:
        return self.features[feature].z_score if feature in self.features else None


@dataclass(frozen=True)
class Candidate:
    """A clustering that was tried, with its quality."""

    algorithm: str
    k: int
    silhouette: float | None
    davies_bouldin: float | None
    calinski_harabasz: float | None
    within_cluster_cost: float | None
    smallest_share: float | None
    informed_silhouette: float | None
    informed_customers: int | None
    stability: float | None
    agreement: float | None
    customers: int | None
    chosen: bool | None
    why: str | None
    euclidean_silhouette: float | None
    euclidean_customers: int | None
    rule_leaves: int | None
    rule_cost_ratio: float | None
    rule_informed_fidelity: float | None
    rule_fidelity: float | None


@dataclass(frozen=True)
class Flow:
    """Customers that moved from one segment to another; None: joined, gone."""

    algorithm: str
    from_segment_id: int | None
    to_segment_id: int | None
    customers: int
    revenue: Decimal | None


@dataclass(frozen=True)
class Drift:
    """The change of a distribution since the previous run; `moved` is above 0 for upwards."""

    kind: str
    name: str
    psi: float
    verdict: str
    moved: float


@dataclass(frozen=True)
class Point:
    """A sampled customer on the first two principal components."""

    segment_id: int
    x: float
    y: float


@dataclass(frozen=True)
class Plane:
    """The sampled customers, and the two components' shares of the variance."""

    points: Sequence[Point]
    x_variance: float | None
    y_variance: float | None


@dataclass(frozen=True)
class EventCount:
    """A count of the raw events, by `kind`."""

    kind: str
    event_type: str | None
    name: str | None
    label: str | None
    lower: float | None
    upper: float | None
    count: int


@dataclass(frozen=True)
class SeasonIndex:
    """A month, week or weekday of a segment (None: everybody) against its year."""

    algorithm: str
    segment_id: int | None
    period: str
    number: int
    years: int | None
    days: int | None
    purchases: int
    revenue: Decimal | None
    purchase_index: float | None
    revenue_index: float | None


@dataclass(frozen=True)
class Partner:
    """A product that customers own together with another one."""

    product_id: str
    customers: int
    support: float | None
    lift: float | None
    lift_low: float | None
    lift_high: float | None


@dataclass(frozen=True)
class Affinity:
    """A place on a segment's list: `kind` is product, category or brand."""

    algorithm: str
    segment_id: int
    kind: str
    rank: int
    name: str
    category_code: str | None
    brand: str | None
    customers: int
    segment_buyers: int | None
    all_customers: int | None
    all_buyers: int | None
    support: float | None
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    together: Sequence[Partner]

    @property
    def is_marking(self) -> bool:
        """Whether the lift's whole interval is above 1, so that the product marks the segment."""
        return self.lift_low is not None and self.lift_low > 1


@dataclass(frozen=True)
class RfmCount:
    """Customers of a segment with these scores; 0: never bought."""

    segment_id: int
    rfm_r: int
    rfm_f: int
    rfm_group: str
    customers: int


@dataclass(frozen=True)
class MixedCustomer:
    """A customer's own segment, and the memberships (segment id, share), the largest first."""

    segment_id: int
    memberships: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Memberships:
    """The memberships of a Gaussian mixture's customers in each segment, by their own segment's id.

    `between`: the customers without a membership above one half. `means`: the mean membership of a
    segment's customers (first id) in a segment (second id). `examples`: the least clear customers.
    """

    customers: Mapping[int, int]
    between: Mapping[int, int]
    means: Mapping[tuple[int, int], float]
    examples: Sequence[MixedCustomer]


@dataclass(frozen=True)
class OutlierCount:
    """The number of customers who fit no segment, by their segment and oddest feature.

    `is_high`: the feature is above the segment's centre.
    """

    segment_id: int
    feature: str
    is_high: bool
    customers: int


@dataclass(frozen=True)
class Calibration:
    """Mean hold-out purchases of buyers with so many earlier ones: actual and expected."""

    purchases: int
    customers: int
    actual: float | None
    expected: float | None


@dataclass(frozen=True)
class Decile:
    """A tenth of the buyers, by predicted value."""

    decile: int
    customers: int
    revenue_share: float | None
    clv_share: float | None


@dataclass(frozen=True)
class Clv:
    """The run's model of customer lifetime value."""

    buyers: int | None
    repeat_buyers: int | None
    converged: bool
    why: str | None
    parameters: Mapping[str, float | None]
    spend_error: float | None
    holdout_days: int | None
    calibration: Sequence[Calibration]
    gini: float | None
    deciles: Sequence[Decile]
    season: Sequence[float]
    holdout_error: float | None
    plain_holdout_error: float | None
