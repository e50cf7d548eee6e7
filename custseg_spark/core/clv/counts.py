"""Count buyers' histories per bucket of customers; the counts add up in any order.

Equal histories are one row. Repeat buyers' spend is kept as pairs of numbers, for a sample if there
are more than `max_spend_buyers`. No customer id is kept.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields

import polars as pl

from custseg_spark.core.sampling import hash_step, sampled_steps

# Beyond this age histories are counted in weeks: a decade of days has millions of distinct ones.
_AGE_IN_WEEKS = 730
_WEEK = 7
_HISTORY = ("x", "t_x", "age")
_SPENDS = ("x", "m", "cut_x", "cut_m")
_NO_DAYS = pl.DataFrame(schema={"day": pl.Date, "firsts": pl.Int64, "repeats": pl.Int64})
_KIND = "kind"


@dataclass(frozen=True)
class PurchaseCounts:
    """Counts of some buckets. The rows have a fixed order, because sums of doubles depend on it.

    `histories`: one row per distinct (x, t_x, age), with its `buyers`. `held_out`: the same rows as
    of the cutoff, also by `held_out_purchases`. `spends`: one row per sampled repeat buyer (x, m,
    cut_x, cut_m, and `step`, the hash by which buyers are drawn). `days`: one row per day with a
    purchase, its `firsts` and `repeats`.
    """

    histories: pl.DataFrame
    held_out: pl.DataFrame
    spends: pl.DataFrame
    days: pl.DataFrame = field(default_factory=_NO_DAYS.clone)

    @property
    def buyers(self) -> int:
        """The number of buyers."""
        return int(self.histories["buyers"].sum())

    @property
    def repeat_buyers(self) -> int:
        """The number of buyers with purchases on more than one day."""
        return int(self.histories.filter(pl.col("x") > 0)["buyers"].sum())

    @property
    def spend_share(self) -> float:
        """The share of repeat buyers that are in `spends`."""
        return len(self.spends) / max(1, self.repeat_buyers)

    def frame(self) -> pl.DataFrame:
        """Concatenate the frames, with a column `kind`, to send them from a task."""
        tables = {table.name: getattr(self, table.name) for table in fields(self)}
        named: list[pl.DataFrame] = [
            rows.with_columns(pl.lit(kind).alias(_KIND)) for kind, rows in tables.items()
        ]
        return pl.concat(named, how="diagonal")

    @classmethod
    def of_frame(cls, frame: pl.DataFrame) -> "PurchaseCounts":
        """Rebuild the counts from `frame()`."""
        return cls(
            _of_kind(frame, "histories", (*_HISTORY, "buyers")),
            _of_kind(frame, "held_out", (*_HISTORY, "held_out_purchases", "buyers")),
            _of_kind(frame, "spends", (*_SPENDS, "step")),
            _of_kind(frame, "days", tuple(_NO_DAYS.columns)),
        )


def purchase_counts(
    histories: pl.DataFrame, *, max_spend_buyers: int, days: pl.DataFrame = _NO_DAYS
) -> PurchaseCounts:
    """Count the `split_histories` of one bucket; `days` are its `counted_days`.

    `spends` is the bucket's own sample; it contains every buyer that `merged` may draw.
    """
    repeat_buyers = histories.filter(pl.col("x") > 0)
    spends = repeat_buyers.select(*_SPENDS, step=hash_step("customer_id"))
    counts = PurchaseCounts(
        counted(histories), counted(histories, "cut_", ("held_out_purchases",)), spends, days
    )
    return _drawn(counts, max_spend_buyers)


def merged(buckets: Iterable[PurchaseCounts], *, max_spend_buyers: int) -> PurchaseCounts:
    """Merge the counts of several buckets (at least one).

    The result is the same for any buckets in any order. Merged counts may be merged again.
    """
    counts = list(buckets)
    whole = PurchaseCounts(
        _added(pl.concat([bucket.histories for bucket in counts])),
        _added(pl.concat([bucket.held_out for bucket in counts])),
        pl.concat([bucket.spends for bucket in counts]),
        pl.concat([bucket.days for bucket in counts]),
    )
    return _drawn(whole, max_spend_buyers)


def counted(histories: pl.DataFrame, prefix: str = "", further: Sequence[str] = ()) -> pl.DataFrame:
    """Count the `buyers` of each distinct (x, t_x, age, `further` columns).

    Rows without a history (x null) are left out. Above 730 days of age, both times are rounded to
    whole weeks. So the calendar and the number of purchases bound the rows, not the number of
    buyers.
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
    """Add up the `buyers` of each distinct history; sorted."""
    keys = [name for name in rows.columns if name != "buyers"]
    return rows.group_by(keys).agg(pl.col("buyers").sum()).sort(keys)


def _drawn(counts: PurchaseCounts, max_spend_buyers: int) -> PurchaseCounts:
    """Cut `spends` to the sample of `max_spend_buyers`, and sort all frames."""
    steps = sampled_steps(max_spend_buyers, counts.repeat_buyers)
    sample = counts.spends.filter(pl.col("step") < steps)
    ordered = sample.sort(*_SPENDS, "step", nulls_last=True)
    days = counts.days.group_by("day").agg(pl.col("firsts", "repeats").sum()).sort("day")
    return PurchaseCounts(counts.histories, counts.held_out, ordered, days)


def _of_kind(frame: pl.DataFrame, kind: str, columns: Sequence[str]) -> pl.DataFrame:
    return frame.filter(pl.col(_KIND) == kind).select(columns)
