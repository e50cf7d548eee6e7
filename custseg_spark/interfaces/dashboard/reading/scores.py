"""How recency, frequency and spend are distributed within segments."""

from collections.abc import Mapping
from datetime import date

import polars as pl
import pyarrow as pa

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import CUSTOMER_FEATURES, CUSTOMER_SEGMENTS
from custseg_spark.interfaces.dashboard.lake import cached
from custseg_spark.interfaces.dashboard.reading.portions import ranges

# Upper bounds of all bins but the last; a customer on a bound is in the bin below.
BOUNDS: Mapping[str, tuple[float, ...]] = {
    "recency_days": (7, 14, 30, 60, 90, 180, 365, 730),
    "frequency": (1, 2, 3, 5, 10, 20, 50),
    "monetary": (0, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000),
}


@cached(8, "Counting customers by recency, frequency and spend …")
def distributions(lake: LakeReader, run_date: date, algorithm: str) -> pl.DataFrame:
    """Count buyers by feature, segment and bin.

    Columns: `feature`, `segment_id`, `bin` (0 is the lowest), `customers`.
    """
    columns = ["customer_id", *BOUNDS]
    counts = []
    for low, high in ranges(lake, run_date):
        segments = lake.rows_of_buckets(
            CUSTOMER_SEGMENTS, run_date, low, high, ["algorithm", "customer_id", "segment_id"]
        )
        features = lake.rows_of_buckets(CUSTOMER_FEATURES, run_date, low, high, columns)
        counts.append(binned(_of(segments, algorithm), _buyers(features)))
    keys = ["feature", "segment_id", "bin"]
    return pl.concat(counts).group_by(keys).agg(pl.col("customers").sum()).sort(keys)


def _of(rows: pa.Table, algorithm: str) -> pl.DataFrame:
    frame = pl.DataFrame(pl.from_arrow(rows))
    return frame.filter(pl.col("algorithm") == algorithm).select("customer_id", "segment_id")


def _buyers(rows: pa.Table) -> pl.DataFrame:
    frame = pl.DataFrame(pl.from_arrow(rows)).filter(pl.col("frequency") > 0)
    return frame.select("customer_id", *(pl.col(name).cast(pl.Float64) for name in BOUNDS))


def binned(segments: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    """Count buyers as `distributions` does.

    `segments` has `customer_id` and `segment_id`, `features` has `customer_id` and a column per
    feature of BOUNDS.
    """
    joined = segments.join(features, on="customer_id")
    parts = []
    for name, bounds in BOUNDS.items():
        ends = pl.Series(bounds)
        places = joined.select("segment_id", name).drop_nulls(name)
        bins = ends.search_sorted(places[name], side="left").cast(pl.Int32)
        counted = places.select("segment_id", bins.alias("bin")).group_by("segment_id", "bin")
        counts = counted.agg(pl.len().cast(pl.Int64).alias("customers"))
        parts.append(counts.select(pl.lit(name).alias("feature"), *counts.columns))
    return pl.concat(parts)
