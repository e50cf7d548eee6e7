"""Stays of customers in segments over many runs: entries, exits and re-entries.

A stay is an unbroken row of published runs in which a customer is in one segment.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

ENTERED, LEFT = "entered", "left"
_CUSTOMER = "customer_id"
# The columns that are read of each run.
HISTORY = {
    _CUSTOMER: pl.String(),
    "run_date": pl.Date(),
    "segment_id": pl.Int32(),
    "segment_name": pl.String(),
    "segment_since": pl.Date(),
}
CHANGES = {
    _CUSTOMER: pl.String(),
    "change": pl.String(),
    "segment_id": pl.Int32(),
    "segment": pl.String(),
    "other_segment_id": pl.Int32(),
    "other_segment": pl.String(),
    "entered_on": pl.Date(),
    "left_on": pl.Date(),
    "is_reentry": pl.Boolean(),
}


def changes(history: pl.DataFrame, run_dates: Sequence[date], since: date) -> pl.DataFrame:
    """Return CHANGES rows: who left a stay of the run of `since`, who entered one of the last run.

    `history` has the HISTORY columns of whole customers, `run_dates` are the dates of all runs up
    to the last, ascending. A customer who moved has two rows. So has one who left and came back:
    both rows name one segment, and the second is a re-entry. A row's dates are those of its stay:
    `entered_on` its first run, `left_on` the first run after it, null where it goes on.
    """
    stays = _stays(history, run_dates)
    stays_then = stays.filter(run_date=since).drop("run_date")
    stays_now = stays.filter(run_date=run_dates[-1]).drop("run_date")
    both = stays_then.join(stays_now, on=_CUSTOMER, how="full", coalesce=True, suffix="_now")
    moved = both.filter(~pl.col("stay").eq_missing(pl.col("stay_now")))
    rows = [_rows(moved, LEFT, "", "_now"), _rows(moved, ENTERED, "_now", "")]
    return pl.concat(rows).sort(_CUSTOMER, "change")


def _rows(moved: pl.DataFrame, change: str, suffix: str, other_suffix: str) -> pl.DataFrame:
    rows = moved.filter(pl.col(f"segment_id{suffix}").is_not_null()).select(
        _CUSTOMER,
        pl.lit(change).alias("change"),
        pl.col(f"segment_id{suffix}").alias("segment_id"),
        pl.col(f"segment_name{suffix}").alias("segment"),
        pl.col(f"segment_id{other_suffix}").alias("other_segment_id"),
        pl.col(f"segment_name{other_suffix}").alias("other_segment"),
        pl.col(f"entered_on{suffix}").alias("entered_on"),
        pl.col(f"left_on{suffix}").alias("left_on"),
        pl.col(f"is_reentry{suffix}").alias("is_reentry"),
    )
    return rows.cast(pl.Schema(CHANGES))


def _stays(history: pl.DataFrame, run_dates: Sequence[date]) -> pl.DataFrame:
    """Return each customer and run with its stay: number, dates, whether it is a re-entry."""
    runs = pl.DataFrame({"run_date": run_dates}, {"run_date": pl.Date()}).with_row_index("run")
    rows = history.join(runs, on="run_date").sort(_CUSTOMER, "run")
    key, run = pl.struct(_CUSTOMER, "segment_id"), pl.col("run").cast(pl.Int64)
    goes_on = (key == key.shift()) & (run == run.shift() + 1)
    rows = rows.with_columns(stay=(~goes_on.fill_null(value=False)).cum_sum())
    stays = rows.group_by("stay", maintain_order=True).agg(
        pl.col(_CUSTOMER, "segment_id", "run_date", "segment_since").first(),
        pl.col("run").first().alias("first"),
        pl.col("run").last().alias("last"),
    )
    # The oldest run in the lake may continue a stay that began in a deleted run or another lake.
    began_earlier = (pl.col("first") == 0) & (pl.col("segment_since") < pl.col("run_date"))
    after = pl.Series([*run_dates[1:], None], dtype=pl.Date())
    number = pl.int_range(pl.len()).over(_CUSTOMER, "segment_id")
    dated = stays.select(
        "stay",
        pl.when(began_earlier).then("segment_since").otherwise("run_date").alias("entered_on"),
        pl.lit(after).gather(pl.col("last")).alias("left_on"),
        (number > 0).alias("is_reentry"),
    )
    return rows.drop("run", "segment_since").join(dated, on="stay", maintain_order="left")
