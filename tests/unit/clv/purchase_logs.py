"""Logs of purchases (customer, UTC day, amount) and their parts, to test lifetime value."""

import math
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import lifetimes
import numpy as np
import polars as pl

from custseg_spark.core.clv import fitting, histories, holdout
from custseg_spark.core.clv.counts import PurchaseCounts, merged, purchase_counts
from custseg_spark.core.clv.fitting import ClvModel
from custseg_spark.core.sampling import hash_step

AS_OF = date(2021, 3, 1)
BEGIN = date(2020, 3, 1)
# Read as files: the library's own loader needs a setuptools of before 2026.
DATASETS = Path(lifetimes.__file__).parent / "datasets"

Purchase = tuple[str, date, str]
# x, t_x, age and m.
History = tuple[int, int, int, float | None]


def session_parts(rows: Iterable[tuple[str, date, int, str]]) -> pl.DataFrame:
    """The parts of (customer, day, purchases, amount), of the columns that histories read."""
    schema = {
        "customer_id": pl.String,
        "session_date": pl.Date,
        "purchase_count": pl.Int64,
        "purchase_amount": pl.String,
    }
    frame = pl.DataFrame(list(rows), schema, orient="row")
    return frame.with_columns(pl.col("purchase_amount").cast(pl.Decimal(28, 4)))


def parts_of(log: Iterable[Purchase]) -> pl.DataFrame:
    """A part a purchase."""
    return session_parts((who, day, 1, amount) for who, day, amount in log)


def simulated(seed: int, buyers: int, days: int = 365) -> list[Purchase]:
    """Buyers who live as the models have it, over the days before AS_OF."""
    rng = np.random.default_rng(seed)
    log: list[Purchase] = []
    for number in range(buyers):
        rate, chance = rng.gamma(0.9, 1 / 40), rng.beta(0.8, 2.4)
        scale = rng.gamma(3.74, 1 / 15.44)
        at = float(rng.integers(days))
        while at < days:
            day = AS_OF - timedelta(days=days - math.floor(at))
            log.append((f"c{number}", day, f"{rng.gamma(6.25, 1 / scale):.2f}"))
            at = math.inf if rng.random() < chance else at + rng.exponential(1 / rate)
    return log


def expected_histories(log: Iterable[Purchase], end: date) -> dict[str, History]:
    """The oracle: the history of each buyer before `end`."""
    days: dict[str, dict[date, Decimal]] = {}
    for who, day, amount in log:
        if day < end:
            spends = days.setdefault(who, {})
            spends[day] = spends.get(day, Decimal(0)) + Decimal(amount)
    rows: dict[str, History] = {}
    for who, spends in days.items():
        first, last, x = min(spends), max(spends), len(spends) - 1
        repeat = sum(spends.values()) - spends[first]
        m = float(repeat) / x if x else None
        rows[who] = (x, (last - first).days, (end - first).days, m)
    return rows


def buckets_of(parts: pl.DataFrame, buckets: int) -> list[pl.DataFrame]:
    """The parts by bucket of customers; a bucket without customers is an empty frame."""
    bucket = hash_step("customer_id") % buckets
    return [parts.filter(bucket == number) for number in range(buckets)]


def fit_in_buckets(
    parts: pl.DataFrame, buckets: int = 1, max_spend_buyers: int = 200_000
) -> ClvModel:
    """The models as of AS_OF, as a run makes them: counts, the fit, a second pass for deciles."""
    days = holdout.holdout_days(histories.first_purchase_day(parts, as_of=AS_OF), AS_OF)
    cutoff = AS_OF - timedelta(days=days)
    days_of = [histories.purchase_days(bucket, AS_OF) for bucket in buckets_of(parts, buckets)]
    split = [histories.histories_of_days(own, as_of=AS_OF, cutoff=cutoff) for own in days_of]
    sent = [
        purchase_counts(
            bucket, max_spend_buyers=max_spend_buyers, days=histories.counted_days(own)
        ).frame()
        for bucket, own in zip(split, days_of, strict=True)
    ]
    counts = merged(map(PurchaseCounts.of_frame, sent), max_spend_buyers=max_spend_buyers)
    model = fitting.fit(
        counts,
        as_of=AS_OF,
        holdout_days=days,
        min_repeat_buyers=50,
        monthly_discount_rate=0.01,
    )
    fitted = model.held_out_fitted
    if fitted is None:
        return model
    values = [holdout.held_out_values(bucket, fitted) for bucket in split]
    return model.with_deciles(holdout.merged_values(values))
