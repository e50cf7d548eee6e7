"""RFM scores by shares of the buyers: values of a bucket, cutoffs over all buckets, scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from custseg_spark.core.features import rfm
from custseg_spark.core.features.exact import Ints, Whole, unit_decimals
from custseg_spark.core.features.rfm_groups import RfmGroups, standard_groups
from custseg_spark.core.features.totals import Totals, before

# Quintiles, unless `rfm.bins` says otherwise.
BINS = 5
SCORE_DOCS = {
    "rfm_r": (
        "int",
        "Recency score 1-5, 5 is best: 1 + floor(5 x share of buyers whose last purchase is longer"
        " ago). Equal values have equal scores. 0: never bought. `[rfm]` sets other bins.",
    ),
    "rfm_f": (
        "int",
        "Frequency score 1-5: 1 + floor(5 x share of buyers with fewer orders). 0: never bought.",
    ),
    "rfm_m": (
        "int",
        "Monetary score 1-5: 1 + floor(5 x share of buyers who spent less). 0: never bought.",
    ),
    "rfm_score": ("int", "rfm_r + rfm_f + rfm_m: 3-15 for buyers, 0 for who never bought."),
}
_WHOLE = pl.Decimal(38, 0)
_MONEY = pa.decimal128(28, 4)
_BUYER: dict[str, pl.DataType] = {
    "recency_days": pl.Int64(),
    "frequency": pl.Int64(),
    "monetary": pl.Decimal(28, 4),
}


@dataclass(frozen=True)
class Cutoffs:
    """The values that a buyer must exceed to score 2, 3, 4 and so on; empty without buyers.

    Units: whole days, negated; orders; 1/10,000 of the currency.
    """

    recency: tuple[int, ...] = ()
    frequency: tuple[int, ...] = ()
    monetary: tuple[int, ...] = ()


def buyer_values(parts: pa.Table, as_of: date) -> pl.DataFrame:
    """Return one row per buyer before `as_of`: `recency_days`, `frequency`, `monetary`; without
    ids.

    `parts` are rows of the table `sessions`: all parts of these customers with a purchase or a
    return.
    """
    has_money = pc.or_(pc.greater(parts["purchase_count"], 0), pc.greater(parts["return_count"], 0))
    parts = before(parts.filter(has_money), as_of)
    if not len(parts):
        return pl.DataFrame(schema=_BUYER)
    totals = Totals(parts, as_of)
    orders = rfm.frequency(totals)
    is_buyer = orders > 0
    monetary = unit_decimals(totals.net_spend()[is_buyer], _MONEY)
    columns = (rfm.recency_days(totals)[is_buyer], orders[is_buyer], pl.Series(monetary))
    return pl.DataFrame(dict(zip(_BUYER, columns, strict=True)), schema=_BUYER)


def value_counts(buyers: pl.DataFrame) -> pl.DataFrame:
    """Return one row per score and value of `buyer_values`: `score`, `value`, `customers`.

    Values are whole, as in Cutoffs. `score_cutoffs` adds up the counts of several buckets.
    """
    values = {
        "rfm_r": -buyers["recency_days"],
        "rfm_f": buyers["frequency"],
        "rfm_m": buyers["monetary"].to_physical(),
    }
    return pl.concat(
        pl.DataFrame({"value": value.cast(_WHOLE)})
        .group_by("value")
        .agg(pl.len().cast(pl.Int64).alias("customers"))
        .select(pl.lit(score).alias("score"), "value", "customers")
        for score, value in values.items()
    )


def score_cutoffs(counts: pl.DataFrame, bins: int = BINS) -> Cutoffs:
    """Return the cutoffs of all buyers from the `value_counts` of all buckets.

    The j-th cutoff is the smallest value with at least j / `bins` of the buyers at or below it. So
    a buyer who exceeds it has at least that share strictly below.
    """
    merged = counts.group_by("score", "value").agg(pl.col("customers").sum()).sort("value")
    by_score = (merged.filter(score=score) for score in ("rfm_r", "rfm_f", "rfm_m"))
    return Cutoffs(*(_cutoffs(ascending, bins) for ascending in by_score))


def _cutoffs(ascending: pl.DataFrame, bins: int) -> tuple[int, ...]:
    if ascending.is_empty():
        return ()
    so_far = ascending["customers"].cum_sum().to_numpy()
    # At least the share, in whole numbers: bins x so far >= j x all.
    wanted = np.arange(1, bins) * so_far[-1]
    return tuple(int(ascending["value"][int(at)]) for at in np.searchsorted(bins * so_far, wanted))


def scored(
    totals: Totals, cutoffs: Cutoffs, groups: RfmGroups | None = None
) -> dict[str, pa.Array]:
    """Return the columns of SCORE_DOCS and `rfm_group` (without `groups` the standard ones); 0 and
    Prospects for customers who never bought.
    """
    is_buyer = rfm.frequency(totals) > 0

    def score(value: Whole, to_exceed: Sequence[int]) -> Ints:
        return np.where(is_buyer, 1 + _count_below(value, to_exceed), 0)

    r = score(-rfm.recency_days(totals), cutoffs.recency)
    f = score(rfm.frequency(totals), cutoffs.frequency)
    m = score(totals.net_spend(), cutoffs.monetary)
    scores = dict(zip(SCORE_DOCS, (r, f, m, r + f + m), strict=True))
    columns = {name: pa.array(value, pa.int32()) for name, value in scores.items()}
    return {**columns, "rfm_group": (groups or standard_groups()).of(r, f, m)}


def _count_below(values: Whole, cutoffs: Sequence[int]) -> Ints:
    """Count the cutoffs that each value exceeds."""
    counts = np.zeros(len(values), np.int64)
    for cutoff in cutoffs:
        # numpy compares an integer beyond 64 bits exactly too.
        counts += values > cutoff
    return counts
