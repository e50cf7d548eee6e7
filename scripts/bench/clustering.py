"""What every peer does with its features: prepare as ours does, KMeans over k, silhouette, labels.

NumPy and scikit-learn, in single precision where that is faster. No import of ours: its Spark
would count in the peers' seconds.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]

KS = range(2, 9)
SEED, ITERATIONS, SILHOUETTE_CUSTOMERS = 7, 50, 10_000
EVIDENCE = "event_count"
# How ours takes each feature of the model: transform, what stands for null, whether it is a rate.
MODEL = {
    "monetary": ("log1p", "zero", False),
    "cart_share": ("sqrt", "zero", True),
    "uncompleted_cart_share": ("sqrt", "zero", True),
    "category_entropy": ("none", "zero", True),
    "exploration_ratio": ("none", "zero", True),
    "relative_price": ("none", "median", True),
    "days_since_first_event": ("none", "zero", False),
    "days_since_last_event": ("none", "zero", False),
    "active_span_days": ("log1p", "zero", False),
    "events_per_session": ("log1p", "zero", True),
    "evening_share": ("none", "zero", True),
}
MIN_EVENTS, INFORMED_SHARE, INFORMED_CUSTOMERS = 20, 0.1, 1_000
PERCENTILES, PRIOR_EVENTS = (1.0, 99.0), 5.0
MIN_VARIANCE, MAX_CORRELATION = 1e-9, 0.95


@dataclass(frozen=True)
class Prepared:
    """One column of the matrix, with the fields of ours in a model's manifest."""

    name: str
    null_value: float
    transform: str
    lower: float = -np.inf
    upper: float = np.inf
    prior: float = 0.0
    prior_events: float = 0.0

    def values(self, raw: Array, evidence: Array) -> Array:
        """The prepared values; NaN is null, `evidence` the customers' events."""
        filled = np.where(np.isnan(raw), self.null_value, raw)
        if self.transform != "none":
            root = np.sqrt if self.transform == "sqrt" else np.log1p
            filled = np.sign(filled) * root(np.abs(filled))
        np.clip(filled, self.lower, self.upper, out=filled)
        if self.prior_events:
            filled *= evidence
            filled += self.prior_events * self.prior
            filled /= evidence + self.prior_events
        return filled


@dataclass(frozen=True)
class Segmentation:
    """The preparation, the columns' scales and the centres for each k; `k` has the silhouette."""

    prepared: tuple[Prepared, ...]
    scales: tuple[float, ...]
    centres: Mapping[int, Sequence[Sequence[float]]]
    k: int

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Segmentation":
        tree = json.loads(path.read_text(encoding="utf-8"))
        prepared = tuple(Prepared(**p) for p in tree["prepared"])
        centres = {int(k): rows for k, rows in tree["centres"].items()}
        return cls(prepared, tuple(tree["scales"]), centres, tree["k"])

    def labels(self, features: Mapping[str, Array], k: int) -> Labels:
        """The nearest centre of each customer."""
        x = matrix(features, self.prepared, self.scales)
        centres = np.asarray(self.centres[k], dtype=np.float32)
        # The customer's own square is the same for every centre.
        away = (centres**2).sum(axis=1) - 2 * (x @ centres.T)
        nearest: Labels = away.argmin(axis=1).astype(np.int32)
        return nearest


def informed_bar(events: npt.NDArray[np.int64]) -> int:
    """The fewest events of those to learn from: 20, or fewer where too few customers have."""
    enough = min(len(events), max(INFORMED_CUSTOMERS, INFORMED_SHARE * len(events)))
    reached = [b for b in range(1, MIN_EVENTS + 1) if (events >= b).sum() >= enough]
    return max(reached, default=1)


def segment(features: Mapping[str, Array]) -> tuple[Segmentation, Labels]:
    """Models of the informed customers, and everybody's label at the best k."""
    events = features[EVIDENCE]
    rows = np.flatnonzero(events >= informed_bar(events.astype(np.int64)))
    informed = {name: features[name][rows] for name in (*MODEL, EVIDENCE)}
    prepared = _learn(informed)
    free = matrix(informed, prepared, [1.0] * len(prepared))
    scales = free.std(axis=0, ddof=1, dtype=np.float64)
    x = free / scales.astype(np.float32)
    best, centres, best_k = -1.0, {}, KS[0]
    for k in (k for k in KS if k < len(x)):
        model = KMeans(k, n_init=1, max_iter=ITERATIONS, random_state=SEED).fit(x)
        size = min(SILHOUETTE_CUSTOMERS, len(x))
        score = silhouette_score(x, model.labels_, sample_size=size, random_state=SEED)
        centres[k] = model.cluster_centers_.tolist()
        if score > best:
            best, best_k = score, k
    done = Segmentation(tuple(prepared), tuple(scales.tolist()), centres, best_k)
    return done, done.labels(features, best_k)


def matrix(
    features: Mapping[str, Array], prepared: Sequence[Prepared], scales: Sequence[float]
) -> npt.NDArray[np.float32]:
    """Customers x prepared features, divided by their scales."""
    evidence = features[EVIDENCE]
    filled = np.empty((len(evidence), len(prepared)), dtype=np.float32)
    for i, (one, scale) in enumerate(zip(prepared, scales, strict=True)):
        filled[:, i] = one.values(features[one.name], evidence) / scale
    return filled


def _learn(informed: Mapping[str, Array]) -> list[Prepared]:
    """Fences, priors and what stands for null; constants and near-copies are left out."""
    prepared: list[Prepared] = []
    columns: list[Array] = []
    for name in MODEL:
        one = _learn_one(name, informed)
        values = one.values(informed[name], informed[EVIDENCE])
        if values.var() <= MIN_VARIANCE:
            continue
        if any(abs(np.corrcoef(values, other)[0, 1]) > MAX_CORRELATION for other in columns):
            continue
        prepared.append(one)
        columns.append(values)
    return prepared


def _learn_one(name: str, informed: Mapping[str, Array]) -> Prepared:
    raw, evidence = informed[name], informed[EVIDENCE]
    transform, null, is_rate = MODEL[name]
    filler = float(np.nanmedian(raw)) if null == "median" else 0.0
    free = Prepared(name, filler, transform)
    lower, upper = np.percentile(free.values(raw, evidence), PERCENTILES)
    if lower < upper:
        free = replace(free, lower=float(lower), upper=float(upper))
    if not is_rate:
        return free
    prior = float(free.values(raw, evidence).mean())
    return replace(free, prior=prior, prior_events=PRIOR_EVENTS)
