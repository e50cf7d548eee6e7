"""How long a customer has been in the segment, and which one came before, from run to run."""

from datetime import date

import polars as pl
import pyarrow as pa

# The columns of the run before that a run's rows of `customer_segments` follow from.
PREVIOUS_COLUMNS = (
    "customer_id",
    "algorithm",
    "segment_id",
    "previous_segment_id",
    "segment_since",
)
TENURE = pa.schema([("previous_segment_id", pa.int32()), ("segment_since", pa.date32())])


def with_tenure(
    rows: pa.Table, previous: pa.Table | None, run_date: date, previous_run_date: date | None
) -> pa.Table:
    """Add the columns of TENURE to rows of `customer_segments`.

    `segment_since` is the run date since which the customer has been in the segment in every run.
    `previous_segment_id` is the segment in the run before that date, null where that run didn't
    have the customer. `previous` has the PREVIOUS_COLUMNS of the same customers in the run of
    `previous_run_date`; None without a previous run. A run of an older version has no
    `segment_since`: its run date counts instead.
    """
    if previous is None:
        added = [pa.nulls(len(rows), pa.int32()), pa.repeat(_day(run_date), len(rows))]
    else:
        added = _continued(rows, previous, run_date, previous_run_date)
    for field, column in zip(TENURE, added, strict=True):
        rows = rows.append_column(field, column)
    return rows


def _continued(
    rows: pa.Table, previous: pa.Table, run_date: date, previous_run_date: date | None
) -> list[pa.Array]:
    keys = ["customer_id", "algorithm"]
    now = pl.DataFrame(pl.from_arrow(rows.select([*keys, "segment_id"])))
    before = pl.DataFrame(pl.from_arrow(previous.select(PREVIOUS_COLUMNS))).rename(
        {"segment_id": "last", "previous_segment_id": "earlier", "segment_since": "since"}
    )
    joined = now.join(before, on=keys, how="left", maintain_order="left")
    has_stayed = pl.col("segment_id") == pl.col("last")
    since = pl.col("since").fill_null(previous_run_date)
    tenures = joined.select(
        pl.when(has_stayed).then("earlier").otherwise("last").alias("previous_segment_id"),
        pl.when(has_stayed).then(since).otherwise(pl.lit(run_date)).alias("segment_since"),
    )
    return [tenures[field.name].to_arrow().cast(field.type) for field in TENURE]


def _day(day: date) -> pa.Scalar:
    return pa.scalar(day, pa.date32())
