"""The lifetime value of buyers, the driver's side: what is collected, the fits, the outcome.

Histories come to the driver counted, equal ones once; the spend of repeat buyers as pairs of
numbers, of a sample where there are more than `clv.max_spend_buyers`. No customer id does.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.config.settings import ClvConfig
from custseg_spark.features import clv, lifetime
from custseg_spark.features.clv import Fitted
from custseg_spark.features.lifetime import BgNbd, Fit, GammaGamma
from custseg_spark.models import holdout
from custseg_spark.models.holdout import HoldOut
from custseg_spark.models.layout import in_sample

LONGEST_HOLDOUT_DAYS = 90


@dataclass(frozen=True)
class Fits:
    """Both models of one period, or why there are none.

    `spend_buyers` is how many repeat buyers the spend model learned from, `observed_spend` the
    mean of their repeat purchase days, `spend_error` what not learning from all of them costs
    (`lifetime.sampling_error`).
    """

    purchases: Fit[BgNbd] = field(default_factory=Fit)
    spend: Fit[GammaGamma] = field(default_factory=Fit)
    spend_buyers: int = 0
    observed_spend: float = 0.0
    spend_error: float | None = None
    note: str = ""

    @property
    def notes(self) -> list[str]:
        """What didn't converge and the reason, and what else a reader should know."""
        said = {"": self.note, "purchases: ": self.purchases.note, "spend: ": self.spend.note}
        return [kind + note for kind, note in said.items() if note]


@dataclass(frozen=True)
class ClvModel:
    """The models of one run date and how such models did on the hold-out."""

    buyers: int
    repeat_buyers: int
    fits: Fits
    holdout_days: int
    held_out: HoldOut
    monthly_discount_rate: float

    @property
    def fitted(self) -> Fitted:
        """What scores buyers: for `clv.clv_columns`."""
        return _fitted(self.fits, self.monthly_discount_rate)

    @property
    def converged(self) -> bool:
        """Whether both models did, so that every buyer has all the columns."""
        return self.fits.purchases.model is not None and self.fits.spend.model is not None

    @property
    def why(self) -> str:
        """What didn't converge and the reason, and what else a reader should know; or nothing."""
        late = [f"hold-out: {self.held_out.note}"] if self.held_out.note else []
        return "; ".join([*self.fits.notes, *late])

    def row(self, run_date: date) -> tuple[object, ...]:
        """The row of `clv_models`: alpha in days, v in the source's currency."""
        purchases, spend = self.fits.purchases, self.fits.spend
        return (
            run_date,
            self.buyers,
            self.repeat_buyers,
            self.converged,
            self.why,
            *(astuple(purchases.model) if purchases.model else (None,) * 4),
            purchases.log_likelihood,
            *(astuple(spend.model) if spend.model else (None,) * 3),
            spend.log_likelihood,
            self.fits.spend_buyers,
            self.fits.spend_error,
            self.holdout_days,
            list(self.held_out.calibration),
            self.held_out.gini,
            list(self.held_out.deciles),
        )


def fit(sessions: DataFrame, as_of: date, config: ClvConfig) -> ClvModel:
    """The models of the purchases before `as_of`, and how such models do on a hold-out.

    Hold-out: the last 90 days, or a third of the days since the first purchase where that is
    less; models of what was bought before foretell it.
    """
    rate = config.monthly_discount_rate
    first = _first_purchase_day(sessions, as_of)
    if first is None:
        return ClvModel(0, 0, Fits(note=f"nobody bought before {as_of}"), 0, HoldOut(), rate)
    days = min(LONGEST_HOLDOUT_DAYS, (as_of - first).days // 3)
    # Four jobs read it.
    histories = clv.split_history(
        sessions, as_of=as_of, cutoff=as_of - timedelta(days=days)
    ).persist()
    try:
        counts = _collected(clv.counted(histories))
        buyers, repeat_buyers = int(counts["buyers"].sum()), _repeat_buyers(counts)
        spends, share = _spends(histories, repeat_buyers, config.max_spend_buyers)
        fits = _fits(counts, spends, share, config)
        held_out = _hold_out(histories, spends, days, config)
    finally:
        histories.unpersist()
    return ClvModel(buyers, repeat_buyers, fits, days, held_out, rate)


def _first_purchase_day(sessions: DataFrame, as_of: date) -> date | None:
    bought = (F.col("purchase_count") > 0) & (F.col("session_date") < F.lit(as_of))
    first: date | None = sessions.where(bought).agg(F.min("session_date")).collect()[0][0]
    return first


def _spends(histories: DataFrame, repeat_buyers: int, most: int) -> tuple[pd.DataFrame, float]:
    """x and m of repeat buyers, at the end and at the cutoff, and the share of them collected."""
    drawn = histories.where(F.col("x") > 0)
    if repeat_buyers > most:
        drawn = drawn.where(in_sample(most, repeat_buyers))
    spends = _collected(drawn.select("x", "m", "cut_x", "cut_m"))
    return spends, len(spends) / max(1, repeat_buyers)


def _fits(counts: pd.DataFrame, spends: pd.DataFrame, share: float, config: ClvConfig) -> Fits:
    """The models of counted histories and of collected spends (columns x and m)."""
    repeat_buyers = _repeat_buyers(counts)
    needed = config.min_repeat_buyers
    if repeat_buyers < needed:
        return Fits(note=f"{repeat_buyers} repeat buyers, {needed} needed (clv.min_repeat_buyers)")
    purchases = lifetime.fit_bg_nbd(*_arrays(counts, ("x", "t_x", "age", "buyers")))
    # Gamma-Gamma knows no spend of 0.
    x, m = _arrays(spends[(spends["x"] > 0) & (spends["m"] > 0)], ("x", "m"))
    if len(x) < needed:
        spend = Fit[GammaGamma](
            note=f"{len(x)} repeat buyers with a spend above 0, {needed} needed"
        )
        return Fits(purchases, spend, len(x))
    spend = lifetime.fit_gamma_gamma(x, m)
    error = lifetime.sampling_error(spend.model, x, m, share) if spend.model else None
    return Fits(purchases, spend, len(x), lifetime.observed_spend(x, m), error)


def _hold_out(histories: DataFrame, spends: pd.DataFrame, days: int, config: ClvConfig) -> HoldOut:
    if not days:
        return HoldOut(note="less than 3 days since the first purchase, too few to hold some out")
    counts = _collected(clv.counted(histories, "cut_", (holdout.PURCHASES,)))
    before = spends[["cut_x", "cut_m"]].set_axis(["x", "m"], axis="columns")
    fits = _fits(counts, before, 1.0, config)
    notes = "; ".join(fits.notes)
    if fits.purchases.model is None:
        return HoldOut(note=notes)
    return holdout.evaluate(
        histories, counts, _fitted(fits, config.monthly_discount_rate), days, notes
    )


def _fitted(fits: Fits, monthly_discount_rate: float) -> Fitted:
    return Fitted(
        fits.purchases.model, fits.spend.model, fits.observed_spend, monthly_discount_rate
    )


def _collected(frame: DataFrame) -> pd.DataFrame:
    """A frame on the driver, its rows in an order of their own: sums depend on it."""
    return frame.toPandas().sort_values(list(frame.columns), ignore_index=True)


def _repeat_buyers(counts: pd.DataFrame) -> int:
    return int(counts.loc[counts["x"] > 0, "buyers"].sum())


def _arrays(frame: pd.DataFrame, names: Sequence[str]) -> list[np.ndarray]:
    return [frame[name].to_numpy(dtype=float) for name in names]
