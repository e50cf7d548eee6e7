"""The text of a source's columns as typed values, as far as it can be read.

Types are cast only from text that a strict pattern has let through: casts alone take 'now' for a
time and 'Infinity' for a price.
"""

from collections.abc import Sequence

import polars as pl

from custseg_spark.core.events.amounts import amounts
from custseg_spark.core.events.returns import event_type
from custseg_spark.core.events.times import parsed_times
from custseg_spark.core.mappings.mapping import EVENT_COLUMNS, SourceMapping

# The columns whose text is read as something else, and kept beside it as <column>_text.
_READ_COLUMNS = ("event_at", "event_type", "quantity", "unit_price", "discount", "net_amount")
EVENT_AMOUNTS = ("unit_price", "discount", "net_amount")
# 17850.0, as an integer with gaps comes out of pandas or a spreadsheet.
_WHOLE_NUMBER = r"^([0-9]+)\.0+\z"
# Price times quantity stays within the decimals that sessions add up.
_QUANTITY = r"^[+-]?[0-9]{1,9}\z"


def typed_events(values: pl.DataFrame, mapping: SourceMapping) -> pl.DataFrame:
    """One row a record: its values by canonical name, null where there is none to read.

    Beside a column that isn't text by nature stands its text, as event_at_text; beside an amount
    also its _problem, _is_negative, _is_rounded and _exact, as `amounts` has them.
    """
    texts = canonical_texts(values, mapping, EVENT_COLUMNS)
    texts = texts.rename({c: f"{c}_text" for c in _READ_COLUMNS})
    times = parsed_times(texts["event_at_text"], mapping.event_at_formats).alias("event_at")
    columns = [times, *amount_columns(texts, EVENT_AMOUNTS)]
    return texts.with_columns(*columns, quantity=_quantity()).with_columns(
        event_type=event_type(mapping)
    )


def canonical_texts(
    values: pl.DataFrame, mapping: SourceMapping, canonical: Sequence[str]
) -> pl.DataFrame:
    """The trimmed text of each canonical column; null where the source has none."""
    absent = pl.Series([None], dtype=pl.String).new_from_index(0, len(values))
    named = {c: mapping.columns.get(c) for c in canonical}
    texts = pl.DataFrame(
        [(values[s] if s in values.columns else absent).alias(c) for c, s in named.items()]
    )
    texts = trimmed(texts)
    return texts.with_columns(*[_whole(texts[c]) for c in mapping.whole_numbers])


def trimmed(texts: pl.DataFrame) -> pl.DataFrame:
    """The texts without surrounding blanks; null where nothing is left."""
    # To look for blanks is four times as fast as to strip them, and most logs have none.
    has_blanks = texts.select(
        (pl.all().str.starts_with(" ") | pl.all().str.ends_with(" ") | (pl.all() == "")).any()
    ).row(0)
    found = [name for name, has in zip(texts.columns, has_blanks, strict=True) if has]
    stripped = [texts[name].str.strip_chars(" ") for name in found]
    filled = [pl.when(text != "").then(text).alias(text.name) for text in stripped]
    return texts.with_columns(*filled)


def _whole(texts: pl.Series) -> pl.Series:
    if not texts.str.contains(".", literal=True).any():
        return texts
    return texts.str.replace(_WHOLE_NUMBER, "$1")


def amount_columns(texts: pl.DataFrame, columns: Sequence[str]) -> list[pl.Series]:
    """The amounts of these columns, whose texts stand in <column>_text."""
    found: list[pl.Series] = []
    for column in columns:
        read = amounts(texts[f"{column}_text"])
        found.append(read["value"].alias(column))
        found += [s.alias(f"{column}_{s.name}") for s in read.drop("value")]
    return found


def _quantity() -> pl.Expr:
    text = pl.col("quantity_text")
    return pl.when(text.str.contains(_QUANTITY)).then(text.cast(pl.Int64, strict=False))
