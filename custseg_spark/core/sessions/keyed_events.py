"""Reduce events to keys and whole numbers, from which session parts are added up."""

import numpy as np
import polars as pl

from custseg_spark.core.events.schema import EVENT_TYPES
from custseg_spark.core.sessions.buckets import text_hash, text_key
from custseg_spark.core.sessions.gap_sessions import DAY_MICROS, GapTimeline, is_gap_event
from custseg_spark.core.sessions.log_prices import log_price_units, price_units
from custseg_spark.core.sessions.runs import largest_magnitude
from custseg_spark.core.sessions.schema import GAP, KINDS, ORDER, PURCHASE, SOURCE

# A session's key: the customer's hash (UInt64) and the hash of the session's kind and id.
SESSION_KEYS = ("customer_hash", "session_key")

HOUR_MICROS = 60 * 60 * 1_000_000

_KIND_HASHES = pl.DataFrame({"kind": KINDS}).select(text_hash("kind")).to_series().to_list()


def session_names(events: pl.DataFrame, carried: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return the session of each event, in the events' order: `kind` (index in KINDS) and
    `session_id`.
    """
    kind = (
        pl.when(pl.col("session_id").is_not_null())
        .then(SOURCE)
        .when(pl.col("order_id").is_not_null())
        .then(ORDER)
        .otherwise(GAP)
        .cast(pl.Int8)
    )
    names = events.select(
        kind.alias("kind"), pl.coalesce("session_id", "order_id").alias("session_id")
    )
    gap_events = events.select("customer_id", "event_at").filter(
        events.select(is_gap_event).to_series()
    )
    if gap_events.is_empty():
        return names
    is_gap = pl.col("kind") == GAP
    gap_ids = GapTimeline(gap_events).session_ids(carried)
    of_event = pl.lit(gap_ids).gather(is_gap.cast(pl.Int64).cum_sum() - 1)
    session_id = pl.when(is_gap).then(of_event).otherwise("session_id")
    return names.with_columns(session_id.alias("session_id"))


def keyed_events(events: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Return one row per event, in the given order; all events are of one UTC date.

    Keys are 64-bit hashes, times are microseconds since 1970, money is in ten-thousandths, the
    logarithm of the price (`log`) in 10^-12. `row` is the event's row in `events`. `order_key` is
    set for purchases: the order's key, or the session's where there is no order id.
    """
    given = events.with_columns(names)
    keyed = given.select(
        text_hash("customer_id").alias("customer_hash"),
        session_key(names["kind"].unique().to_list()).alias("session_key"),
        text_key("product_id").alias("product_key"),
        text_key("category_id").alias("category_key"),
        text_key("brand").alias("brand_key"),
        text_key("order_id").alias("order_key"),
        "kind",
        pl.col("event_at").dt.epoch("us").alias("at"),
        _event_type().alias("event_type"),
        price_units().alias("price"),
        price_units("discount").alias("discount"),
        "quantity",
        log_price_units().alias("log"),
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("row"),
    )
    order_key = pl.coalesce("order_key", "session_key")
    return keyed.with_columns(
        pl.when(pl.col("event_type") == PURCHASE).then(order_key).alias("order_key"),
        _hours(keyed["at"]).alias("hour"),
        _amounts(keyed["price"], events["quantity"], keyed["discount"]).alias("amount"),
    )


def session_key(kinds: list[int]) -> pl.Expr:
    """Hash `kind` and `session_id` as Spark chains them: the first hash is the second's seed."""
    keys = [text_key("session_id", seed=_KIND_HASHES[kind]) for kind in kinds]
    result = keys[0]
    for kind, key in zip(kinds[1:], keys[1:], strict=True):
        result = pl.when(pl.col("kind") == kind).then(key).otherwise(result)
    return result


def _event_type() -> pl.Expr:
    """Return the index of the event's type in EVENT_TYPES."""
    result = pl.lit(0)
    for index, event_type in enumerate(EVENT_TYPES):
        result = pl.when(pl.col("event_type") == event_type).then(index).otherwise(result)
    return result.cast(pl.Int8)


def _hours(at: pl.Series) -> pl.Series:
    """Return the hour of each time, Int8; all are of one date."""
    micros = at.to_numpy()
    of_day = micros - micros.min() // DAY_MICROS * DAY_MICROS
    if of_day.max() >= DAY_MICROS:
        raise ValueError("events of more than one UTC date")
    return pl.Series((of_day // HOUR_MICROS).astype(np.int8))


def _amounts(price: pl.Series, quantity: pl.Series, discount: pl.Series) -> pl.Series:
    """Return price x quantity - discount: Int64 if all fit, otherwise Int128."""
    largest = largest_magnitude(price) * largest_magnitude(quantity) + largest_magnitude(discount)
    wide = pl.Int64 if largest < 2**63 else pl.Int128
    return price.cast(wide) * quantity.cast(wide) - discount.cast(wide)
