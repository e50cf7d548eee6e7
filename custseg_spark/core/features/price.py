"""Unit prices of view and purchase events; each event counts once."""

import numpy as np

from custseg_spark.core.features.exact import (
    LOG_PRICE_UNITS,
    MONEY_UNITS,
    Doubles,
    Flags,
    as_doubles,
    difference_of_products,
    products,
)
from custseg_spark.core.features.feature import Family, Feature, ratio, ratio_or_null
from custseg_spark.core.features.totals import Totals

# A larger sum of squares, or product of it with the views (in units of 10^-8), has no standard
# deviation: it would exceed a decimal of 38 digits.
_MOST_SQUARES = 10**32
_MOST_PRODUCT = 10**38


def _mean_viewed_price(totals: Totals) -> Doubles:
    prices = as_doubles(totals.total("viewed_price_sum"), MONEY_UNITS)
    return ratio_or_null(prices, totals.total("view_count"))


def _mean_purchased_price(totals: Totals) -> Doubles:
    prices = as_doubles(totals.total("purchased_price_sum"), MONEY_UNITS)
    return ratio_or_null(prices, totals.total("purchase_count"))


def _price_stddev(totals: Totals) -> Doubles:
    # Whole numbers up to the square root, because doubles would lose the digits of the difference.
    views, prices = totals.total("view_count"), totals.total("viewed_price_sum")
    squares = totals.total("viewed_price_squares")
    scaled = difference_of_products(views, squares, prices, prices, 1)
    # If the squares are null in one part, their sum is wrong.
    untold = totals.has_null("viewed_price_squares") | _has_too_many_digits(totals)
    deviation = ratio(np.sqrt(np.maximum(scaled, 0)), views * MONEY_UNITS)
    return np.where(untold, np.nan, deviation)


def _has_too_many_digits(totals: Totals) -> Flags:
    squares = totals.total("viewed_price_squares")
    if squares.dtype != object:
        return np.full(len(squares), False)
    products = squares * totals.total("view_count")
    too_many: Flags = (squares >= _MOST_SQUARES) | (products >= _MOST_PRODUCT)
    return too_many.astype(np.bool_)


def _relative_price(totals: Totals) -> Doubles:
    # Over a common denominator, because the difference of two nearly equal doubles is noise.
    categories = totals.items.category
    level, has_level = totals.levels.of(totals.items.categories)
    level_count = categories.added(np.where(has_level[categories.key], categories.n, 0))
    level_sum = categories.added(products(categories.n, level[categories.key]))
    log_sum, log_count = totals.total("log_price_sum"), totals.total("log_price_count")
    difference = difference_of_products(log_sum, level_count, level_sum, log_count, LOG_PRICE_UNITS)
    return ratio_or_null(difference, log_count * level_count)


PRICE = Family(
    "price",
    (
        Feature(
            "avg_viewed_price",
            "double",
            "Mean unit price of view events. Null: never viewed.",
            _mean_viewed_price,
            log1p=True,
            null="median",
        ),
        Feature(
            "avg_purchased_price",
            "double",
            "Mean unit price of purchase events. Null: never bought.",
            _mean_purchased_price,
            log1p=True,
            null="median",
        ),
        Feature(
            "price_ratio",
            "double",
            "avg_purchased_price / avg_viewed_price: below 1 for who buys the cheaper of what"
            " they look at. Null: never bought, or viewed nothing with a price.",
            lambda totals: ratio_or_null(_mean_purchased_price(totals), _mean_viewed_price(totals)),
            null="median",
        ),
        Feature(
            "price_stddev",
            "double",
            "Population standard deviation of viewed unit prices; 0 without views. Null only"
            " where the squares of the prices add up to 10^24, or this sum times the views to"
            " 10^30.",
            _price_stddev,
            log1p=True,
        ),
        Feature(
            "price_tolerance",
            "double",
            "price_stddev / avg_viewed_price (coefficient of variation of viewed prices); 0"
            " where either is null.",
            lambda totals: ratio(_price_stddev(totals), _mean_viewed_price(totals)),
        ),
        Feature(
            "max_viewed_price",
            "decimal(18,4)",
            "Highest unit price viewed. Null: never viewed.",
            lambda totals: totals.largest("max_viewed_price"),
            log1p=True,
            null="median",
        ),
        Feature(
            "relative_price",
            "double",
            "Mean ln(unit price) of events with a category and a price above 0, less the mean"
            " over the customer's events of their categories' own mean ln(unit price) among"
            " all customers: -0.7 is half of what is usual there. Null: no such event.",
            _relative_price,
            null="median",
            rate=True,
        ),
    ),
)
