"""Stays of customers in segments over many runs: entries, exits and re-entries.

A stay is an unbroken row of published runs in which a customer is in one segment.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

ENTERED, LEFT = "entered", "left"
_CUSTOMER = "customer_id"
# What is read of each run.
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
    """Return CHANGES rows: who left the stay of the run of `since`, and who entered that of the
    last run.

    `history` has the HISTORY columns of whole customers, `run_dates` are the dates of all runs up
    to the last, ascending. A customer who moved has two rows; one who left and came back, too: then
    both name one segment, and the second is a re-entry. A row's dates are those of its stay:
    `entered_on` its first run, `left_on` the first run after it, null where it goes on.
    """
    stays = _stays(history, run_dates)
    was = stays.filter(run_date=since).drop("run_date")
    is_ = stays.filter(run_date=run_dates[-1]).drop("run_date")
    both = was.join(is_, on=_CUSTOMER, how="full", coalesce=True, suffix="_now")
    moved = both.filter(~pl.col("stay").eq_missing(pl.col("stay_now")))
    rows = [_rows(moved, LEFT, "", "_now"), _rows(moved, ENTERED, "_now", "")]
    return pl.concat(rows).sort(_CUSTOMER, "change")


def _rows(moved: pl.DataFrame, change: str, own: str, other: str) -> pl.DataFrame:
    made = moved.filter(pl.col(f"segment_id{own}").is_not_null()).select(
        _CUSTOMER,
        pl.lit(change).alias("change"),
        pl.col(f"segment_id{own}").alias("segment_id"),
        pl.col(f"segment_name{own}").alias("segment"),
        pl.col(f"segment_id{other}").alias("other_segment_id"),
        pl.col(f"segment_name{other}").alias("other_segment"),
        pl.col(f"entered_on{own}").alias("entered_on"),
        pl.col(f"left_on{own}").alias("left_on"),
        pl.col(f"is_reentry{own}").alias("is_reentry"),
    )
    return made.cast(pl.Schema(CHANGES))


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
    # The first run that is left may go on with a stay of runs that are gone, or another lake's.
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
