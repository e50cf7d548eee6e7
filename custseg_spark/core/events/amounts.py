"""Read amounts of money as exact decimals, rounded half-even to four decimal places."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

import polars as pl

from custseg_spark.core.events.numerals import PLAIN, Numerals, plain_numbers, without_currency
from custseg_spark.core.events.schema import MONEY, MONEY_DIGITS_BEFORE_POINT

# A plain amount: it needs no rounding and breaks no rule.
_PLAIN_AMOUNT = rf"^[0-9]{{1,{MONEY_DIGITS_BEFORE_POINT}}}(\.[0-9]{{1,4}})?\z"
# A REAL's text: more decimal places than are kept, at most 38 digits.
_LONG_AMOUNT = rf"^([0-9]{{1,{MONEY_DIGITS_BEFORE_POINT}}})\.([0-9]{{5,20}})\z"
_EXACT = pl.Decimal(38, 20)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)")
_SMALLEST = Decimal("0.0001")
_MONEY = Context(prec=40)

_AMOUNT = pl.Schema(
    {
        "value": MONEY,
        "problem": pl.String(),
        "is_negative": pl.Boolean(),
        "is_rounded": pl.Boolean(),
        "exact": pl.String(),
    }
)


@dataclass(frozen=True)
class Amount:
    """A text read as an amount.

    `value` is null if the text is no amount; then `problem` is the code of the reason. `exact` is
    the amount before rounding, in ten-thousandths, if rounding removed digits.
    """

    value: Decimal | None = None
    problem: str | None = None
    is_negative: bool = False
    is_rounded: bool = False
    exact: str | None = None


def amounts(texts: pl.Series, numerals: Numerals = PLAIN) -> pl.DataFrame:
    """Return one row per text with the columns of `Amount`; all null or false for a null text.

    A currency may stand beside the number.
    """
    return _amounts(plain_numbers(texts, numerals), has_currency=True)


def _amounts(texts: pl.Series, *, has_currency: bool) -> pl.DataFrame:
    is_plain = pl.col("text").str.contains(_PLAIN_AMOUNT)
    plain = pl.when(is_plain).then(pl.col("text").cast(MONEY, strict=False))
    amounts = texts.to_frame("text").select(
        "text",
        value=plain,
        problem=pl.lit(None, pl.String),
        is_negative=pl.lit(False),
        is_rounded=pl.lit(False),
        exact=pl.lit(None, pl.String),
    )
    is_odd = amounts["value"].is_null() & texts.is_not_null()
    if not is_odd.any():
        return amounts.drop("text")
    odd = texts.filter(is_odd).unique()
    return _with_odd(amounts, _with_currency(odd) if has_currency else _odd_amounts(odd))


def _with_currency(distinct: pl.Series) -> pl.DataFrame:
    """Return the amounts of distinct texts that aren't plain, possibly with a currency, and the
    texts.
    """
    bare = without_currency(distinct)
    is_money = bare != distinct
    if not is_money.any():
        return _odd_amounts(distinct)
    amounts = _amounts(bare.filter(is_money), has_currency=False)
    money = amounts.insert_column(0, distinct.filter(is_money).alias("text"))
    return pl.concat([money, _odd_amounts(distinct.filter(~is_money))])


def _odd_amounts(distinct: pl.Series) -> pl.DataFrame:
    """Return the amounts of distinct texts that aren't plain, and the texts."""
    long = _long_amounts(distinct)
    others = distinct.filter(~distinct.is_in(long["text"].implode())).to_list()
    rows = [(text, *_row(amount_of(text))) for text in others]
    return pl.concat([long, pl.DataFrame(rows, {"text": pl.String(), **_AMOUNT}, orient="row")])


def _long_amounts(distinct: pl.Series) -> pl.DataFrame:
    """Return the same for merely long texts, without looking at each of them."""
    exact = pl.col("text").cast(_EXACT, strict=False)
    amounts = (
        distinct.to_frame("text")
        .filter(pl.col("text").str.contains(_LONG_AMOUNT))
        .with_columns(exact=exact, rounded=exact.round(4, mode="half_to_even"))
    )
    is_rounded = pl.col("exact") != pl.col("rounded")
    # Null if rounding gave one digit too many: the other way handles it.
    return amounts.select(
        "text",
        value=pl.col("rounded").cast(MONEY, strict=False),
        problem=pl.lit(None, pl.String),
        is_negative=pl.lit(False),
        is_rounded=is_rounded,
        exact=pl.when(is_rounded).then(_long_ten_thousandths()),
    ).drop_nulls("value")


def _long_ten_thousandths() -> pl.Expr:
    """Return `_ten_thousandths` of a long amount's text."""
    digits = pl.col("text").str.replace(".", "", literal=True)
    kept = digits.str.strip_chars_end("0")
    places = digits.str.len_bytes() - pl.col("text").str.find(".", literal=True)
    dropped = digits.str.len_bytes() - kept.str.len_bytes()
    exponent = 4 - places.cast(pl.Int64) + dropped.cast(pl.Int64)
    return pl.concat_str(kept.str.strip_chars_start("0"), pl.lit("e"), exponent.cast(pl.String))


def _with_odd(plain: pl.DataFrame, odd: pl.DataFrame) -> pl.DataFrame:
    """Insert the amounts that aren't plain."""
    joined = plain.select("text", "value").join(
        odd, on="text", how="left", suffix="_odd", maintain_order="left"
    )
    return joined.select(
        pl.coalesce("value", "value_odd"),
        "problem",
        pl.col("is_negative", "is_rounded").fill_null(False),
        "exact",
    )


def _row(amount: Amount) -> tuple[object, ...]:
    return tuple(getattr(amount, name) for name in _AMOUNT)


def amount_of(text: str) -> Amount:
    """Read a text as an amount, exactly except for the rounding to four decimal places."""
    if _NOT_FINITE.fullmatch(text.lower()):
        return Amount(problem="not_finite")
    if not _NUMBER.fullmatch(text):
        return Amount(problem="not_a_number")
    number = Decimal(text)
    is_negative = number < 0
    if number and number.adjusted() >= MONEY_DIGITS_BEFORE_POINT:
        return Amount(problem="out_of_range", is_negative=is_negative)
    value = number.quantize(_SMALLEST, ROUND_HALF_EVEN, _MONEY)
    if value and value.adjusted() >= MONEY_DIGITS_BEFORE_POINT:
        return Amount(problem="out_of_range", is_negative=is_negative)
    if value == number:
        return Amount(value, is_negative=is_negative)
    return Amount(value, None, is_negative, True, _ten_thousandths(number))


def _ten_thousandths(number: Decimal) -> str:
    """Write a number in ten-thousandths as 12989999771e-2, without zeros at its ends."""
    digits = "".join(map(str, number.as_tuple().digits)).lstrip("0")
    kept = digits.rstrip("0")
    exponent = int(number.as_tuple().exponent) + 4 + len(digits) - len(kept)
    return f"{'-' if number < 0 else ''}{kept}e{exponent}"


def ten_thousandths(value: pl.Expr, exact: pl.Expr) -> pl.Expr:
    """Return an amount's text in an event's id: its exact value in ten-thousandths."""
    return pl.coalesce(exact, value.to_physical().cast(pl.Int64).cast(pl.String))
