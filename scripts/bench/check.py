"""Whether a peer did the same work: equal features, and clusters as tight as ours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from sklearn.cluster import KMeans

from bench import clustering
from bench.clustering import EVIDENCE, MODEL, Prepared, Segmentation
from bench.ours import Published, published, values
from bench.shop import FEATURES

TOLERANCE, COST_TOLERANCE = 1e-9, 0.01
# One start may end in a poor optimum, ours as theirs: what is possible is the best of ten.
STARTS, FIT_CUSTOMERS = 10, 200_000

Column = Callable[[str], np.ndarray]


@dataclass(frozen=True)
class Checked:
    """What a comparison found; no `problems`: the same work.

    The costs are the peer's divided by ours, at our k, over the customers that models learn from,
    in the space of our model: of the peer's own single start, and of the best of ten starts.
    """

    columns: int
    customers: int
    k: int
    cost_of_one_start: float
    cost_of_ten_starts: float
    problems: tuple[str, ...]


def unequal(name: str, ours: np.ndarray, theirs: np.ndarray) -> str | None:
    """What is wrong with a column, customer by customer in one order; None where it is equal.

    Numbers are equal within TOLERANCE (NaN, for null, to itself), text and integers as they are.
    """
    if "f" not in ours.dtype.kind + theirs.dtype.kind:
        same = ours == theirs
    else:
        same = np.isclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if same.all():
        return None
    row = int(np.flatnonzero(~same)[0])
    return f"{name}: {(~same).sum():,} customers differ, the first {ours[row]} and {theirs[row]}"


def differences(ours: Column, theirs: Column, names: Sequence[str]) -> list[str]:
    """What differs between two feature tables, each a function from a name to its column.

    Both have a row a customer, in any order; column by column, so that two columns fill the memory.
    """
    own, other = (table("customer_id").astype(np.int64) for table in (ours, theirs))
    if len(own) != len(other):
        return [f"customers: {len(own):,} and {len(other):,}"]
    own_order, other_order = own.argsort(), other.argsort()
    if (own[own_order] != other[other_order]).any():
        return ["customers: other ids"]
    found = (unequal(n, ours(n)[own_order], theirs(n)[other_order]) for n in names)
    return [problem for problem in found if problem]


def cost(points: np.ndarray, labels: np.ndarray) -> float:
    """The squared distances of the points to the means of their clusters, summed."""
    parts = [points[labels == label] for label in np.unique(labels)]
    return float(sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts))


def compare(lake: Path, out: Path) -> Checked:
    """A peer's output against the lake of our run on the same log."""
    ours_published, parquet = published(lake), pq.ParquetFile(out / "segments.parquet")

    def theirs(name: str) -> np.ndarray:
        return values(parquet.read(columns=[name])[name])

    problems = differences(ours_published.column, theirs, FEATURES)
    if any(problem.startswith("customers") for problem in problems):
        return Checked(
            len(FEATURES), parquet.metadata.num_rows, ours_published.k, 0, 0, tuple(problems)
        )
    one, ten = _costs(ours_published, Segmentation.load(out / "model.json"))
    if abs(ten - 1) > COST_TOLERANCE:
        problems.append(
            f"cost at k = {ours_published.k}: {ten - 1:+.1%} with the best of {STARTS} starts"
        )
    customers = parquet.metadata.num_rows
    return Checked(len(FEATURES), customers, ours_published.k, one, ten, tuple(problems))


def _costs(published_run: Published, peer: Segmentation) -> tuple[float, float]:
    """The costs of the peer's one start and of its best of ten, as shares of ours."""
    events = published_run.column(EVIDENCE)
    is_known = events >= clustering.informed_bar(events.astype(np.int64))
    informed = {name: published_run.column(name)[is_known] for name in (*MODEL, EVIDENCE)}
    points = _scaled(informed, published_run.prepared)
    ids, labels = published_run.labels()
    # Features and segments are tables of their own, each in its order.
    place = ids.astype(np.int64).argsort()
    informed_ids = published_run.column("customer_id").astype(np.int64)[is_known]
    ours = labels[place][np.searchsorted(ids.astype(np.int64)[place], informed_ids)]
    matrix = clustering.matrix(informed, peer.prepared, peer.scales)
    rows = np.random.default_rng(clustering.SEED).permutation(len(matrix))[:FIT_CUSTOMERS]
    best = KMeans(published_run.k, n_init=STARTS, random_state=clustering.SEED).fit(matrix[rows])
    our_cost = cost(points, ours)
    one, ten = peer.labels(informed, published_run.k), best.predict(matrix)
    return cost(points, one) / our_cost, cost(points, ten) / our_cost


def _scaled(informed: dict[str, np.ndarray], prepared: Sequence[Prepared]) -> np.ndarray:
    """The space of our model: prepared features divided by their standard deviations."""
    columns = [one.values(informed[one.name], informed[EVIDENCE]) for one in prepared]
    return np.column_stack([column / column.std(ddof=1) for column in columns])
