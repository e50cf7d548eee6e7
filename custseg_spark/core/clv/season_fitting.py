"""Find the season of repeat purchases, and decide whether the log bears it out.

Each month is compared with the purchases that the model expects of the buyers of that time, not
with other months. So growth is no season, and neither is one spring in which all buyers came.
"""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from custseg_spark.core.clv import estimation
from custseg_spark.core.clv.estimation import Fit
from custseg_spark.core.clv.models import BgNbd
from custseg_spark.core.clv.seasonal_time import MONTHS, Clock, Season, months_of

# A month that occurs once can't be distinguished from a trend.
LEAST_DAYS = 730
# Each month is smoothed as if it had so many more purchases at the expected rate.
_PRIOR_PURCHASES = 10.0
_ROUNDS = 5


@dataclass(frozen=True)
class SeasonalFit:
    """BG/NBD in the time of `clock` (plain days without a confirmed season), and in days."""

    purchases: Fit[BgNbd]
    clock: Clock
    plain: Fit[BgNbd]


def fit_seasonal(histories: pl.DataFrame, days: pl.DataFrame, end: date) -> SeasonalFit:
    """Fit BG/NBD with and without a season, and keep the one with the better BIC.

    `histories` have x, t_x, age (days before `end`) and buyers; `days` have `day`, `firsts` and
    `repeats`, the first and the repeat purchases of each day before `end`. The log-likelihood
    refers to days, even with a season.
    """
    plain_clock = Clock(None, end)
    plain = _fit(histories, plain_clock)
    first = days["day"].min()
    if plain.model is None or not isinstance(first, date) or (end - first).days < LEAST_DAYS:
        return SeasonalFit(plain, plain_clock, plain)
    season, fit = Season((1.0,) * MONTHS), plain
    for _ in range(_ROUNDS):
        assert fit.model is not None
        season = _renewed(season, fit.model, days, end)
        fit = _fit(histories, Clock(season, end))
        if fit.model is None:
            return SeasonalFit(plain, plain_clock, plain)
    gain = _log_likelihood(fit, season, days) - (plain.log_likelihood or 0.0)
    repeats = int(days["repeats"].sum())
    if gain <= (MONTHS - 1) / 2 * math.log(max(repeats, 2)):
        return SeasonalFit(plain, plain_clock, plain)
    seasonal = Fit(fit.model, _log_likelihood(fit, season, days), fit.note)
    return SeasonalFit(seasonal, Clock(season, end), plain)


def _fit(histories: pl.DataFrame, clock: Clock) -> Fit[BgNbd]:
    x, t_x, age, buyers = (
        histories[name].cast(pl.Float64).to_numpy() for name in ("x", "t_x", "age", "buyers")
    )
    return estimation.fit_bg_nbd(x, *clock.history(t_x, age), buyers)


def _log_likelihood(fit: Fit[BgNbd], season: Season, days: pl.DataFrame) -> float:
    """Return the log-likelihood in days: seasonal time's, with the intensity of each purchase
    day."""
    repeats, month = days["repeats"].to_numpy(), days["day"].dt.month().to_numpy() - 1
    stretch = repeats * np.log(np.array(season.months))[month]
    return (fit.log_likelihood or 0.0) + float(stretch.sum())


def _renewed(season: Season, model: BgNbd, days: pl.DataFrame, end: date) -> Season:
    """Return the season with which the model expects each month's actual repeat purchases."""
    expected = expected_repeats(season, model, days, end)
    actual = np.bincount(days["day"].dt.month().to_numpy() - 1, days["repeats"].to_numpy(), MONTHS)
    raised = np.array(season.months) * (actual + _PRIOR_PURCHASES) / (expected + _PRIOR_PURCHASES)
    # Of a year without a leap day.
    weights = np.bincount(months_of(date(2001, 1, 1), 365), minlength=MONTHS) / 365
    return Season(tuple(float(m) for m in raised / (raised * weights).sum()))


def expected_repeats(season: Season, model: BgNbd, days: pl.DataFrame, end: date) -> np.ndarray:
    """Return the repeat purchases that the model expects in each calendar month, over all years."""
    begin = days["day"].min()
    assert isinstance(begin, date)
    length = (end - begin).days
    months = months_of(begin, length)
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(months)) + 1, [length]])
    reached = np.concatenate([[0.0], np.cumsum(season.of_days(begin, length))])
    came = days.filter(pl.col("firsts") > 0)
    first = (came["day"] - begin).dt.total_days().to_numpy()
    # Cohorts x bounds of months: the time since a cohort came, 0 before.
    since = np.maximum(reached[bounds][None, :] - reached[first][:, None], 0)
    purchases = model.expected_from_start(since)
    of_month = (np.diff(purchases, axis=1) * came["firsts"].to_numpy()[:, None]).sum(axis=0)
    return np.bincount(months[bounds[:-1]], of_month, MONTHS)
