"""Prices looked at and prices paid."""

from datetime import date
from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.engine.lake.ddl import LOG_PRICE
from custseg_spark.features.feature import Family, Feature, plain, ratio, ratio_or_null
from custseg_spark.features.keys import LEVEL_HALF, LEVEL_UNITS
from custseg_spark.sessions import comparable_log_price


def category_levels(events: DataFrame, as_of: date) -> DataFrame:
    """One row a category with a priced event before `as_of`: the mean of ln(unit price).

    Columns `key`, the category's in the sessions' items, and `units`, the mean in units of 10^-12.
    """
    priced = events.where(F.col("event_date") < F.lit(as_of)).select(
        F.xxhash64("category_id").alias("key"), comparable_log_price().alias("log_price")
    )
    levels = priced.where(F.col("log_price").isNotNull()).groupBy("key")
    level = (F.sum("log_price") / F.count("*")).cast(LOG_PRICE)
    return levels.agg((level * LEVEL_UNITS).cast("bigint").alias("units"))


def _totals(as_of: date) -> dict[str, Column]:
    del as_of
    return {
        "viewed_price_sum": F.sum("viewed_price_sum"),
        "purchased_price_sum": F.sum("purchased_price_sum"),
        # Null where one part's squares overflowed: a sum that passed over it would be wrong.
        "viewed_price_squares": F.when(
            F.count("viewed_price_squares") == F.count("*"), F.try_sum("viewed_price_squares")
        ),
        "max_viewed_price": F.max("max_viewed_price"),
        "log_price_sum": F.sum("log_price_sum"),
        "log_price_count": F.sum("log_price_count"),
    }


def _relative() -> Column:
    # Over a common denominator: of two doubles that are nearly equal the difference is noise.
    # The casts leave Spark room for the products; beyond 38 digits it would round them.
    def times(total: Column, count: Column) -> Column:
        return total.cast("decimal(22,12)") * count.cast("decimal(9,0)")

    log_prices = F.col("log_price_sum"), F.col("log_price_count")
    levels = _level_sum(), F.col("level_count")
    difference = times(log_prices[0], levels[1]) - times(levels[0], log_prices[1])
    return ratio_or_null(difference, F.col("log_price_count") * F.col("level_count"))


def _level_sum() -> Column:
    high = F.col("level_high").cast("decimal(16,0)") * F.lit(Decimal(LEVEL_HALF) / LEVEL_UNITS)
    return high + F.col("level_low").cast("decimal(16,0)") * F.lit(Decimal(1) / LEVEL_UNITS)


def _viewed() -> Column:
    return ratio_or_null("viewed_price_sum", "view_count")


def _purchased() -> Column:
    return ratio_or_null("purchased_price_sum", "purchase_count")


def _stddev() -> Column:
    # In whole numbers up to the square root: doubles would lose the digits of the difference, and
    # of products with many decimals Spark rounds the last ones, so that equal prices would vary.
    n = F.col("view_count").cast("decimal(20,0)")
    total = _times("viewed_price_sum", _PRICE_UNITS)
    squares = _times("viewed_price_squares", _PRICE_UNITS**2)
    scaled = F.try_subtract(F.try_multiply(n, squares), F.try_multiply(total, total))
    deviation = F.sqrt(scaled.cast("double")) / (F.col("view_count") * _PRICE_UNITS)
    return F.when(F.col("view_count") == 0, F.lit(0.0)).otherwise(deviation)


# Prices have four decimals.
_PRICE_UNITS = 10_000


def _times(name: str, units: int) -> Column:
    """A total as a whole number of its smallest units; null for more than 38 digits."""
    return F.try_multiply(F.col(name), F.lit(units)).try_cast("decimal(38,0)")


def family(as_of: date) -> Family:
    """Unit prices of view and purchase events, each event counted once."""
    del as_of
    return Family(
        "price",
        (
            Feature(
                "avg_viewed_price",
                "double",
                "Mean unit price of view events. Null: never viewed.",
                _viewed,
                True,
                "median",
            ),
            Feature(
                "avg_purchased_price",
                "double",
                "Mean unit price of purchase events. Null: never bought.",
                _purchased,
                True,
                "median",
            ),
            Feature(
                "price_ratio",
                "double",
                "avg_purchased_price / avg_viewed_price: below 1 for who buys the cheaper of what"
                " they look at. Null: never bought, or viewed nothing with a price.",
                lambda: ratio_or_null(_purchased(), _viewed()),
                False,
                "median",
            ),
            Feature(
                "price_stddev",
                "double",
                "Population standard deviation of viewed unit prices; 0 without views. Null only"
                " where the squares of the prices add up to 10^24, or this sum times the views to"
                " 10^30.",
                _stddev,
                True,
            ),
            Feature(
                "price_tolerance",
                "double",
                "price_stddev / avg_viewed_price (coefficient of variation of viewed prices); 0"
                " where either is null.",
                lambda: ratio(_stddev(), _viewed()),
            ),
            Feature(
                "max_viewed_price",
                "decimal(18,4)",
                "Highest unit price viewed. Null: never viewed.",
                plain("max_viewed_price"),
                True,
                "median",
            ),
            Feature(
                "relative_price",
                "double",
                "Mean ln(unit price) of events with a category and a price above 0, less the mean"
                " over the customer's events of their categories' own mean ln(unit price) among"
                " all customers: -0.7 is half of what is usual there. Null: no such event.",
                _relative,
                null="median",
                rate=True,
            ),
        ),
        _totals,
    )
