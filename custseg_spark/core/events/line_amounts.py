"""Compute a line's unit price and discount if the source gives a total or a share.

Amounts are integers of ten-thousandths, wide enough for a product of two amounts.
"""

import polars as pl

from custseg_spark.core.events.schema import MONEY
from custseg_spark.core.mappings.mapping import SourceMapping

_ONE = 10_000
LINE_TOTAL, SHARE = "line_total", "share"


def units(column: str) -> pl.Expr:
    """Return an amount in ten-thousandths, with room for its product with another."""
    return pl.col(column).to_physical().cast(pl.Int128)


def pieces() -> pl.Expr:
    """Return the number of pieces of a line: one if unknown, null if the text is no number."""
    is_missing = pl.col("quantity_text").is_null()
    return pl.when(is_missing).then(1).otherwise(pl.col("quantity").abs()).cast(pl.Int128)


def paid(mapping: SourceMapping) -> pl.Expr:
    """Return the price of a line after its discount, in ten-thousandths, without a sign."""
    price, discount = units("unit_price").abs(), units("discount").fill_null(0).abs()
    if mapping.unit_price_is == LINE_TOTAL:
        return price
    if mapping.discount_is == SHARE:
        return divided(price * pieces() * (_ONE - discount), pl.lit(_ONE, pl.Int128))
    return price * pieces() - discount


def has_line_amounts(mapping: SourceMapping) -> bool:
    """Whether a mapping's price or discount is for the whole line."""
    return mapping.unit_price_is == LINE_TOTAL or mapping.discount_is == SHARE


def full_price(mapping: SourceMapping) -> pl.Expr:
    """Return the price of a line before its discount, in ten-thousandths, without a sign."""
    price = units("unit_price").abs()
    if mapping.unit_price_is == LINE_TOTAL:
        return price + _discount(mapping)
    return price * pieces()


def _discount(mapping: SourceMapping) -> pl.Expr:
    """Return the discount of a line, in ten-thousandths, without a sign."""
    discount = units("discount").fill_null(0).abs()
    if mapping.discount_is != SHARE:
        return discount
    price = units("unit_price").abs()
    if mapping.unit_price_is != LINE_TOTAL:
        return divided(price * pieces() * discount, pl.lit(_ONE, pl.Int128))
    # A discount of 100% leaves no price from which its amount could be computed.
    rest = pl.when(discount < _ONE).then(_ONE - discount)
    return divided(price * discount, rest).fill_null(0)


def with_unit_prices(events: pl.DataFrame, mapping: SourceMapping) -> pl.DataFrame:
    """Return valid typed events with `unit_price` per piece and `discount` as the line's amount.

    If a total isn't divisible by its pieces, the price is rounded half-even and marked.
    """
    prices: dict[str, pl.Expr] = {}
    if mapping.unit_price_is == LINE_TOTAL:
        full, count = full_price(mapping), pl.max_horizontal(pieces(), pl.lit(1, pl.Int128))
        prices["unit_price"] = _money(divided(full, count))
        prices["unit_price_is_rounded"] = pl.col("unit_price_is_rounded") | (full % count != 0)
    if "discount" in mapping.columns:
        prices["discount"] = _money(_discount(mapping))
    return events.with_columns(**prices)


def divided(dividend: pl.Expr, divisor: pl.Expr) -> pl.Expr:
    """Divide numbers from 0 to whole numbers, rounding halves to even."""
    quotient, rest = dividend // divisor, dividend % divisor
    is_up = (rest * 2 > divisor) | ((rest * 2 == divisor) & (quotient % 2 == 1))
    return quotient + is_up.cast(pl.Int128)


def _money(ten_thousandths: pl.Expr) -> pl.Expr:
    whole = ten_thousandths.cast(pl.Decimal(38, 0))
    return (whole * pl.lit("0.0001").cast(pl.Decimal(38, 4))).cast(MONEY)
