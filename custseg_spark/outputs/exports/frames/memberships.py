"""`segment_memberships`: how far a customer belongs to each segment of a Gaussian mixture."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.outputs.exports.layout import ReportTable, Run

SEGMENT_MEMBERSHIPS = ReportTable(
    "segment_memberships",
    """customer_id string, segment_id int, segment string, membership double, is_own boolean,
    run_date date""",
    key=("customer_id", "segment_id"),
    indexes=(("segment_id",),),
)


def rows(run: Run) -> DataFrame:
    """Return one row per customer and segment; none for an algorithm without memberships.

    A customer's memberships add up to 1.
    """
    exploded = run.segments.select(
        "customer_id",
        F.col("segment_id").alias("own"),
        F.explode("memberships").alias("segment_id", "membership"),
    )
    names = run.named.select("segment_id", F.col("segment_name").alias("segment"))
    return exploded.join(names, "segment_id", how="left").withColumns(
        {"is_own": F.col("segment_id") == F.col("own"), "run_date": F.lit(run.run_date)}
    )
