"""Lifetime value models of a run date: histories counted in tasks, fitted on the driver."""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
import pyarrow as pa

from custseg_spark.config.settings import ClvConfig
from custseg_spark.core.clv import fitting, holdout
from custseg_spark.core.clv.counts import PurchaseCounts, merged, purchase_counts
from custseg_spark.core.clv.fitting import ClvModel
from custseg_spark.core.clv.histories import (
    counted_days,
    first_purchase_day,
    histories_of_days,
    purchase_days,
    split_histories,
)
from custseg_spark.core.clv.scoring import FittedModels
from custseg_spark.engine.partitions import Portions

PURCHASE_COLUMNS = ("customer_id", "session_date", "purchase_count", "purchase_amount")


def fit(parts: Portions, as_of: date, config: ClvConfig) -> ClvModel:
    """Fit the models of purchases before `as_of`, and evaluate such models on a hold-out."""
    first_days = parts.map(_FirstPurchase(as_of), ("session_date", "purchase_count", "customer_id"))
    first = min((day for day in first_days if day is not None), default=None)
    days = holdout.holdout_days(first, as_of)
    cutoff = as_of - timedelta(days=days)
    counted = parts.map(_Counts(as_of, cutoff, config.max_spend_buyers), PURCHASE_COLUMNS)
    if not counted:
        counted = [_Counts(as_of, cutoff, config.max_spend_buyers)(_NOBODY)]
    counts = merged(
        [PurchaseCounts.of_frame(frame) for frame in counted],
        max_spend_buyers=config.max_spend_buyers,
    )
    model = fitting.fit(
        counts,
        as_of=as_of,
        holdout_days=days,
        min_repeat_buyers=config.min_repeat_buyers,
        monthly_discount_rate=config.monthly_discount_rate,
        seasonal=config.seasonal,
    )
    fitted = model.held_out_fitted
    if fitted is None:
        return model
    values = parts.map(_HeldOut(as_of, cutoff, fitted), PURCHASE_COLUMNS)
    return model.with_deciles(holdout.merged_values(values))


_NOBODY = pa.table(
    {
        "customer_id": pa.array([], pa.string()),
        "session_date": pa.array([], pa.date32()),
        "purchase_count": pa.array([], pa.int64()),
        "purchase_amount": pa.array([], pa.decimal128(28, 4)),
    }
)


@dataclass(frozen=True)
class _FirstPurchase:
    as_of: date

    def __call__(self, parts: pa.Table) -> date | None:
        return first_purchase_day(pl.DataFrame(pl.from_arrow(parts)), as_of=self.as_of)


@dataclass(frozen=True)
class _Counts:
    as_of: date
    cutoff: date
    max_spend_buyers: int

    def __call__(self, parts: pa.Table) -> pl.DataFrame:
        days = purchase_days(pl.DataFrame(pl.from_arrow(parts)), self.as_of)
        return purchase_counts(
            histories_of_days(days, as_of=self.as_of, cutoff=self.cutoff),
            max_spend_buyers=self.max_spend_buyers,
            days=counted_days(days),
        ).frame()


@dataclass(frozen=True)
class _HeldOut:
    as_of: date
    cutoff: date
    fitted: FittedModels

    def __call__(self, parts: pa.Table) -> pl.DataFrame:
        histories = split_histories(
            pl.DataFrame(pl.from_arrow(parts)), as_of=self.as_of, cutoff=self.cutoff
        )
        return holdout.held_out_values(histories, self.fitted)
