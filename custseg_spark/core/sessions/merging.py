"""Parts of slices of a date's events, added up to the parts of the date."""

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.sessions.buckets import text_hash
from custseg_spark.core.sessions.items import item_lists, sorted_by_item
from custseg_spark.core.sessions.keyed_events import SESSION_KEYS, session_key
from custseg_spark.core.sessions.parts import time_array
from custseg_spark.core.sessions.runs import Ints, Mask, Runs, decimal_array, units_of, valid_sums
from custseg_spark.core.sessions.schema import ITEM_KEYS, KINDS, PARTS

_SMALLEST = ("first_event_at", "first_purchase_at")

_LEAST, _GREATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def merge_parts(parts: pa.Table) -> pa.Table:
    """One row a customer x session, of parts of slices of one date's events, in any order.

    Equal to the parts of the whole date's events, where the gap sessions of each slice were
    carried into the next (`gaps.continued`).
    """
    if len(parts) == 0:
        return PARTS.empty_table()
    rows = _keyed(parts)
    order = rows["row"].to_numpy()
    runs = Runs.of(rows, SESSION_KEYS)
    ordered = parts.drop_columns("items").take(pa.array(order)).combine_chunks()
    columns = {name: _merged(ordered, name, runs) for name in ordered.column_names}
    columns["items"] = _merged_items(parts["items"].combine_chunks(), order, runs)
    return pa.table([columns[name] for name in PARTS.names], schema=PARTS)


def _keyed(parts: pa.Table) -> pl.DataFrame:
    """The parts' keys, sorted; `row` is the part's row in `parts`."""
    kinds = pl.Enum(KINDS)
    names = pl.from_arrow(parts.select(["customer_id", "session_kind", "session_id"]))
    assert isinstance(names, pl.DataFrame)  # of a table it is one
    kind = pl.col("session_kind").cast(kinds).to_physical().cast(pl.Int8)
    return (
        names.with_columns(kind.alias("kind"))
        .select(
            text_hash("customer_id").alias("customer_hash"),
            session_key(list(range(len(KINDS)))).alias("session_key"),
            pl.int_range(pl.len(), dtype=pl.Int64).alias("row"),
        )
        .sort(*SESSION_KEYS, "row")
    )


def _merged(parts: pa.Table, name: str, runs: Runs) -> pa.Array:
    """A column of the merged parts; `parts` are sorted by session."""
    values, type_ = parts[name].combine_chunks(), PARTS.field(name).type
    if pa.types.is_string(type_):
        return values.take(pa.array(runs.starts))
    if pa.types.is_timestamp(type_):
        return _merged_times(values, name, runs)
    if name == "viewed_price_squares":
        return _merged_squares(values, runs)
    if name == "max_viewed_price":
        return _largest_price(values, runs)
    units = units_of(_series(values))
    if pa.types.is_decimal(type_):
        return decimal_array(runs.sums(units), type_)
    return pa.array(runs.added(units.to_numpy()))


def _series(values: pa.Array) -> pl.Series:
    series = pl.from_arrow(values)
    assert isinstance(series, pl.Series)  # of an array it is one
    return series


def _merged_times(values: pa.Array, name: str, runs: Runs) -> pa.Array:
    present = _present(values)
    micros = values.cast(pa.int64())
    has_any = runs.counts(present) > 0
    if name in _SMALLEST:
        times = runs.smallest(micros.fill_null(_GREATEST).to_numpy())
    else:
        times = runs.largest(micros.fill_null(_LEAST).to_numpy())
    return time_array(times, has_any)


def _merged_squares(values: pa.Array, runs: Runs) -> pa.Array:
    """Null where a slice's squares are: they have too many digits without the others'."""
    units = units_of(_series(values)).fill_null(0)
    estimates = np.add.reduceat(units.cast(pl.Float64).to_numpy(), runs.starts)
    sums, fits = valid_sums(runs.sums(units), estimates)
    return decimal_array(sums, values.type, fits & (runs.counts(~_present(values)) == 0))


def _largest_price(values: pa.Array, runs: Runs) -> pa.Array:
    units = units_of(_series(values)).fill_null(0)
    largest = pl.Series(runs.largest(units.to_numpy()))
    return decimal_array(largest, values.type, runs.counts(_present(values)) > 0)


def _present(values: pa.Array) -> Mask:
    present: Mask = values.is_valid().to_numpy(zero_copy_only=False)
    return present


def _merged_items(lists: pa.ListArray, order: Ints, runs: Runs) -> pa.Array:
    """The items of each run's parts in one list; `order` has the parts' rows by session."""
    session_of = np.empty(len(order), np.int64)
    session_of[order] = np.repeat(np.arange(len(runs.starts)), runs.sizes())
    items = lists.flatten()
    rows = pl.DataFrame({key: _series(items.field(key)) for key in ITEM_KEYS}).with_columns(
        pl.Series("session", np.repeat(session_of, lists.value_lengths().to_numpy()))
    )
    rows = sorted_by_item(rows, ["session"])
    return item_lists(rows, Runs.of(rows, ["session"]).starts)
