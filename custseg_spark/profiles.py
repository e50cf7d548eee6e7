"""Segment profiles: what each segment is like, compared with all customers."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# Rank error of the medians: within a hundredth of a percent of the segment's customers.
_MEDIAN_ACCURACY = 10_000


def segment_profiles(
    customers: DataFrame, segments: DataFrame, names: Sequence[str]
) -> DataFrame:
    """One row a run date x algorithm x segment.

    Size, share of customers, revenue and its share, and of each feature the mean, the median and
    the z-score: (segment mean - mean of all) / population standard deviation of all. Means pass
    over nulls. `customers` are the features of the run date, `segments` its assignments.
    """
    joined = segments.select(
        "run_date", "algorithm", "segment_id", "segment_name", "customer_id"
    ).join(customers.drop("run_date"), "customer_id", how="inner")
    keys = ["run_date", "algorithm", "segment_id", "segment_name"]
    grouped = joined.groupBy(*keys).agg(
        F.count("*").alias("customers"),
        F.sum("monetary").cast("decimal(38,4)").alias("revenue"),
        *[_mean(name).alias(f"mean_{name}") for name in names],
        *[_median(name).alias(f"median_{name}") for name in names],
    )
    overall = customers.agg(
        F.count("*").alias("all_customers"),
        F.sum("monetary").cast("double").alias("all_revenue"),
        *[_mean(name).alias(f"all_mean_{name}") for name in names],
        *[F.stddev_pop(F.col(name).cast("double")).alias(f"all_std_{name}") for name in names],
    )
    entries = [_entry(name) for name in names]
    return grouped.crossJoin(F.broadcast(overall)).select(
        *keys,
        "customers",
        (F.col("customers") / F.col("all_customers")).alias("customer_share"),
        "revenue",
        F.when(
            F.col("all_revenue") != 0, F.col("revenue").cast("double") / F.col("all_revenue")
        )
        .otherwise(0.0)
        .alias("revenue_share"),
        F.map_from_entries(F.array(*entries)).alias("features"),
    )


def _mean(name: str) -> Column:
    return F.avg(F.col(name).cast("double"))


def _median(name: str) -> Column:
    return F.percentile_approx(F.col(name).cast("double"), 0.5, _MEDIAN_ACCURACY)


def _entry(name: str) -> Column:
    mean, spread = F.col(f"mean_{name}"), F.col(f"all_std_{name}")
    z_score = F.when(spread > 0, (mean - F.col(f"all_mean_{name}")) / spread).otherwise(0.0)
    value = F.struct(
        mean.alias("mean"), F.col(f"median_{name}").alias("median"), z_score.alias("z_score")
    )
    return F.struct(F.lit(name).alias("key"), value.alias("value"))
