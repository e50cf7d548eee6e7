"""`segment_changes`: customers who entered or left a segment since an earlier run.

Some of them are held back from a campaign, so that its effect can be measured.
"""

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
    """A campaign for customers who moved between two run dates: its label and control share."""

    since: date
    run_date: date
    label: str
    control_share: float


def rows(before: DataFrame, after: DataFrame, campaign: Campaign) -> DataFrame:
    """Return one row per customer and change, for customers who left their earlier segment.

    Both frames have `customer_id`, `segment_id` and `segment_name`. A customer who moved has two
    rows: left one segment, entered the other (`other_segment`, null for customers who joined or are
    gone). Both rows are in one group: `is_control` depends on the id and the campaign's label
    alone.
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
    """Whether a customer is held back, by a hash: the same at any time and on any machine.

    The hash includes the label, so that each campaign holds back other customers.
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
