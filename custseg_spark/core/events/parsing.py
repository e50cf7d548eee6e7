"""Parse the text of a source's columns to typed values, as far as possible.

Values are cast only if a strict pattern matches: casts alone would take 'now' for a time and
'Infinity' for a price.
"""

from collections.abc import Sequence

import polars as pl

from custseg_spark.core.events.amounts import amounts
from custseg_spark.core.events.id_texts import settled_ids, trimmed
from custseg_spark.core.events.line_amounts import SHARE
from custseg_spark.core.events.numerals import PLAIN, Numerals, plain_numbers, shares_of_percent
from custseg_spark.core.events.returns import event_type
from custseg_spark.core.events.times import UTC, Zone, parsed_times
from custseg_spark.core.mappings.mapping import EVENT_COLUMNS, SourceMapping

# Columns that aren't text; their text is kept as <column>_text.
_READ_COLUMNS = ("event_at", "event_type", "quantity", "unit_price", "discount", "net_amount")
EVENT_AMOUNTS = ("unit_price", "discount", "net_amount")
# So price times quantity fits into the decimals of sessions.
_QUANTITY = r"^[+-]?[0-9]{1,9}\z"
_NO_DECIMALS = r"\.0*\z"


def typed_events(values: pl.DataFrame, mapping: SourceMapping) -> pl.DataFrame:
    """Return one row per record with its values by canonical name, null where unreadable.

    Columns that aren't text have their text beside them, as event_at_text. Amounts also have
    _problem, _is_negative, _is_rounded and _exact, as in `amounts`.
    """
    texts = canonical_texts(values, mapping, EVENT_COLUMNS)
    texts = texts.rename({c: f"{c}_text" for c in _READ_COLUMNS})
    columns = [
        *_times(texts["event_at_text"], mapping),
        *amount_columns(texts, EVENT_AMOUNTS, mapping),
        _quantity(texts["quantity_text"], numerals_of(mapping)),
    ]
    return texts.with_columns(*columns).with_columns(event_type=event_type(mapping))


def _times(texts: pl.Series, mapping: SourceMapping) -> list[pl.Series]:
    """Parse the times; with a time zone, also mark times that its clocks skip or repeat."""
    formats, zone = mapping.event_at_formats, zone_of(mapping)
    times = parsed_times(texts, formats, zone).alias("event_at")
    if zone.name == UTC:
        return [times]
    is_open = times.is_null() & texts.is_not_null()
    as_said = parsed_times(texts.filter(is_open), formats)
    is_unsettled = is_open.scatter(is_open.arg_true(), as_said.is_not_null())
    return [times, is_unsettled.alias("event_at_is_unsettled")]


def zone_of(mapping: SourceMapping) -> Zone:
    """Return the time zone of the mapping's times without one."""
    return Zone(mapping.timezone, mapping.timezone_gaps, mapping.timezone_folds)


def numerals_of(mapping: SourceMapping) -> Numerals:
    """Return the signs in the mapping's numbers."""
    return Numerals(mapping.decimal, mapping.thousands)


def canonical_texts(
    values: pl.DataFrame, mapping: SourceMapping, canonical: Sequence[str]
) -> pl.DataFrame:
    """Return the trimmed text of each canonical column; null if the source has none.

    Ids are settled as in `settled_ids`.
    """
    absent = pl.Series([None], dtype=pl.String).new_from_index(0, len(values))
    named = {c: mapping.columns.get(c) for c in canonical}
    texts = pl.DataFrame(
        [(values[s] if s in values.columns else absent).alias(c) for c, s in named.items()]
    )
    return settled_ids(trimmed(texts), mapping)


def amount_columns(
    texts: pl.DataFrame, columns: Sequence[str], mapping: SourceMapping
) -> list[pl.Series]:
    """Return the amounts of these columns from their texts in <column>_text."""
    numerals, series = numerals_of(mapping), list[pl.Series]()
    for column in columns:
        text = texts[f"{column}_text"]
        if column == "discount" and mapping.discount_is == SHARE:
            text = shares_of_percent(text, numerals)
        read = amounts(text, numerals)
        series.append(read["value"].alias(column))
        series += [s.alias(f"{column}_{s.name}") for s in read.drop("value")]
    return series


def _quantity(texts: pl.Series, numerals: Numerals) -> pl.Series:
    if numerals != PLAIN:
        texts = plain_numbers(texts, numerals).str.replace(_NO_DECIMALS, "")
    text = pl.col("text")
    whole = pl.when(text.str.contains(_QUANTITY)).then(text.cast(pl.Int64, strict=False))
    return texts.to_frame("text").select(whole.alias("quantity")).to_series()
