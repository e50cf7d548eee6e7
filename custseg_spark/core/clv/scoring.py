"""Score buyers with fitted models: expected purchases, chance to be alive, spend of a year."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from custseg_spark.core.clv.columns import CLV_DOCS
from custseg_spark.core.clv.models import BgNbd, GammaGamma
from custseg_spark.core.clv.seasonal_time import Clock

MONTH_DAYS = 30
MONTHS = 12
_QUARTER = 3


@dataclass(frozen=True)
class FittedModels:
    """The models to score with; None for one that didn't converge.

    `observed_spend`, the mean over the fitted repeat purchase days, replaces an infinite expected
    spend (q at most 1).
    """

    purchases: BgNbd | None
    spend: GammaGamma | None
    observed_spend: float
    monthly_discount_rate: float
    clock: Clock | None = None


def clv_columns(history: pl.DataFrame, fitted: FittedModels) -> pl.DataFrame:
    """Return one row per buyer of a `purchase_history`, in its order: `customer_id` and the
    CLV_DOCS columns.

    All three are null without a purchase model, `clv_12m` also without a spend model.
    """
    return history.select("customer_id").with_columns(**_columns(history, fitted))


def clv_12m(history: pl.DataFrame, fitted: FittedModels) -> pl.Series:
    """Return the column `clv_12m` of `clv_columns`; needs no `customer_id`."""
    return _columns(history, fitted)["clv_12m"]


def _columns(history: pl.DataFrame, fitted: FittedModels) -> dict[str, pl.Series]:
    """Compute the columns of CLV_DOCS; null where no number could be computed.

    The computation is elementwise: no row of a batch depends on another.
    """
    scores = _scores(history, fitted)
    nothing = np.full(len(history), np.nan)
    return {
        name: pl.Series(name, scores.get(name, nothing), pl.Float64, nan_to_null=True)
        for name in CLV_DOCS
    }


def _scores(history: pl.DataFrame, fitted: FittedModels) -> dict[str, np.ndarray]:
    """Compute the columns that have a model."""
    model = fitted.purchases
    if model is None:
        return {}
    x, t_x, age = (history[name].cast(pl.Float64).to_numpy() for name in ("x", "t_x", "age"))
    months: list[float] = [MONTH_DAYS * month for month in range(1, MONTHS + 1)]
    if fitted.clock is not None:
        t_x, age = fitted.clock.history(t_x, age)
        months = [fitted.clock.ahead(MONTH_DAYS * month) for month in range(1, MONTHS + 1)]
    scores = {"p_alive": model.p_alive(x, t_x, age)}
    discounted, before = np.zeros(len(x)), np.zeros(len(x))
    for month, expected in enumerate(model.expected_purchases_by(months, x, t_x, age), start=1):
        if month == _QUARTER:
            scores["expected_purchases_90d"] = expected
        discounted += (expected - before) / (1 + fitted.monthly_discount_rate) ** month
        before = expected
    if fitted.spend is not None:
        scores["clv_12m"] = discounted * _spend(history, x, fitted.spend, fitted.observed_spend)
    return scores


def _spend(
    history: pl.DataFrame, x: np.ndarray, model: GammaGamma, observed_spend: float
) -> np.ndarray:
    """Return the expected spend per purchase day, or the observed one where that is infinite."""
    mean_spend = np.fmax(history["m"].to_numpy(), 0)
    spend = model.expected_spend(x, mean_spend)
    return np.where(np.isfinite(spend), spend, observed_spend)
