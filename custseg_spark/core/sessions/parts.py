"""Add the events of one UTC date up to session parts."""

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.events.schema import EVENT_TYPES
from custseg_spark.core.sessions.items import item_lists, sorted_by_item
from custseg_spark.core.sessions.keyed_events import SESSION_KEYS, keyed_events, session_names
from custseg_spark.core.sessions.orders import order_lists
from custseg_spark.core.sessions.runs import Ints, Mask, Runs, decimal_array
from custseg_spark.core.sessions.schema import (
    KINDS,
    LOG_PRICE_SUM,
    MONEY,
    MONEY_SQUARES,
    MONEY_SUM,
    PARTS,
    PURCHASE,
    RETURN,
    TIME,
    VIEW,
)

EVENING_FROM_HOUR = 18

_LARGEST = np.iinfo(np.int64).max


def session_parts(
    events: pl.DataFrame,
    *,
    carried: pl.DataFrame | None = None,
    names: pl.DataFrame | None = None,
) -> pa.Table:
    """Return one row per customer and session of the events of one UTC date (or a slice of it).

    A session is the source's, otherwise an order, otherwise a gap session. `carried`
    (`customer_id`, `session_id`) names the gap sessions that continue from before the events;
    `names` are the rows of `session_names` where they are known already. Rows come sorted by the
    customers' hash, and so by their bucket, whatever the order of the events.
    """
    if events.is_empty():
        return PARTS.empty_table()
    names = session_names(events, carried) if names is None else names
    rows = sorted_by_item(keyed_events(events, names), SESSION_KEYS)
    runs = Runs.of(rows, SESSION_KEYS)
    first_rows = rows["row"].gather(runs.starts)
    columns = {
        "customer_id": text_array(events["customer_id"].gather(first_rows)),
        "session_kind": kind_array(rows["kind"].gather(runs.starts)),
        "session_id": text_array(names["session_id"].gather(first_rows)),
        **_counts_and_times(rows, runs),
        **_money(rows, runs),
        **_prices(rows, runs),
        "items": item_lists(rows, runs.starts),
        "orders": order_lists(rows, runs),
    }
    return pa.table([columns[name] for name in PARTS.names], schema=PARTS)


def text_array(values: pl.Series) -> pa.Array:
    """Convert texts to an Arrow array of strings."""
    return values.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())


def kind_array(kinds: pl.Series) -> pa.Array:
    """Return the names of session kinds by their indices."""
    return pa.DictionaryArray.from_arrays(kinds.to_arrow(), pa.array(KINDS)).cast(pa.string())


def time_array(micros: Ints, valid: Mask | None = None) -> pa.Array:
    """Convert microseconds since 1970 to times; null where not `valid`."""
    return pa.array(micros, TIME, mask=None if valid is None else ~valid)


def _counts_and_times(rows: pl.DataFrame, runs: Runs) -> dict[str, pa.Array]:
    at, event_type = rows["at"].to_numpy(), rows["event_type"].to_numpy()
    is_purchase = event_type == PURCHASE
    counts = {
        f"{name}_count": runs.counts(event_type == index) for index, name in enumerate(EVENT_TYPES)
    }
    bought = counts["purchase_count"] > 0
    is_evening = rows["hour"].to_numpy() >= EVENING_FROM_HOUR
    return {
        "first_event_at": time_array(runs.smallest(at)),
        "last_event_at": time_array(runs.largest(at)),
        "event_count": pa.array(runs.sizes()),
        **{name: pa.array(count) for name, count in counts.items()},
        "evening_event_count": pa.array(runs.counts(is_evening)),
        "first_purchase_at": time_array(
            runs.smallest(np.where(is_purchase, at, _LARGEST)), bought
        ),
        "last_purchase_at": time_array(
            runs.largest(np.where(is_purchase, at, -_LARGEST)), bought
        ),
    }  # fmt: skip


def _money(rows: pl.DataFrame, runs: Runs) -> dict[str, pa.Array]:
    is_purchase, is_return = (pl.col("event_type") == kind for kind in (PURCHASE, RETURN))
    is_discounted = is_purchase & (pl.col("discount") > 0)
    sums = {
        "purchase_amount": _where(is_purchase, "amount"),
        "return_amount": _where(is_return, "amount"),
        "discount_amount": _where(is_purchase, "discount"),
        "discounted_amount": _where(is_discounted, "amount"),
        "purchased_price_sum": _where(is_purchase, "price"),
        "viewed_price_sum": _where(pl.col("event_type") == VIEW, "price"),
    }
    return {
        name: decimal_array(runs.sums(rows.select(value).to_series()), MONEY_SUM)
        for name, value in sums.items()
    }


def _prices(rows: pl.DataFrame, runs: Runs) -> dict[str, pa.Array]:
    is_view = rows["event_type"] == VIEW
    viewed = rows.select(_where(is_view, "price")).to_series()
    squares, valid = runs.square_sums(viewed)
    has_views = runs.counts(is_view.to_numpy()) > 0
    largest = pl.Series(runs.largest(viewed.to_numpy()))
    log_price = rows["log"]
    return {
        "viewed_price_squares": decimal_array(squares, MONEY_SQUARES, valid),
        "max_viewed_price": decimal_array(largest, MONEY, has_views),
        "log_price_sum": decimal_array(runs.sums(log_price.fill_null(0)), LOG_PRICE_SUM),
        "log_price_count": pa.array(runs.counts(log_price.is_not_null().to_numpy())),
    }


def _where(condition: pl.Expr | pl.Series, column: str) -> pl.Expr:
    """Return the column's value where the condition holds, otherwise 0."""
    return pl.when(condition).then(column).otherwise(0)
