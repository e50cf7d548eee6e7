"""What a line's unit price and discount are, where its source gives a total or a share of it.

Integers of ten-thousandths, wide enough for a product of two amounts.
"""

import polars as pl

from custseg_spark.core.events.schema import MONEY
from custseg_spark.core.mappings.mapping import SourceMapping

_ONE = 10_000
LINE_TOTAL, SHARE = "line_total", "share"


def units(column: str) -> pl.Expr:
    """An amount in ten-thousandths, with room for its product with another."""
    return pl.col(column).to_physical().cast(pl.Int128)


def pieces() -> pl.Expr:
    """How many pieces a line is of; one where nothing says it, null where that is no number."""
    is_missing = pl.col("quantity_text").is_null()
    return pl.when(is_missing).then(1).otherwise(pl.col("quantity").abs()).cast(pl.Int128)


def paid(mapping: SourceMapping) -> pl.Expr:
    """What a line cost after its discount, in ten-thousandths and without a sign."""
    price, discount = units("unit_price").abs(), units("discount").fill_null(0).abs()
    if mapping.unit_price_is == LINE_TOTAL:
        return price
    if mapping.discount_is == SHARE:
        return divided(price * pieces() * (_ONE - discount), pl.lit(_ONE, pl.Int128))
    return price * pieces() - discount


def has_line_amounts(mapping: SourceMapping) -> bool:
    """Whether a mapping's price or discount is of the line."""
    return mapping.unit_price_is == LINE_TOTAL or mapping.discount_is == SHARE


def full_price(mapping: SourceMapping) -> pl.Expr:
    """What a line cost before its discount, in ten-thousandths and without a sign."""
    price = units("unit_price").abs()
    if mapping.unit_price_is == LINE_TOTAL:
        return price + _discount(mapping)
    return price * pieces()


def _discount(mapping: SourceMapping) -> pl.Expr:
    """What was taken off a line, in ten-thousandths and without a sign."""
    discount = units("discount").fill_null(0).abs()
    if mapping.discount_is != SHARE:
        return discount
    price = units("unit_price").abs()
    if mapping.unit_price_is != LINE_TOTAL:
        return divided(price * pieces() * discount, pl.lit(_ONE, pl.Int128))
    # Of what was taken off whole nobody can say how much it was.
    rest = pl.when(discount < _ONE).then(_ONE - discount)
    return divided(price * discount, rest).fill_null(0)


def with_unit_prices(events: pl.DataFrame, mapping: SourceMapping) -> pl.DataFrame:
    """Valid typed events with `unit_price` of a piece and `discount` of the line as an amount.

    A total that its pieces don't divide is rounded half-even, and its price so marked.
    """
    found: dict[str, pl.Expr] = {}
    if mapping.unit_price_is == LINE_TOTAL:
        full, count = full_price(mapping), pl.max_horizontal(pieces(), pl.lit(1, pl.Int128))
        found["unit_price"] = _money(divided(full, count))
        found["unit_price_is_rounded"] = pl.col("unit_price_is_rounded") | (full % count != 0)
    if "discount" in mapping.columns:
        found["discount"] = _money(_discount(mapping))
    return events.with_columns(**found)


def divided(dividend: pl.Expr, divisor: pl.Expr) -> pl.Expr:
    """The quotient of numbers from 0 as a whole number, halves to even."""
    quotient, rest = dividend // divisor, dividend % divisor
    is_up = (rest * 2 > divisor) | ((rest * 2 == divisor) & (quotient % 2 == 1))
    return quotient + is_up.cast(pl.Int128)


def _money(ten_thousandths: pl.Expr) -> pl.Expr:
    whole = ten_thousandths.cast(pl.Decimal(38, 0))
    return (whole * pl.lit("0.0001").cast(pl.Decimal(38, 4))).cast(MONEY)
