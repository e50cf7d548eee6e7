"""What the fits need of all buyers, counted a bucket of customers and added up in any order.

Equal histories are one row. The spend of repeat buyers comes as pairs of numbers, of a sample
where there are more than `max_spend_buyers`. No customer id is kept.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import polars as pl

from custseg_spark.core.sampling import hash_step, sampled_steps

# Beyond this age histories are counted in weeks: a decade of days has millions of distinct ones.
_AGE_IN_WEEKS = 730
_WEEK = 7
_HISTORY = ("x", "t_x", "age")
_SPENDS = ("x", "m", "cut_x", "cut_m")
_KIND = "kind"


@dataclass(frozen=True)
class PurchaseCounts:
    """The counts of some buckets; rows in an order of their own, as sums of doubles follow it.

    `histories`: a row a distinct (x, t_x, age), its `buyers`. `held_out`: the same as of the
    cutoff, and by `held_out_purchases`. `spends`: a row a sampled repeat buyer (x, m, cut_x,
    cut_m, and `step`, the place by which the buyer is drawn).
    """

    histories: pl.DataFrame
    held_out: pl.DataFrame
    spends: pl.DataFrame

    @property
    def buyers(self) -> int:
        """How many bought at all."""
        return int(self.histories["buyers"].sum())

    @property
    def repeat_buyers(self) -> int:
        """How many bought on a second day."""
        return int(self.histories.filter(pl.col("x") > 0)["buyers"].sum())

    @property
    def spend_share(self) -> float:
        """The share of the repeat buyers that `spends` has."""
        return len(self.spends) / max(1, self.repeat_buyers)

    def frame(self) -> pl.DataFrame:
        """All three in one frame, to be sent from a task: their columns and `kind`."""
        tables = {table.name: getattr(self, table.name) for table in fields(self)}
        named: list[pl.DataFrame] = [
            rows.with_columns(pl.lit(kind).alias(_KIND)) for kind, rows in tables.items()
        ]
        return pl.concat(named, how="diagonal")

    @classmethod
    def of_frame(cls, frame: pl.DataFrame) -> "PurchaseCounts":
        """The counts that `frame()` put together."""
        return cls(
            _of_kind(frame, "histories", (*_HISTORY, "buyers")),
            _of_kind(frame, "held_out", (*_HISTORY, "held_out_purchases", "buyers")),
            _of_kind(frame, "spends", (*_SPENDS, "step")),
        )


def purchase_counts(histories: pl.DataFrame, *, max_spend_buyers: int) -> PurchaseCounts:
    """The counts of a bucket's `split_histories`.

    `spends` are those of the bucket's own sample, which has all that `merged` may draw.
    """
    repeat_buyers = histories.filter(pl.col("x") > 0)
    spends = repeat_buyers.select(*_SPENDS, step=hash_step("customer_id"))
    counts = PurchaseCounts(
        counted(histories), counted(histories, "cut_", ("held_out_purchases",)), spends
    )
    return _drawn(counts, max_spend_buyers)


def merged(buckets: Iterable[PurchaseCounts], *, max_spend_buyers: int) -> PurchaseCounts:
    """The counts of all buckets together; the same rows for any buckets, in any order.

    At least one bucket. Merged counts may be merged again.
    """
    counts = list(buckets)
    whole = PurchaseCounts(
        _added(pl.concat([bucket.histories for bucket in counts])),
        _added(pl.concat([bucket.held_out for bucket in counts])),
        pl.concat([bucket.spends for bucket in counts]),
    )
    return _drawn(whole, max_spend_buyers)


def counted(histories: pl.DataFrame, prefix: str = "", further: Sequence[str] = ()) -> pl.DataFrame:
    """One row a distinct (x, t_x, age, `further` columns): the `buyers` that have it.

    Without a history (x null) nobody is counted. Above 730 days of age both times are rounded to
    whole weeks, so that the rows are bounded by the calendar and the purchases a buyer makes, not
    by the number of buyers.
    """
    x, t_x, age = (pl.col(f"{prefix}{name}") for name in _HISTORY)

    def rounded(days: pl.Expr) -> pl.Expr:
        weeks = (days + _WEEK // 2) // _WEEK * _WEEK
        return pl.when(age > _AGE_IN_WEEKS).then(weeks).otherwise(days)

    rows = histories.filter(x.is_not_null()).select(
        x.alias("x"), rounded(t_x).alias("t_x"), rounded(age).alias("age"), *further
    )
    return _added(rows.with_columns(buyers=pl.lit(1, pl.Int64)))


def _added(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a distinct history, its `buyers` added up; sorted."""
    keys = [name for name in rows.columns if name != "buyers"]
    return rows.group_by(keys).agg(pl.col("buyers").sum()).sort(keys)


def _drawn(counts: PurchaseCounts, max_spend_buyers: int) -> PurchaseCounts:
    """The counts, their `spends` cut to the sample of so many repeat buyers, and sorted."""
    steps = sampled_steps(max_spend_buyers, counts.repeat_buyers)
    sample = counts.spends.filter(pl.col("step") < steps)
    ordered = sample.sort(*_SPENDS, "step", nulls_last=True)
    return PurchaseCounts(counts.histories, counts.held_out, ordered)


def _of_kind(frame: pl.DataFrame, kind: str, columns: Sequence[str]) -> pl.DataFrame:
    return frame.filter(pl.col(_KIND) == kind).select(columns)
