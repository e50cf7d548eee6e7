"""Prices looked at and prices paid."""

from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F

from custseg_spark.features.feature import Family, Feature, plain, ratio, ratio_or_null


def _session_totals(as_of: date) -> dict[str, Column]:
    del as_of
    return _sums()


def _customer_totals(as_of: date) -> dict[str, Column]:
    del as_of
    return _sums()


def _sums() -> dict[str, Column]:
    return {
        "viewed_price_sum": F.sum("viewed_price_sum"),
        "purchased_price_sum": F.sum("purchased_price_sum"),
        # Null where one part's squares overflowed: a sum that passed over it would be wrong.
        "viewed_price_squares": F.when(
            F.count("viewed_price_squares") == F.count("*"), F.try_sum("viewed_price_squares")
        ),
        "max_viewed_price": F.max("max_viewed_price"),
    }


def _viewed() -> Column:
    return ratio_or_null("viewed_price_sum", "view_count")


def _purchased() -> Column:
    return ratio_or_null("purchased_price_sum", "purchase_count")


def _stddev() -> Column:
    # In decimals up to the square root: in doubles the difference of two large sums loses digits.
    n = F.col("view_count").cast("decimal(12,0)")
    total = F.col("viewed_price_sum").try_cast("decimal(24,4)")
    squares = F.col("viewed_price_squares").try_cast("decimal(26,8)")
    scaled = F.try_subtract(F.try_multiply(n, squares), F.try_multiply(total, total))
    deviation = F.sqrt(F.greatest(scaled, F.lit(0)).cast("double"))
    return F.when(F.col("view_count") == 0, F.lit(0.0)).otherwise(
        deviation / F.col("view_count").cast("double")
    )


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
                " where squares overflow 30 digits.",
                _stddev,
                True,
            ),
            Feature(
                "price_tolerance",
                "double",
                "price_stddev / avg_viewed_price (coefficient of variation of viewed prices).",
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
        ),
        _session_totals,
        _customer_totals,
    )
