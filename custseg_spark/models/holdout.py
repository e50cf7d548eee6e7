"""How well lifetime models foretold a hold-out: calibration, ranking, deciles.

From counted histories and from counts by value on the driver; no customer gets there.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.features.clv import Fitted, clv_columns

PURCHASES, SPEND = "held_out_purchases", "held_out_spend"
MOST_PURCHASES = 7
DECILES = 10
# Values nearer to each other than 0.1% count as equal, all below a money's last digit too.
_STEPS_PER_E = 1_000
_LEAST_VALUE = 1e-4


@dataclass(frozen=True)
class HoldOut:
    """How models of the buyers before a cutoff did after it; empty where there were none.

    `calibration`: (repeat purchase days before the cutoff, 7 standing for 7 and more; buyers;
    mean purchase days after it; mean expected ones). `gini`: see `normalised_gini`, of the
    purchase days after it. `deciles`: (1 for the tenth with the highest clv_12m as of the cutoff;
    its buyers; its share of the spend after it; its share of clv_12m).
    """

    calibration: tuple[tuple[int, int, float, float], ...] = ()
    gini: float | None = None
    deciles: tuple[tuple[int, int, float, float], ...] = ()
    note: str = ""


def evaluate(
    histories: DataFrame, counts: pd.DataFrame, fitted: Fitted, days: int, note: str
) -> HoldOut:
    """The hold-out of `days` days: `counts` of it, and `histories` for the deciles.

    `fitted` has a purchase model; without a spend model there are no deciles.
    """
    model = fitted.purchases
    assert model is not None
    x, t_x, age, actual, buyers = (
        counts[name].to_numpy(dtype=float) for name in ("x", "t_x", "age", PURCHASES, "buyers")
    )
    expected = model.expected_purchases(days, x, t_x, age)
    return HoldOut(
        calibration=calibration(x, actual, expected, buyers),
        gini=normalised_gini(expected, actual, buyers),
        deciles=deciles(_by_value(histories, fitted)) if fitted.spend else (),
        note=note,
    )


def calibration(
    x: np.ndarray, actual: np.ndarray, expected: np.ndarray, buyers: np.ndarray
) -> tuple[tuple[int, int, float, float], ...]:
    """One entry a number of repeat purchases that occurs, as `HoldOut` says."""
    bucket = np.minimum(x, MOST_PURCHASES)
    entries = []
    for value in np.unique(bucket):
        weights = np.where(bucket == value, buyers, 0.0)
        means = [float((of * weights).sum() / weights.sum()) for of in (actual, expected)]
        entries.append((int(value), int(weights.sum()), means[0], means[1]))
    return tuple(entries)


def normalised_gini(predicted: np.ndarray, actual: np.ndarray, weights: np.ndarray) -> float | None:
    """Gini of the actual amounts in the order of the predicted ones, over that in their own.

    1: the order is perfect, 0: no better than chance, -1: reversed. Equal predictions share what
    they have. None where the actual amounts don't differ.
    """
    perfect = _gini(actual, actual, weights)
    return _gini(predicted, actual, weights) / perfect if perfect > 0 else None


def deciles(values: pd.DataFrame) -> tuple[tuple[int, int, float, float], ...]:
    """Ten equal groups of the buyers by value, as `HoldOut` says; of none where there is nobody.

    `values` has one row a distinct value, highest first: `buyers`, and their `spend` and `clv`
    together. Buyers of equal value on both sides of a border are shared out evenly.
    """
    ends = np.cumsum(values["buyers"].to_numpy(dtype=float))
    total = int(ends[-1]) if len(ends) else 0
    if not total:
        return ()
    borders = np.array([total * step // DECILES for step in range(DECILES + 1)])
    shares = []
    for name in ("spend", "clv"):
        reached = np.cumsum(values[name].to_numpy(dtype=float))
        at_border = np.interp(borders, [0, *ends], [0, *reached])
        shares.append(np.diff(at_border) / reached[-1] if reached[-1] else np.zeros(DECILES))
    return tuple(
        (step + 1, int(borders[step + 1] - borders[step]), float(spend), float(value))
        for step, (spend, value) in enumerate(zip(*shares, strict=True))
    )


def _gini(order: np.ndarray, amounts: np.ndarray, weights: np.ndarray) -> float:
    """1 - twice the area under the curve of cumulated shares, lowest `order` first."""
    total = (amounts * weights).sum()
    if not total:
        return 0.0
    _, place = np.unique(order, return_inverse=True)
    people = np.bincount(place, weights) / weights.sum()
    had = np.cumsum(np.bincount(place, amounts * weights)) / total
    return float(1 - (people * (had + np.concatenate([[0.0], had[:-1]]))).sum())


def _by_value(histories: DataFrame, fitted: Fitted) -> pd.DataFrame:
    """Buyers before the cutoff by clv_12m, highest first: their number, spend and clv."""
    names = {f"cut_{name}": name for name in ("x", "t_x", "age", "m")}
    before = histories.where(F.col("cut_x").isNotNull()).select(
        *[F.col(old).alias(new) for old, new in names.items()], SPEND
    )
    value = F.greatest(F.col("clv_12m"), F.lit(_LEAST_VALUE))
    return (
        clv_columns(before, fitted, keep=(SPEND,))
        .groupBy(F.floor(F.log(value) * _STEPS_PER_E).alias("step"))
        .agg(
            F.count("*").alias("buyers"),
            F.sum(SPEND).alias("spend"),
            # Decimals, because a sum of doubles depends on the order of adding.
            F.sum(F.col("clv_12m").cast("decimal(38,4)")).alias("clv"),
        )
        .toPandas()
        .sort_values("step", ascending=False)
    )
