"""The lifetime models of a run date, of merged counts: the fits, the hold-out, the outcome."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl

from custseg_spark.core.clv import estimation, holdout
from custseg_spark.core.clv.counts import PurchaseCounts
from custseg_spark.core.clv.estimation import Fit
from custseg_spark.core.clv.holdout import HoldOut
from custseg_spark.core.clv.models import BgNbd, GammaGamma
from custseg_spark.core.clv.scoring import FittedModels


@dataclass(frozen=True)
class Fits:
    """Both models of one period, or why there are none.

    `spend_buyers` is how many repeat buyers the spend model learned from, `observed_spend` the
    mean of their repeat purchase days, `spend_error` what not learning from all of them costs
    (`estimation.sampling_error`).
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
        notes = {"": self.note, "purchases: ": self.purchases.note, "spend: ": self.spend.note}
        return [kind + note for kind, note in notes.items() if note]

    def models(self, monthly_discount_rate: float) -> FittedModels:
        """What scores buyers."""
        return FittedModels(
            self.purchases.model, self.spend.model, self.observed_spend, monthly_discount_rate
        )


@dataclass(frozen=True)
class ClvModel:
    """The models of one run date and how such models did on the hold-out."""

    buyers: int
    repeat_buyers: int
    fits: Fits
    holdout_days: int
    held_out: HoldOut
    held_out_fits: Fits
    monthly_discount_rate: float

    @property
    def fitted(self) -> FittedModels:
        """What scores buyers as of the run date: for `scoring.clv_columns`."""
        return self.fits.models(self.monthly_discount_rate)

    @property
    def held_out_fitted(self) -> FittedModels | None:
        """What scores buyers as of the cutoff: for `holdout.held_out_values`. None: no deciles."""
        fitted = self.held_out_fits.models(self.monthly_discount_rate)
        return fitted if fitted.purchases and fitted.spend else None

    @property
    def converged(self) -> bool:
        """Whether both models did, so that every buyer has all the columns."""
        return self.fits.purchases.model is not None and self.fits.spend.model is not None

    @property
    def why(self) -> str:
        """What didn't converge and the reason, and what else a reader should know; or nothing."""
        late = [f"hold-out: {self.held_out.note}"] if self.held_out.note else []
        return "; ".join([*self.fits.notes, *late])

    def with_deciles(self, values: pl.DataFrame) -> "ClvModel":
        """The same with the deciles of `holdout.merged_values` of all buckets."""
        return replace(self, held_out=replace(self.held_out, deciles=holdout.deciles(values)))

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


def fit(
    counts: PurchaseCounts,
    *,
    as_of: date,
    holdout_days: int,
    min_repeat_buyers: int,
    monthly_discount_rate: float,
) -> ClvModel:
    """The models of the purchases before `as_of`, and how such models do on a hold-out.

    `counts` are merged over all buckets, of histories split `holdout_days` before `as_of`
    (`holdout.holdout_days`): models of the purchases before the cutoff foretell those after it.
    The deciles come with a second pass: `ClvModel.with_deciles`.
    """
    if not counts.buyers:
        nobody = Fits(note=f"nobody bought before {as_of}")
        return ClvModel(0, 0, nobody, 0, HoldOut(), Fits(), monthly_discount_rate)
    fits = _fits(counts.histories, counts.spends, counts.spend_share, min_repeat_buyers)
    held_out_fits = Fits()
    if holdout_days:
        spends = counts.spends.select(x="cut_x", m="cut_m")
        held_out_fits = _fits(counts.held_out, spends, 1.0, min_repeat_buyers)
    return ClvModel(
        counts.buyers,
        counts.repeat_buyers,
        fits,
        holdout_days,
        _evaluated(held_out_fits, counts.held_out, holdout_days),
        held_out_fits,
        monthly_discount_rate,
    )


def _fits(
    histories: pl.DataFrame, spends: pl.DataFrame, share: float, min_repeat_buyers: int
) -> Fits:
    """The models of counted histories and of the spends (x and m) of a share of the buyers."""
    repeat_buyers = int(histories.filter(pl.col("x") > 0)["buyers"].sum())
    if repeat_buyers < min_repeat_buyers:
        needed = f"{min_repeat_buyers} needed (clv.min_repeat_buyers)"
        return Fits(note=f"{repeat_buyers} repeat buyers, {needed}")
    purchases = estimation.fit_bg_nbd(*_arrays(histories, ("x", "t_x", "age", "buyers")))
    # Gamma-Gamma knows no spend of 0.
    x, m = _arrays(spends.filter((pl.col("x") > 0) & (pl.col("m") > 0)), ("x", "m"))
    if len(x) < min_repeat_buyers:
        note = f"{len(x)} repeat buyers with a spend above 0, {min_repeat_buyers} needed"
        return Fits(purchases, Fit(note=note), len(x))
    spend = estimation.fit_gamma_gamma(x, m)
    error = estimation.sampling_error(spend.model, x, m, share) if spend.model else None
    return Fits(purchases, spend, len(x), estimation.observed_spend(x, m), error)


def _evaluated(fits: Fits, held_out: pl.DataFrame, days: int) -> HoldOut:
    if not days:
        return HoldOut(note="less than 3 days since the first purchase, too few to hold some out")
    notes = "; ".join(fits.notes)
    if fits.purchases.model is None:
        return HoldOut(note=notes)
    return holdout.evaluate(held_out, fits.purchases.model, days, notes)


def _arrays(frame: pl.DataFrame, names: Sequence[str]) -> list[np.ndarray]:
    return [frame[name].cast(pl.Float64).to_numpy() for name in names]
