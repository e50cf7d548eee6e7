"""Numbers as shops write them: decimal comma, separated thousands, a currency's sign."""

from dataclasses import dataclass
from decimal import Decimal

import polars as pl

# Currency signs and codes; a minus may precede either.
_CURRENCY = (
    r"(?:(?:R|US|CA|AU|C|A|NZ|HK|S|MX)?\p{Sc}|kr\.?|zł|Kč|Ft|Rs\.?|Fr\.?"
    r"|(?:USD|EUR|GBP|JPY|CNY|INR|BRL|CHF|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH"
    r"|MXN|ARS|CLP|COP|PEN|ZAR|KRW|TWD|HKD|SGD|THB|IDR|MYR|PHP|VND|ILS|AED|SAR|EGP|NGN|KES))"
)
_BEFORE = rf"^([+-]?)\s*{_CURRENCY}\s*([+-]?[0-9].*)\z"
_AFTER = rf"^([+-]?.*[0-9])\s*{_CURRENCY}\z"
# Blanks and apostrophes that separate thousands.
_GROUPINGS = {" ": "[ \u00a0\u2009\u202f]", "'": "['\u2019]", ".": r"\.", ",": ",", "_": "_"}
_OTHER_SIGN = r"[^0-9eE.+-]"
_EXPONENT = r"(?:[eE][+-]?[0-9]{1,3})?"
# No number begins like this, so a text that isn't a number by the mapping's signs stays one.
_NO_NUMBER = "?"


@dataclass(frozen=True)
class Numerals:
    """The decimal sign and the thousands separator (may be empty)."""

    decimal: str = "."
    thousands: str = ""


PLAIN = Numerals()


def without_currency(texts: pl.Series) -> pl.Series:
    """Remove the currency beside numbers; other texts stay as they are."""
    if not texts.str.contains(_OTHER_SIGN).any():
        return texts
    text = pl.col("text")
    bare = (
        pl.when(text.str.contains(_BEFORE))
        .then(text.str.replace(_BEFORE, "${1}${2}"))
        .when(text.str.contains(_AFTER))
        .then(text.str.replace(_AFTER, "${1}"))
        .otherwise(text)
    )
    return texts.to_frame("text").select(bare).to_series()


def plain_numbers(texts: pl.Series, numerals: Numerals) -> pl.Series:
    """Rewrite numbers as 1234.5; a text that is no number by these signs stays none."""
    if numerals == PLAIN:
        return texts
    texts = texts.str.replace_all("\u2212", "-", literal=True)
    point = rf"\{numerals.decimal}"
    digits = rf"[+-]?(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+)"
    number = pl.col("text").str.contains(rf"^{digits}{_EXPONENT}\z")
    text = pl.col("text")
    if numerals.thousands:
        between = _GROUPINGS[numerals.thousands]
        # Thousands alone, or with hundreds of them apart as in India.
        grouped = rf"^[+-]?[0-9]{{1,3}}(?:{between}[0-9]{{2,3}})*{between}[0-9]{{3}}"
        is_grouped = text.str.contains(rf"{grouped}(?:{point}[0-9]*)?\z")
        text = pl.when(is_grouped).then(text.str.replace_all(between, "")).otherwise(text)
        number = number | is_grouped
    bare = without_currency(texts).to_frame("text")
    plain = text.str.replace(numerals.decimal, ".", literal=True)
    has_digit = pl.col("text").str.contains("[0-9]")
    return bare.select(
        pl.when(number)
        .then(plain)
        .when(has_digit)
        .then(pl.lit(_NO_NUMBER) + pl.col("text"))
        .otherwise(pl.col("text"))
        .alias(texts.name)
    ).to_series()


def shares_of_percent(texts: pl.Series, numerals: Numerals) -> pl.Series:
    """Rewrite percentages as shares with the same signs (20% is 0.2); other texts stay."""
    is_percent = texts.str.ends_with("%").fill_null(False)
    if not is_percent.any():
        return texts
    numbers = plain_numbers(texts.filter(is_percent).str.strip_chars_end("% "), numerals)
    return texts.clone().scatter(is_percent.arg_true(), _hundredths(numbers, numerals))


def _hundredths(numbers: pl.Series, numerals: Numerals) -> pl.Series:
    is_number = numbers.str.contains(r"^[+-]?[0-9]+(?:\.[0-9]+)?\z").fill_null(False)
    texts = [
        f"{Decimal(text) / 100:f}".replace(".", numerals.decimal) if is_one else _NO_NUMBER
        for text, is_one in zip(numbers, is_number, strict=True)
    ]
    return pl.Series(texts, dtype=pl.String)
