"""Build buyers' purchase histories from session parts.

A purchase is a UTC day with at least one purchase event. Its spend is gross of returns and net of
discounts. Time is in days.
"""

from datetime import date

import polars as pl

_HISTORY = ("x", "t_x", "age", "m")


def split_histories(parts: pl.DataFrame, *, as_of: date, cutoff: date) -> pl.DataFrame:
    """Return one row per buyer before `as_of` (exclusive, UTC).

    `parts` must hold all parts of their customers. x: purchase days after the first; t_x: days from
    the first to the last; age: days from the first to `as_of`, at least 1; m: mean spend of the x
    days, free ones included, null where x is 0. `cut_x`, `cut_t_x`, `cut_age` and `cut_m` are the
    history before `cutoff`, null for buyers whose first purchase is later. `held_out_purchases` and
    `held_out_spend` (an exact decimal, four places) cover the purchase days from the cutoff on.
    Rows are in the order of the buyers' first purchase days.
    """
    return histories_of_days(purchase_days(parts, as_of), as_of=as_of, cutoff=cutoff)


def histories_of_days(days: pl.DataFrame, *, as_of: date, cutoff: date) -> pl.DataFrame:
    """Return the `split_histories` of buyers' `purchase_days`."""
    is_before = pl.col("day") < cutoff
    marked = days.sort("day", maintain_order=True).with_columns(
        cut_day=pl.when(is_before).then("day"), cut_spend=pl.when(is_before).then("spend")
    )
    totals = marked.group_by("customer_id", maintain_order=True).agg(
        first_day=pl.col("day").first(),
        first_spend=pl.col("spend").first(),
        days=pl.col("day").count().cast(pl.Int32),
        last_day=pl.col("day").last(),
        spend=pl.col("spend").sum(),
        cut_days=pl.col("cut_day").count().cast(pl.Int32),
        cut_last_day=pl.col("cut_day").max(),
        cut_spend=pl.col("cut_spend").sum(),
    )
    return totals.select(
        "customer_id",
        *_history(as_of),
        *_history(cutoff, "cut_"),
        held_out_purchases=pl.col("days") - pl.col("cut_days"),
        held_out_spend=pl.col("spend") - pl.col("cut_spend"),
    )


def purchase_history(parts: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Return one row per buyer before `as_of`: `customer_id`, x, t_x, age and m of
    `split_histories`.
    """
    histories = split_histories(parts, as_of=as_of, cutoff=as_of)
    return histories.select("customer_id", *_HISTORY)


def first_purchase_day(parts: pl.DataFrame, *, as_of: date) -> date | None:
    """Return the earliest UTC day with a purchase before `as_of`; None if nobody bought."""
    first = parts.lazy().filter(_is_purchase(as_of)).select(pl.col("session_date").min()).collect()
    day: date | None = first.item()
    return day


def _is_purchase(as_of: date) -> pl.Expr:
    return (pl.col("purchase_count") > 0) & (pl.col("session_date") < as_of)


def purchase_days(parts: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return one row per buyer and UTC day with a purchase before `as_of`; `spend` is an exact
    decimal.
    """
    purchases = parts.lazy().filter(_is_purchase(as_of)).collect()
    days = purchases.group_by(
        "customer_id", pl.col("session_date").alias("day"), maintain_order=True
    )
    return days.agg(spend=pl.col("purchase_amount").cast(pl.Decimal(38, 4)).sum())


def counted_days(days: pl.DataFrame) -> pl.DataFrame:
    """Count buyers' `purchase_days` by day: `firsts`, and `repeats` of those who bought before."""
    is_first = pl.col("day") == pl.col("day").min().over("customer_id")
    marked = days.select("day", first=is_first.cast(pl.Int64), repeat=(~is_first).cast(pl.Int64))
    return marked.group_by("day").agg(firsts=pl.col("first").sum(), repeats=pl.col("repeat").sum())


def _history(end: date, prefix: str = "") -> list[pl.Expr]:
    """Compute x, t_x, age and m up to `end` from the totals; null for a buyer without days."""
    days, first = pl.col(f"{prefix}days"), pl.col("first_day")
    x = pl.when(days > 0).then(days - 1)
    repeat_spend = pl.col(f"{prefix}spend") - pl.col("first_spend")
    columns = {
        "x": x,
        "t_x": _days(pl.col(f"{prefix}last_day") - first),
        "age": pl.when(days > 0).then(_days(pl.lit(end) - first)),
        "m": pl.when(days > 1).then(repeat_spend.cast(pl.Float64) / x),
    }
    return [column.alias(f"{prefix}{name}") for name, column in columns.items()]


def _days(duration: pl.Expr) -> pl.Expr:
    return duration.dt.total_days().cast(pl.Int32)
