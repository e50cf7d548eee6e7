"""Segments over time: their sizes at each run date, and moves between two run dates."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from custseg_spark.core.segments.statuses import DIED
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, SEGMENT_PROFILES
from custseg_spark.interfaces.dashboard.lake import cached
from custseg_spark.interfaces.dashboard.reading.portions import ranges

_PROFILE = ["run_date", "algorithm", "segment_id", "segment_name", "customers", "status"]
_CUSTOMER = ["algorithm", "customer_id", "segment_id"]


@cached(4, "Reading earlier runs …")
def sizes_over_time(lake: LakeReader, algorithm: str) -> pl.DataFrame:
    """Return a row per run date and living segment, by date and id.

    Columns: `run_date`, `segment_id`, `segment_name`, `customers`, `status`.
    """
    rows = pl.DataFrame(pl.from_arrow(lake.rows(SEGMENT_PROFILES, _PROFILE)))
    # In runs without statuses all segments are living.
    living = pl.col("status").fill_null("") != DIED
    of_algorithm = rows.filter((pl.col("algorithm") == algorithm) & living)
    return of_algorithm.drop("algorithm").sort("run_date", "segment_id")


@cached(8, "Comparing the two runs …")
def flows_between(lake: LakeReader, before: date, after: date, algorithm: str) -> pl.DataFrame:
    """Return a row per pair of segments: `from_segment_id`, `to_segment_id`, `customers`.

    Null stands for customers who joined or are gone. Ids are the same in both runs.
    """
    counts = [
        _counted(
            _segments(lake, before, algorithm, low, high, "from_segment_id"),
            _segments(lake, after, algorithm, low, high, "to_segment_id"),
        )
        for low, high in ranges(lake, after)
    ]
    keys = ["from_segment_id", "to_segment_id"]
    merged = pl.concat(counts).group_by(keys).agg(pl.col("customers").sum())
    return merged.sort(keys, nulls_last=True)


def _segments(
    lake: LakeReader, day: date, algorithm: str, low: int, high: int, name: str
) -> pl.DataFrame:
    rows = lake.rows_of_buckets(CUSTOMER_SEGMENTS, day, low, high, _CUSTOMER)
    frame = pl.DataFrame(pl.from_arrow(rows)).filter(pl.col("algorithm") == algorithm)
    return frame.select("customer_id", pl.col("segment_id").alias(name))


def _counted(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    both = before.join(after, on="customer_id", how="full", coalesce=True)
    grouped = both.group_by("from_segment_id", "to_segment_id")
    return grouped.agg(pl.len().cast(pl.Int64).alias("customers"))


def names_of(sizes: pl.DataFrame, day: date) -> Mapping[int, str]:
    """Return the segments' names at a run date, from `sizes_over_time`."""
    rows = sizes.filter(pl.col("run_date") == day)
    return dict(zip(rows["segment_id"].to_list(), rows["segment_name"].to_list(), strict=True))
