"""Sampled customers on the first two principal components, with texts for the pointer."""

from datetime import date

import polars as pl

from custseg_spark.core.sessions.buckets import text_key
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import SEGMENT_POINTS
from custseg_spark.interfaces.dashboard.lake import cached

# With more points a phone's browser stutters.
MOST_POINTS = 4_000
_COLUMNS = ["algorithm", "customer_id", "segment_id", "x", "y"]


@cached(8, "Reading the map …")
def points_of(lake: LakeReader, run_date: date, algorithm: str) -> pl.DataFrame:
    """Return a row per sampled customer: `customer_id`, `segment_id`, `x`, `y`.

    A hash of the id chooses and orders them, so that no segment is drawn over the others.
    """
    rows = pl.DataFrame(pl.from_arrow(lake.rows(SEGMENT_POINTS, _COLUMNS, [run_date])))
    of_algorithm = rows.filter(pl.col("algorithm") == algorithm, pl.col("x", "y").is_finite())
    return (
        of_algorithm.sort(text_key("customer_id"), "customer_id")
        .head(MOST_POINTS)
        .drop("algorithm")
    )
