"""Price levels: the mean of ln(unit price) of each category."""

import numpy as np
import numpy.typing as npt
import polars as pl

from custseg_spark.core.sessions.buckets import text_key
from custseg_spark.core.sessions.log_prices import log_price_units

# A logarithm's twelve decimals are summed in two halves, so that no sum leaves 64 bits.
HALF = 10**6
# The mean is rounded to this many digits beyond its twelve before it is rounded to twelve: as
# Spark divides decimals, so that levels stay those of earlier runs.
_FURTHER_DIGITS = 10

Ints = npt.NDArray[np.int64]


def category_sums(events: pl.DataFrame) -> pl.DataFrame:
    """Return one row per category, over events with a category and a price above 0.

    Columns: `key` of the category, `count` of the events, and the sum of ln(unit price) in units of
    10^-12 as `log_high` x HALF + `log_low`. Rows of several frames add up.
    """
    logs = events.select(key=text_key("category_id"), log=log_price_units()).drop_nulls("log")
    return (
        logs.group_by("key")
        .agg(
            log_high=(pl.col("log") // HALF).sum(),
            log_low=(pl.col("log") % HALF).sum(),
            count=pl.len().cast(pl.Int64),
        )
        .sort("key")
    )


def price_levels(sums: pl.DataFrame) -> tuple[Ints, Ints]:
    """Return the categories' keys, ascending, and the mean of ln(unit price) of each, in 10^-12.

    `sums` are rows of `category_sums`, possibly of several frames. A mean is rounded half up.
    """
    totals = sums.group_by("key").agg(pl.col("log_high", "log_low", "count").sum()).sort("key")
    means = [
        _mean(high * HALF + low, count)
        for high, low, count in totals.select("log_high", "log_low", "count").iter_rows()
    ]
    return totals["key"].to_numpy(), np.array(means, np.int64)


def _mean(total: int, count: int) -> int:
    scale = 10**_FURTHER_DIGITS
    return _divided(_divided(total * scale, count), scale)


def _divided(dividend: int, divisor: int) -> int:
    """Divide to a whole number, rounding halves away from zero."""
    quotient = (2 * abs(dividend) + divisor) // (2 * divisor)
    return quotient if dividend >= 0 else -quotient
