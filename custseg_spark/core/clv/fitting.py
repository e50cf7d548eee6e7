"""Fit the lifetime models of a run date to merged counts, and evaluate them on a hold-out."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from custseg_spark.core.clv import estimation, holdout
from custseg_spark.core.clv.counts import PurchaseCounts
from custseg_spark.core.clv.estimation import Fit
from custseg_spark.core.clv.holdout import HoldOut
from custseg_spark.core.clv.models import BgNbd, GammaGamma
from custseg_spark.core.clv.scoring import FittedModels
from custseg_spark.core.clv.season_fitting import fit_seasonal
from custseg_spark.core.clv.seasonal_time import Clock


@dataclass(frozen=True)
class Fits:
    """The purchase and the spend model of one period, or the reasons why they are missing.

    `spend_buyers` is the number of repeat buyers that the spend model learned from,
    `observed_spend` the mean spend of their repeat purchase days, `spend_error` the relative error
    of learning from a sample of them (`estimation.sampling_error`). `clock` is the purchase model's
    time, None for plain days; `plain` is the model in days.
    """

    purchases: Fit[BgNbd] = field(default_factory=Fit)
    spend: Fit[GammaGamma] = field(default_factory=Fit)
    spend_buyers: int = 0
    observed_spend: float = 0.0
    spend_error: float | None = None
    note: str = ""
    clock: Clock | None = None
    plain: BgNbd | None = None

    @property
    def months(self) -> tuple[float, ...] | None:
        """The intensity of each month; None without a season."""
        return self.clock.season.months if self.clock and self.clock.season else None

    @property
    def notes(self) -> list[str]:
        """List the models that didn't converge, with reasons, and other facts for the reader."""
        notes = {"": self.note, "purchases: ": self.purchases.note, "spend: ": self.spend.note}
        return [kind + note for kind, note in notes.items() if note]

    def models(self, monthly_discount_rate: float) -> FittedModels:
        """Return the models that score buyers."""
        return FittedModels(
            self.purchases.model,
            self.spend.model,
            self.observed_spend,
            monthly_discount_rate,
            self.clock,
        )


@dataclass(frozen=True)
class ClvModel:
    """The models of one run date, and how well such models predicted the hold-out.

    `plain_error` is the error of a model without a season on the hold-out.
    """

    buyers: int
    repeat_buyers: int
    fits: Fits
    holdout_days: int
    held_out: HoldOut
    held_out_fits: Fits
    monthly_discount_rate: float
    plain_error: float | None = None

    @property
    def fitted(self) -> FittedModels:
        """Return the models that score buyers as of the run date, for `scoring.clv_columns`."""
        return self.fits.models(self.monthly_discount_rate)

    @property
    def held_out_fitted(self) -> FittedModels | None:
        """Return the models that score buyers as of the cutoff, for `holdout.held_out_values`.

        None if there are no deciles.
        """
        fitted = self.held_out_fits.models(self.monthly_discount_rate)
        return fitted if fitted.purchases and fitted.spend else None

    @property
    def converged(self) -> bool:
        """Whether both models converged, so that every buyer has all columns."""
        return self.fits.purchases.model is not None and self.fits.spend.model is not None

    @property
    def why(self) -> str:
        """Join the notes of both periods; empty if there are none."""
        late = [f"hold-out: {self.held_out.note}"] if self.held_out.note else []
        return "; ".join([*self.fits.notes, *late])

    def with_deciles(self, values: pl.DataFrame) -> "ClvModel":
        """Add the deciles of `holdout.merged_values` of all buckets."""
        return replace(self, held_out=replace(self.held_out, deciles=holdout.deciles(values)))

    def row(self, run_date: date) -> tuple[object, ...]:
        """Return the row of `clv_models`: alpha in days, v in the source's currency."""
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
            list(self.fits.months) if self.fits.months else None,
            self.held_out.error,
            self.plain_error,
        )


def fit(
    counts: PurchaseCounts,
    *,
    as_of: date,
    holdout_days: int,
    min_repeat_buyers: int,
    monthly_discount_rate: float,
    seasonal: bool = True,
) -> ClvModel:
    """Fit the models of purchases before `as_of`, and evaluate such models on a hold-out.

    `counts` are merged over all buckets, with histories split `holdout_days` before `as_of`
    (`holdout.holdout_days`). Models of the purchases before that cutoff predict the later ones.
    Deciles need a second pass: `ClvModel.with_deciles`. With `seasonal`, look for a season too
    (`season_fitting`).
    """
    if not counts.buyers:
        nobody = Fits(note=f"nobody bought before {as_of}")
        return ClvModel(0, 0, nobody, 0, HoldOut(), Fits(), monthly_discount_rate)
    days = counts.days if seasonal else counts.days.clear()
    fits = _fits(
        counts.histories, counts.spends, counts.spend_share, min_repeat_buyers, days, as_of
    )
    held_out_fits = Fits()
    cutoff = as_of - timedelta(days=holdout_days)
    if holdout_days:
        spends = counts.spends.select(x="cut_x", m="cut_m")
        before = days.filter(pl.col("day") < cutoff)
        held_out_fits = _fits(counts.held_out, spends, 1.0, min_repeat_buyers, before, cutoff)
    held_out = _evaluated(held_out_fits, counts.held_out, holdout_days)
    plain = replace(held_out_fits, purchases=Fit(held_out_fits.plain), clock=None)
    return ClvModel(
        counts.buyers,
        counts.repeat_buyers,
        fits,
        holdout_days,
        held_out,
        held_out_fits,
        monthly_discount_rate,
        _evaluated(plain, counts.held_out, holdout_days).error,
    )


def _fits(
    histories: pl.DataFrame,
    spends: pl.DataFrame,
    share: float,
    min_repeat_buyers: int,
    days: pl.DataFrame,
    end: date,
) -> Fits:
    """Fit both models to counted histories and to the spends (x and m) of a share of the buyers.

    `days` are the counted purchases of each day before `end`; without any, no season is looked for.
    """
    repeat_buyers = int(histories.filter(pl.col("x") > 0)["buyers"].sum())
    if repeat_buyers < min_repeat_buyers:
        needed = f"{min_repeat_buyers} needed (clv.min_repeat_buyers)"
        return Fits(note=f"{repeat_buyers} repeat buyers, {needed}")
    season = fit_seasonal(histories, days, end)
    fits = Fits(season.purchases, clock=season.clock, plain=season.plain.model)
    # Gamma-Gamma is defined for a spend above 0 only.
    x, m = _arrays(spends.filter((pl.col("x") > 0) & (pl.col("m") > 0)), ("x", "m"))
    if len(x) < min_repeat_buyers:
        note = f"{len(x)} repeat buyers with a spend above 0, {min_repeat_buyers} needed"
        return replace(fits, spend=Fit(note=note), spend_buyers=len(x))
    spend = estimation.fit_gamma_gamma(x, m)
    error = estimation.sampling_error(spend.model, x, m, share) if spend.model else None
    return replace(
        fits,
        spend=spend,
        spend_buyers=len(x),
        observed_spend=estimation.observed_spend(x, m),
        spend_error=error,
    )


def _evaluated(fits: Fits, held_out: pl.DataFrame, days: int) -> HoldOut:
    if not days:
        return HoldOut(note="less than 3 days since the first purchase, too few to hold some out")
    notes = "; ".join(fits.notes)
    if fits.purchases.model is None:
        return HoldOut(note=notes)
    return holdout.evaluate(held_out, fits.purchases.model, days, notes, fits.clock)


def _arrays(frame: pl.DataFrame, names: Sequence[str]) -> list[np.ndarray]:
    return [frame[name].cast(pl.Float64).to_numpy() for name in names]
