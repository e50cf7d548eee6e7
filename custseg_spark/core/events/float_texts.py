"""Floats as the text that a person would type: 500, 33.2; 1.0E-7 where that is unreadable."""

import numpy as np
import polars as pl

# Larger doubles skip integers: an id has lost its last digits.
LARGEST_WHOLE = 1 << 53
# Java writes numbers in this range without an exponent.
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-3, 1e7


def float_texts(numbers: pl.Series) -> pl.Series:
    """Return each number's shortest text, as Java does; whole ones without point, NaN as null."""
    number, size = pl.col("number"), pl.col("number").abs()
    is_whole = (number == number.round()) & (size <= LARGEST_WHOLE)
    is_plain = (size >= _SMALLEST_PLAIN) & (size < _LARGEST_PLAIN)
    text = (
        pl.when(is_whole)
        .then(number.cast(pl.Int64, strict=False).cast(pl.String))
        .when(is_plain)
        .then(number.cast(pl.String))
    )
    present = numbers.fill_nan(None)
    texts = present.to_frame("number").select(text.alias("text")).to_series()
    is_odd = texts.is_null() & present.is_not_null()
    if not is_odd.any():
        return texts
    odd = present.filter(is_odd)
    return texts.scatter(is_odd.arg_true(), pl.Series([_java_text(n) for n in odd.to_numpy()]))


def float_text(number: float) -> str | None:
    """Return the same for a single double."""
    if number.is_integer() and abs(number) <= LARGEST_WHOLE:
        return str(int(number))
    if _SMALLEST_PLAIN <= abs(number) < _LARGEST_PLAIN:
        return repr(number)
    texts = float_texts(pl.Series([number], dtype=pl.Float64)).to_list()
    return str(texts[0]) if texts[0] is not None else None


def _java_text(number: np.floating[np.typing.NBitBase]) -> str:
    """Return the text of a number that needs an exponent: 1.0E20."""
    if np.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    digits, _, exponent = np.format_float_scientific(number, unique=True, trim="0").partition("e")
    if _SMALLEST_PLAIN <= abs(number) < _LARGEST_PLAIN:
        return np.format_float_positional(number, unique=True, trim="0")
    return f"{digits}E{int(exponent)}"
