"""Texts of ids and names: words for no value, 500.0 for 500, ids that lost digits."""

from collections.abc import Sequence

import polars as pl

from custseg_spark.core.events import first_bytes
from custseg_spark.core.events.first_bytes import BLANK, MISSING, SCIENTIFIC, Table
from custseg_spark.core.mappings.mapping import ID_COLUMNS, SourceMapping

# 17850.0: pandas, databases and spreadsheets write integers with gaps like this.
_WITH_ZERO, _WITH_ZEROS = r"^([0-9]+)\.0\z", r"^([0-9]+)\.0+\z"
# 1.51592E+18: a spreadsheet saved 1515915625519388267 like this, and the digits are lost.
_SCIENTIFIC = r"^[+-]?[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{2,3}\z"
_TEXTS = {
    "events": (*ID_COLUMNS, "category_code", "brand", "store"),
    # A name may be Null.
    "customers": ("customer_id", "age", "income"),
}
# A double has at most seventeen digits, a sign, a point and an exponent.
_LONGEST_NUMBER = 24
_NOWHERE = pl.Series([], dtype=pl.UInt32)
_NEVER_MISSING = ("event_at", "event_type", "name")


def may_be_missing(mapping: SourceMapping, column: str) -> bool:
    """Whether `missing_values` stand for no value in a canonical column."""
    if column in _NEVER_MISSING:
        return False
    return column in _TEXTS[mapping.fills] or column in mapping.optional_columns


def trimmed(texts: pl.DataFrame, table: Table | None = None) -> pl.DataFrame:
    """Return the texts without surrounding blanks; null if nothing is left."""
    table = first_bytes.table(()) if table is None else table
    # Looking for blanks is four times as fast as stripping them, and most logs have none.
    ends = texts.select((pl.all().str.ends_with(" ") | (pl.all() == "")).any()).row(0)
    padded = [
        column
        for column, has_end in zip(texts.iter_columns(), ends, strict=True)
        if has_end or first_bytes.kinds(column, table) & BLANK
    ]
    stripped = [column.str.strip_chars(" ") for column in padded]
    filled = [pl.when(text != "").then(text).alias(text.name) for text in stripped]
    return texts.with_columns(*filled)


def settled_ids(texts: pl.DataFrame, mapping: SourceMapping) -> pl.DataFrame:
    """Trim canonical columns: null for words of no value, whole numbers plain.

    If any value of an id column is in scientific notation, <column>_is_scientific marks the ids
    that lost digits.
    """
    table = first_bytes.table(tuple(mapping.missing_values))
    columns: list[pl.Series] = []
    for name in mapping.columns:
        if name in ID_COLUMNS or name in mapping.whole_numbers or may_be_missing(mapping, name):
            columns += _settled(texts[name], mapping, table)
    return texts.with_columns(columns)


def lost_digits_columns(typed: pl.DataFrame) -> Sequence[str]:
    """Return the id columns of a typed frame in which any id lost digits."""
    return [column for column in ID_COLUMNS if f"{column}_is_scientific" in typed.columns]


def _settled(texts: pl.Series, mapping: SourceMapping, table: Table) -> list[pl.Series]:
    name = texts.name
    is_id = name in ID_COLUMNS
    settled = texts
    kinds = first_bytes.kinds(texts, table)
    if kinds & MISSING and may_be_missing(mapping, name):
        settled = _without_words(settled, mapping.missing_values, table)
    # Longer texts, such as UUIDs, are no numbers.
    is_id = is_id and _shortest(settled) <= _LONGEST_NUMBER
    # Programs add one zero; more zeros are deliberate and must be declared in the mapping.
    if name in mapping.whole_numbers:
        if settled.str.contains(".", literal=True).any():
            settled = settled.str.replace(_WITH_ZEROS, "$1")
    elif is_id and settled.str.ends_with(".0").any():
        settled = settled.str.replace(_WITH_ZERO, "$1")
    at = _scientific(settled, table) if is_id and kinds & SCIENTIFIC else _NOWHERE
    if len(at) and mapping.scientific_ids:
        settled = _one_notation(settled, at)
    elif len(at):
        flags = pl.Series([False]).new_from_index(0, len(settled)).scatter(at, True)
        return [settled, flags.alias(f"{name}_is_scientific")]
    return [] if settled is texts else [settled]


def _shortest(texts: pl.Series) -> int:
    lengths = texts.str.len_bytes()
    return lengths.min() or 0  # type: ignore[return-value]


def _scientific(texts: pl.Series, table: Table) -> pl.Series:
    """Return the positions of ids in scientific notation."""
    at = first_bytes.places(texts, table, SCIENTIFIC)
    return at.filter(texts.gather(at).str.contains(_SCIENTIFIC).fill_null(False))


def _without_words(texts: pl.Series, words: Sequence[str], table: Table) -> pl.Series:
    at = first_bytes.places(texts, table, MISSING)
    lengths = texts.gather(at).str.len_bytes()
    at = at.filter(lengths.is_in({len(word.encode()) for word in words}).fill_null(False))
    folded = texts.gather(at).str.to_lowercase()
    is_word = folded.is_in([word.lower() for word in words]).fill_null(False)
    if not is_word.any():
        return texts
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, int(is_word.sum()))
    return texts.clone().scatter(at.filter(is_word), nothing)


def _one_notation(texts: pl.Series, at: pl.Series) -> pl.Series:
    """Write ids that are doubles in one notation: 1.51592E+18."""
    numbers = [float(text.replace(",", ".")) for text in texts.gather(at)]
    written = [f"{number!r}".upper().replace(".0E", "E") for number in numbers]
    return texts.clone().scatter(at, pl.Series(written, dtype=pl.String))
