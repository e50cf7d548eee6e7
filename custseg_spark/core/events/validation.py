"""Turn records into events, or refuse them with reasons."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from custseg_spark.core.events.id_texts import lost_digits_columns
from custseg_spark.core.events.ids import Halves, event_ids, extra_texts, hex_ids
from custseg_spark.core.events.ignoring import without_ignored
from custseg_spark.core.events.line_amounts import has_line_amounts, with_unit_prices
from custseg_spark.core.events.parsing import typed_events
from custseg_spark.core.events.records import Flags, Records
from custseg_spark.core.events.rejecting import Origin, rejected_records
from custseg_spark.core.events.rules import event_rules, passes
from custseg_spark.core.events.schema import EVENTS, MONEY
from custseg_spark.core.mappings.mapping import SourceMapping

_TEXTS = (
    "customer_id",
    "product_id",
    "category_id",
    "category_code",
    "brand",
    "session_id",
    "store",
)


@dataclass(frozen=True)
class ValidatedEvents:
    """The result for a stretch of records.

    `events` are rows of the table `events` in row order, still with copies. `id_high` and `id_low`
    are the halves of their ids; `rounded` marks events with an amount that lost digits. `rejected`
    are rows of the table `rejected_events` without the date of the ingest. `ignored` is the number
    of records of types that the mapping ignores.
    """

    events: pl.DataFrame
    id_high: Halves
    id_low: Halves
    rejected: pl.DataFrame
    rounded: Flags
    ignored: int = 0


def validate_events(
    records: Records, mapping: SourceMapping, *, source_file: str, file_id: str, latest: datetime
) -> ValidatedEvents:
    """Turn one file's records into events, or refuse each with all its reasons.

    `latest` is the last time that an event may have, with its time zone.
    """
    origin = Origin(mapping.name, source_file, file_id)
    read = len(records.rows)
    records = without_ignored(records, mapping)
    typed = typed_events(records.values, mapping)
    rules = event_rules(mapping, latest, lost_digits_columns(typed))
    is_valid = typed.select(passes(rules)).to_series()
    rejected = rejected_records(records, typed, is_valid, rules, origin)
    rows, values, extras = records.rows, records.values, records.extras
    if extras is None:
        extras = extra_texts(values, mapping.columns.values())
    if not is_valid.all():
        typed, rows, extras = (
            typed.filter(is_valid),
            rows[is_valid.to_numpy()],
            extras.filter(is_valid),
        )
    high, low = event_ids(typed, extras, mapping)
    if has_line_amounts(mapping):
        typed = with_unit_prices(typed, mapping)
    typed = typed.with_columns(hex_ids(high, low), source_row=pl.Series(rows, dtype=pl.Int64))
    rounded = typed.select(pl.col("unit_price_is_rounded") | pl.col("discount_is_rounded"))
    events = _table_rows(typed, mapping, origin)
    flags, ignored = rounded.to_series().to_numpy(), read - len(records.rows)
    return ValidatedEvents(events, high, low, rejected, flags, ignored)


def _table_rows(typed: pl.DataFrame, mapping: SourceMapping, origin: Origin) -> pl.DataFrame:
    """Return typed events with the columns of the table `events`."""
    order_id = pl.col("event_id") if mapping.record_is_order else pl.lit(None, pl.String)
    rows = typed.select(
        pl.col("event_at").dt.date().alias("event_date"),
        pl.col("event_at").dt.replace_time_zone("UTC"),
        "event_type",
        "event_id",
        "source_row",
        *_TEXTS,
        pl.col("unit_price").fill_null(pl.lit(0).cast(MONEY)),
        _unsigned("quantity").fill_null(1),
        _unsigned("discount").fill_null(pl.lit(0).cast(MONEY)),
        pl.coalesce("order_id", order_id).alias("order_id"),
        *origin.columns,
    )
    return rows.select(EVENTS.names()).cast(EVENTS)


def _unsigned(column: str) -> pl.Expr:
    """Remove the sign of a return's amount: quantity and discount of the returned goods."""
    value = pl.col(column)
    return pl.when(pl.col("event_type") == "return").then(value.abs()).otherwise(value)
