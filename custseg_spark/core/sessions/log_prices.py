"""Logarithms of prices in whole units of 10^-12, which can be added in any order."""

import polars as pl

LOG_PRICE_UNITS = 10**12
PRICE_UNITS = 10**4


def price_units(column: str = "unit_price") -> pl.Expr:
    """Convert an amount of money to ten-thousandths, Int64."""
    return pl.col(column).to_physical().cast(pl.Int64)


def log_price_units() -> pl.Expr:
    """Return ln(unit price) in units of 10^-12, Int64; null where it can't be compared.

    An event's price is compared with its category's: it needs a category and a price above 0.
    """
    units = price_units()
    logarithm = (units / PRICE_UNITS).log() * LOG_PRICE_UNITS
    is_comparable = pl.col("category_id").is_not_null() & (units > 0)
    # Set to null before the cast, because the logarithm of 0 is infinite.
    return pl.when(is_comparable).then(logarithm).round().cast(pl.Int64)
