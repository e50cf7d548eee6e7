"""`segment_changes`: who entered and who left a segment since an earlier run, and who is held
back from a campaign so that its effect can be measured."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.outputs.exports.layout import ReportTable

ENTERED, LEFT = "entered", "left"
_STEPS = 1_000_000

SEGMENT_CHANGES = ReportTable(
    "segment_changes",
    """customer_id string, change string, segment_id int, segment string, other_segment_id int,
    other_segment string, campaign string, is_control boolean, previous_run_date date,
    run_date date""",
    key=("customer_id", "change"),
    indexes=(("segment_id", "change"),),
)


@dataclass(frozen=True)
class Campaign:
    """What is done with who moved between two run dates: its label, and the share held back."""

    since: date
    run_date: date
    label: str
    control_share: float


def rows(before: DataFrame, after: DataFrame, campaign: Campaign) -> DataFrame:
    """One row a customer x change, of who isn't in the segment of the earlier run any more.

    Both frames have `customer_id`, `segment_id` and `segment_name`. Who moved has two rows: left
    the one, entered the other (`other_segment`, null for who joined or is gone). Both rows of a
    customer are of one group: `is_control` depends on the id and the campaign's label alone.
    """
    was = before.select("customer_id", _segment().alias("was"))
    is_ = after.select("customer_id", _segment().alias("is"))
    moved = was.join(is_, "customer_id", how="full").where(
        ~F.col("was.segment_id").eqNullSafe(F.col("is.segment_id"))
    )
    both = F.array(_change(LEFT, "was", "is"), _change(ENTERED, "is", "was"))
    return (
        moved.select("customer_id", F.inline(both))
        .where(F.col("segment_id").isNotNull())
        .withColumns(
            {
                "campaign": F.lit(campaign.label),
                "is_control": is_control(campaign),
                "previous_run_date": F.lit(campaign.since),
                "run_date": F.lit(campaign.run_date),
            }
        )
    )


def is_control(campaign: Campaign) -> Column:
    """Whether a customer is held back: by a hash, so the same at any time and on any machine.

    The label is part of it, or the same customers would be held back from every campaign.
    """
    step = F.pmod(F.xxhash64(F.lit(campaign.label), F.col("customer_id")), F.lit(_STEPS))
    return step < round(campaign.control_share * _STEPS)


def _segment() -> Column:
    return F.struct("segment_id", F.col("segment_name").alias("segment"))


def _change(name: str, own: str, other: str) -> Column:
    return F.struct(
        F.lit(name).alias("change"),
        F.col(own)["segment_id"].alias("segment_id"),
        F.col(own)["segment"].alias("segment"),
        F.col(other)["segment_id"].alias("other_segment_id"),
        F.col(other)["segment"].alias("other_segment"),
    )
