"""Drift: how far the customers of this run are from those of the previous one.

Population stability index: the sum over bins of (a - e) ln(a / e), e and a being the shares of
the earlier and this run's customers in a bin. The bins are the deciles of the earlier run; a bin
that is empty in one run counts as half a customer, so that the logarithm exists.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.settings import DriftConfig
from custseg_spark.models.layout import in_sample
from custseg_spark.models.scan import reduce

SAME, WATCH, REFIT = "same", "watch", "refit"
FEATURE, SEGMENTS = "feature", "segments"

# For the deciles only; the shares are of all customers.
_SAMPLE = 50_000
_BINS = 10
_EMPTY = 0.5
_NAMED = 3


@dataclass(frozen=True)
class Bin:
    """Shares of customers up to `upper` (included) and above the bin before.

    The last bin's `upper` is infinite; that of the customers without a value is None.
    """

    upper: float | None
    previous_share: float
    share: float


@dataclass(frozen=True)
class Drift:
    """The population stability index of a feature, or of an algorithm's segments by `kind`."""

    kind: str
    name: str
    psi: float
    verdict: str
    bins: tuple[Bin, ...]


def feature_drift(
    previous: DataFrame,
    current: DataFrame,
    names: Sequence[str],
    previous_count: int,
    config: DriftConfig,
) -> list[Drift]:
    """The drift of each feature between two frames with a row a customer and `customer_id`.

    The deciles are those of about 50,000 customers of the earlier run (all, where there are no
    more), chosen by a hash of their id; what equal deciles enclose is one bin, a null one of its
    own. Nothing where either frame is empty. Two jobs.
    """
    edges = _edges(previous, names, previous_count)
    values = F.array(*[F.col(name).cast("double") for name in names]).alias("values")
    scan = previous.select(values, F.lit(0).alias("run")).unionAll(
        current.select(values, F.lit(1).alias("run"))
    )
    total = reduce(scan, lambda x, runs: _counts(x, runs[:, 0], edges))
    # Of no rows at all the sum is a bare 0.
    counts = np.broadcast_to(total, 2 * len(names) * (_BINS + 1)).reshape(2, len(names), -1)
    if not counts.any(axis=2).all():
        return []
    return [
        _drift(FEATURE, name, [*edges[i].tolist(), math.inf, None], counts[:, i], config)
        for i, name in enumerate(names)
    ]


def share_drift(
    name: str, previous: Mapping[int, int], current: Mapping[int, int], config: DriftConfig
) -> Drift:
    """The drift of an algorithm's segments, from their customers by id; a bin's `upper` is the id.

    A segment that isn't there in one run has no customers in it.
    """
    ids = sorted({*previous, *current})
    uppers = [float(i) for i in ids]
    counts = np.array([[run.get(i, 0) for i in ids] for run in (previous, current)], dtype=float)
    return _drift(SEGMENTS, name, uppers, counts, config)


def rows(
    drifts: Sequence[Drift], run_date: date, previous_run_date: date
) -> list[tuple[object, ...]]:
    """Rows of `feature_drift`."""
    return [
        (
            run_date,
            previous_run_date,
            drift.kind,
            drift.name,
            drift.psi,
            drift.verdict,
            [(one.upper, one.previous_share, one.share) for one in drift.bins],
        )
        for drift in drifts
    ]


def needs_refit(
    drifts: Sequence[Drift], model_features: Sequence[str], config: DriftConfig
) -> str | None:
    """In words why a model doesn't fit its customers any more; None where it does."""
    mine = [d for d in drifts if d.kind == FEATURE and d.name in model_features]
    far = sorted((d for d in mine if d.verdict == REFIT), key=lambda d: (-d.psi, d.name))
    if not far:
        return None
    worst = ", ".join(f"{d.name} {d.psi:.2f}" for d in far[:_NAMED])
    more = ", …" if len(far) > _NAMED else ""
    return f"{len(far)} of {len(mine)} features drifted beyond {config.refit:g}: {worst}{more}"


def _edges(previous: DataFrame, names: Sequence[str], count: int) -> list[np.ndarray]:
    """The inner edges of each feature's bins."""
    columns: list[Column] = [F.col(name).cast("double").alias(name) for name in names]
    sampled = previous.where(in_sample(_SAMPLE, max(count, 1))).select(*columns).toPandas()
    return [_deciles(sampled[name].to_numpy(dtype=float)) for name in names]


def _deciles(values: np.ndarray) -> np.ndarray:
    """The distinct ones of the nine values at or below which a tenth, two tenths … of the values
    are; for a constant, edges that set apart what is below it and what is above."""
    values = values[~np.isnan(values)]
    if not values.size:
        return np.empty(0)
    tenths = np.arange(1, _BINS) / _BINS
    edges = np.unique(np.quantile(values, tenths, method="inverted_cdf"))
    if values.min() == values.max():
        edges = np.concatenate([np.nextafter(edges, -np.inf), edges])
    return np.asarray(edges)


def _counts(x: np.ndarray, runs: np.ndarray, edges: Sequence[np.ndarray]) -> np.ndarray:
    """Runs x features x bins, flat: bins by edge, the one above them all, nulls, unused ones."""
    counts = np.zeros((2, len(edges), _BINS + 1))
    for feature, cuts in enumerate(edges):
        column = x[:, feature]
        place = np.searchsorted(cuts, column, side="left")
        place = np.where(np.isnan(column), len(cuts) + 1, place)
        for run in range(2):
            counts[run, feature] = np.bincount(place[runs == run], minlength=_BINS + 1)
    return counts.ravel()


def _drift(
    kind: str,
    name: str,
    uppers: Sequence[float | None],
    counts: np.ndarray,
    config: DriftConfig,
) -> Drift:
    """Of counts by run and bin; a bin that is empty in both runs is none."""
    used = [i for i in range(len(uppers)) if counts[:, i].any()]
    counts = counts[:, used]
    sizes = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    earlier, now = np.maximum(counts, _EMPTY) / sizes
    psi = float(((now - earlier) * np.log(now / earlier)).sum())
    bins = tuple(
        Bin(uppers[i], float(share[0]), float(share[1]))
        for i, share in zip(used, (counts / sizes).T, strict=True)
    )
    return Drift(kind, name, psi, _verdict(psi, config), bins)


def _verdict(psi: float, config: DriftConfig) -> str:
    if psi > config.refit:
        return REFIT
    return SAME if psi < config.watch else WATCH
