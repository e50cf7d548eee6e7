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
    found = [
        column
        for column, has_end in zip(texts.iter_columns(), ends, strict=True)
        if has_end or first_bytes.kinds(column, table) & BLANK
    ]
    stripped = [column.str.strip_chars(" ") for column in found]
    filled = [pl.when(text != "").then(text).alias(text.name) for text in stripped]
    return texts.with_columns(*filled)


def settled_ids(texts: pl.DataFrame, mapping: SourceMapping) -> pl.DataFrame:
    """Trim canonical columns: null for words of no value, whole numbers plain.

    If any value of an id column is in scientific notation, <column>_is_scientific marks the ids
    that lost digits.
    """
    table = first_bytes.table(tuple(mapping.missing_values))
    columns: list[pl.Series] = []
    for column in texts.iter_columns():
        if column.name in mapping.columns:
            columns += _settled(column, mapping, table)
    return texts.with_columns(columns)


def lost_digits_columns(typed: pl.DataFrame) -> Sequence[str]:
    """Return the id columns of a typed frame in which any id lost digits."""
    return [column for column in ID_COLUMNS if f"{column}_is_scientific" in typed.columns]


def _settled(texts: pl.Series, mapping: SourceMapping, table: Table) -> list[pl.Series]:
    name = texts.name
    is_id = name in ID_COLUMNS
    found = texts
    kinds = first_bytes.kinds(texts, table)
    if kinds & MISSING and may_be_missing(mapping, name):
        found = _without_words(found, mapping.missing_values, table)
    # Programs add one zero; more zeros are deliberate and must be declared in the mapping.
    if name in mapping.whole_numbers:
        if found.str.contains(".", literal=True).any():
            found = found.str.replace(_WITH_ZEROS, "$1")
    elif is_id and found.str.ends_with(".0").any():
        found = found.str.replace(_WITH_ZERO, "$1")
    if not (is_id and kinds & SCIENTIFIC):
        return [] if found is texts else [found]
    is_scientific = found.str.contains(_SCIENTIFIC).fill_null(False)
    if not is_scientific.any():
        return [] if found is texts else [found]
    if mapping.scientific_ids:
        return [_one_notation(found, is_scientific)]
    return [found, is_scientific.alias(f"{name}_is_scientific")]


def _without_words(texts: pl.Series, words: Sequence[str], table: Table) -> pl.Series:
    at = first_bytes.places(texts, table, MISSING)
    folded = texts.gather(at).str.to_lowercase()
    is_word = folded.is_in([word.lower() for word in words]).fill_null(False)
    if not is_word.any():
        return texts
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, int(is_word.sum()))
    return texts.clone().scatter(at.filter(is_word), nothing)


def _one_notation(texts: pl.Series, is_scientific: pl.Series) -> pl.Series:
    """Write ids that are doubles in one notation: 1.51592E+18."""
    at = is_scientific.arg_true()
    numbers = [float(text.replace(",", ".")) for text in texts.gather(at)]
    written = [f"{number!r}".upper().replace(".0E", "E") for number in numbers]
    return texts.clone().scatter(at, pl.Series(written, dtype=pl.String))
