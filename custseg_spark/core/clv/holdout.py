"""Measure how well lifetime models predicted a hold-out: calibration, ranking, deciles.

The input is counted histories and counts by value, which add up over buckets of customers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from custseg_spark.core.clv.models import BgNbd
from custseg_spark.core.clv.scoring import FittedModels, clv_12m
from custseg_spark.core.clv.seasonal_time import Clock

LONGEST_HOLDOUT_DAYS = 90
MOST_PURCHASES = 7
DECILES = 10
# Values within 0.1% of each other count as equal, and so do all values below a ten-thousandth.
_STEPS_PER_E = 1_000
_LEAST_VALUE = 1e-4

Entries = tuple[tuple[int, int, float, float], ...]


@dataclass(frozen=True)
class HoldOut:
    """Predictions from before a cutoff compared with what happened after it; empty without buyers.

    `calibration`: (repeat purchase days before the cutoff, 7 standing for 7 and more; buyers; mean
    purchase days after it; mean expected ones). `gini`: see `normalised_gini`, of the purchase days
    after it. `deciles`: (1 for the tenth with the highest clv_12m as of the cutoff; its buyers; its
    share of the spend after it; its share of clv_12m). `error`: by how many purchase days the
    calibration's groups miss the expected number, over all purchase days.
    """

    calibration: Entries = ()
    gini: float | None = None
    deciles: Entries = ()
    note: str = ""
    error: float | None = None


def holdout_days(first_purchase: date | None, as_of: date) -> int:
    """Return the days before `as_of` to hold out: 90, or a third of the days since the first
    purchase.
    """
    if first_purchase is None:
        return 0
    return min(LONGEST_HOLDOUT_DAYS, (as_of - first_purchase).days // 3)


def evaluate(
    held_out: pl.DataFrame, model: BgNbd, days: int, note: str, clock: Clock | None = None
) -> HoldOut:
    """Compute calibration and ranking over a hold-out of `days` days from
    `PurchaseCounts.held_out`. `clock` is the model's time up to the cutoff.
    """
    x, t_x, age, actual, buyers = (
        held_out[name].cast(pl.Float64).to_numpy()
        for name in ("x", "t_x", "age", "held_out_purchases", "buyers")
    )
    horizon = float(days)
    if clock is not None:
        t_x, age = clock.history(t_x, age)
        horizon = clock.ahead(days)
    expected = model.expected_purchases(horizon, x, t_x, age)
    entries = calibration(x, actual, expected, buyers)
    return HoldOut(
        calibration=entries,
        error=calibration_error(entries),
        gini=normalised_gini(expected, actual, buyers),
        note=note,
    )


def calibration(
    x: np.ndarray, actual: np.ndarray, expected: np.ndarray, buyers: np.ndarray
) -> Entries:
    """Return one entry per number of repeat purchases that occurs, as in `HoldOut`."""
    bucket = np.minimum(x, MOST_PURCHASES)
    entries = []
    for value in np.unique(bucket):
        weights = np.where(bucket == value, buyers, 0.0)
        means = [float((of * weights).sum() / weights.sum()) for of in (actual, expected)]
        entries.append((int(value), int(weights.sum()), means[0], means[1]))
    return tuple(entries)


def calibration_error(entries: Entries) -> float | None:
    """Add up how far the groups' purchases are from the expected ones, over all purchases.

    None where nobody bought in the hold-out.
    """
    came = sum(buyers * actual for _, buyers, actual, _ in entries)
    missed = sum(buyers * abs(actual - expected) for _, buyers, actual, expected in entries)
    return missed / came if came else None


def normalised_gini(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> float | None:
    """Divide the Gini of the actual amounts in predicted order by the Gini in their own order.

    1: the order is perfect; 0: no better than chance; -1: reversed. Equal predictions share their
    amounts. None if the actual amounts don't differ.
    """
    perfect = _gini(actual, actual, weights)
    return _gini(predicted, actual, weights) / perfect if perfect > 0 else None


def held_out_values(histories: pl.DataFrame, fitted: FittedModels) -> pl.DataFrame:
    """Group the buyers before the cutoff by their clv_12m as of then, from one bucket's
    `split_histories`.

    One row per distinct value (`step`): `buyers`, and the sums of their held-out `spend` and `clv`
    as exact decimals of four places, so that buckets add up in any order. A null value adds nothing
    to `clv`.
    """
    names = {f"cut_{name}": name for name in ("x", "t_x", "age", "m")}
    before = histories.filter(pl.col("cut_x").is_not_null()).select(
        *[pl.col(cut).alias(name) for cut, name in names.items()], spend="held_out_spend"
    )
    clv = clv_12m(before, fitted)
    worth = np.clip(clv.fill_null(0.0).to_numpy(), _LEAST_VALUE, np.finfo(float).max)
    steps = np.floor(np.log(worth) * _STEPS_PER_E)
    rows = before.select(
        pl.Series("step", steps).cast(pl.Int64),
        pl.lit(1, pl.Int64).alias("buyers"),
        "spend",
        clv.cast(pl.Decimal(38, 4), strict=False).alias("clv"),
    )
    return merged_values([rows])


def merged_values(buckets: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Merge the values of all buckets (at least one), highest first."""
    rows = pl.concat(list(buckets)).group_by("step").agg(pl.col("buyers", "spend", "clv").sum())
    return rows.sort("step", descending=True)


def deciles(values: pl.DataFrame) -> Entries:
    """Split the buyers into ten equal groups by value, as in `HoldOut`; empty without buyers.

    `values` are merged, highest first. Buyers of equal value on both sides of a border are shared
    out evenly.
    """
    ends = np.cumsum(values["buyers"].cast(pl.Float64).to_numpy())
    total = int(ends[-1]) if len(ends) else 0
    if not total:
        return ()
    borders = np.array([total * step // DECILES for step in range(DECILES + 1)])
    shares = []
    for name in ("spend", "clv"):
        reached = np.cumsum(values[name].cast(pl.Float64).to_numpy())
        at_border = np.interp(borders, [0, *ends], [0, *reached])
        shares.append(np.diff(at_border) / reached[-1] if reached[-1] else np.zeros(DECILES))
    return tuple(
        (step + 1, int(borders[step + 1] - borders[step]), float(spend), float(value))
        for step, (spend, value) in enumerate(zip(*shares, strict=True))
    )


def _gini(order: np.ndarray, amounts: np.ndarray, weights: np.ndarray) -> float:
    """Return 1 minus twice the area under the curve of cumulated shares, lowest `order` first."""
    total = (amounts * weights).sum()
    if not total:
        return 0.0
    _, place = np.unique(order, return_inverse=True)
    people = np.bincount(place, weights) / weights.sum()
    had = np.cumsum(np.bincount(place, amounts * weights)) / total
    return float(1 - (people * (had + np.concatenate([[0.0], had[:-1]]))).sum())
