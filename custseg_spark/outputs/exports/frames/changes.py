"""`segment_changes`: customers who entered or left a segment since an earlier run.

Some of them are held back from a campaign, so that its effect can be measured.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.core.segments import stays
from custseg_spark.core.segments.stays import HISTORY
from custseg_spark.engine.spark import tasks
from custseg_spark.outputs.exports.layout import ReportTable

_STEPS = 1_000_000
_SEGMENTS = """customer_id string, change string, segment_id int, segment string,
    other_segment_id int, other_segment string"""
_DATES = "entered_on date, left_on date, is_reentry boolean"

SEGMENT_CHANGES = ReportTable(
    "segment_changes",
    f"""{_SEGMENTS}, campaign string, is_control boolean, previous_run_date date, run_date date,
    {_DATES}""",
    key=("customer_id", "change"),
    indexes=(("segment_id", "change"),),
)


@dataclass(frozen=True)
class Campaign:
    """A campaign for customers who moved between two run dates: its label and control share."""

    since: date
    run_date: date
    label: str
    control_share: float


def rows(segments: DataFrame, run_dates: Sequence[date], campaign: Campaign) -> DataFrame:
    """Return one row per customer and change, for customers who left their earlier segment.

    `segments` has the HISTORY columns of every run of `run_dates`: all up to the campaign's run
    date, ascending. A customer who moved has two rows: left one segment, entered the other
    (`other_segment`, null for customers who joined or are gone). Both rows are in one group:
    `is_control` depends on the id and the campaign's label alone.
    """
    history = segments.select(*HISTORY).join(_moved(segments, campaign), "customer_id", "left_semi")
    kernel = _Changed(tuple(run_dates), campaign.since)
    changed = tasks.map_partitions(
        history.repartition("customer_id"), kernel, f"{_SEGMENTS}, {_DATES}"
    )
    return changed.withColumns(
        {
            "campaign": F.lit(campaign.label),
            "is_control": is_control(campaign),
            "previous_run_date": F.lit(campaign.since),
            "run_date": F.lit(campaign.run_date),
        }
    )


def is_control(campaign: Campaign) -> Column:
    """Whether a customer is held back, by a hash: the same at any time and on any machine.

    The hash includes the label, so that each campaign holds back other customers.
    """
    step = F.pmod(F.xxhash64(F.lit(campaign.label), F.col("customer_id")), F.lit(_STEPS))
    return step < round(campaign.control_share * _STEPS)


def _moved(segments: DataFrame, campaign: Campaign) -> DataFrame:
    """Return the customers who moved, joined, are gone, or may have left and come back."""
    was, is_ = (
        segments.where(F.col("run_date") == F.lit(day)).select(
            "customer_id",
            F.col("segment_id").alias(name),
            F.col("segment_since").alias(f"{name}_since"),
        )
        for day, name in ((campaign.since, "was"), (campaign.run_date, "is"))
    )
    came_back = F.coalesce(F.col("is_since") > F.lit(campaign.since), F.lit(False))
    is_other = ~F.col("was").eqNullSafe(F.col("is"))
    return (
        was.join(is_, "customer_id", how="full").where(is_other | came_back).select("customer_id")
    )


@dataclass(frozen=True)
class _Changed:
    """Whole customers' history to the rows of their changes."""

    run_dates: tuple[date, ...]
    since: date

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
        history = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(list(batches))))
        changes = stays.changes(history.cast(pl.Schema(HISTORY)), self.run_dates, self.since)
        yield changes.to_arrow().cast(_CHANGED_ROWS)


_CHANGED_ROWS = pa.schema(
    [
        *((n, pa.string()) for n in ("customer_id", "change")),
        ("segment_id", pa.int32()),
        ("segment", pa.string()),
        ("other_segment_id", pa.int32()),
        ("other_segment", pa.string()),
        ("entered_on", pa.date32()),
        ("left_on", pa.date32()),
        ("is_reentry", pa.bool_()),
    ]
)
