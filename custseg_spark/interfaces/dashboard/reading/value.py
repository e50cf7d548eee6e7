"""The expected value of each segment's buyers, by the run's models of lifetime value."""

from datetime import date

import polars as pl

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, CUSTOMER_SEGMENTS
from custseg_spark.interfaces.dashboard.lake import cached
from custseg_spark.interfaces.dashboard.reading.portions import ranges

VALUES = ("clv_12m", "expected_purchases_90d", "p_alive")


@cached(8, "Adding up what to expect …")
def values_of(lake: LakeReader, run_date: date, algorithm: str) -> pl.DataFrame:
    """Return a row per segment with buyers: `segment_id`, `buyers`, the sum of each of VALUES."""
    parts = []
    for low, high in ranges(lake, run_date):
        labels = lake.rows_of_buckets(
            CUSTOMER_SEGMENTS, run_date, low, high, ["algorithm", "customer_id", "segment_id"]
        )
        rows = lake.rows_of_buckets(
            CUSTOMER_FEATURES, run_date, low, high, ["customer_id", *VALUES]
        )
        segments = pl.DataFrame(pl.from_arrow(labels)).filter(pl.col("algorithm") == algorithm)
        buyers = pl.DataFrame(pl.from_arrow(rows)).drop_nulls("clv_12m")
        parts.append(_sums(segments.join(buyers, on="customer_id")))
    return pl.concat(parts).group_by("segment_id").sum().sort("segment_id")


def _sums(buyers: pl.DataFrame) -> pl.DataFrame:
    values = pl.col(VALUES).cast(pl.Float64).sum()
    return buyers.group_by("segment_id").agg(pl.len().cast(pl.Int64).alias("buyers"), values)
