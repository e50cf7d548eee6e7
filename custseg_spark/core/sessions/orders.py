"""Orders of session parts: the quantity and the amount that each order has in the part."""

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.sessions.runs import Runs, decimal_array
from custseg_spark.core.sessions.schema import ORDER_LINES, PURCHASE

_KEYS = ("part", "order_key")


def order_lists(rows: pl.DataFrame, parts: Runs) -> pa.Array:
    """Return one list of orders per part, by key; empty for a part without a purchase.

    An order that lies in several parts has an entry in each: they add up.
    """
    places = (rows["event_type"] == PURCHASE).arg_true()
    part = np.searchsorted(parts.starts, places.to_numpy(), side="right") - 1
    lines = rows.select("order_key", "quantity", "amount")[places]
    lines = lines.with_columns(pl.Series("part", part, pl.Int64)).sort(_KEYS)
    orders = Runs.of(lines, _KEYS)
    entries = pa.StructArray.from_arrays(
        [
            lines["order_key"].gather(orders.starts).to_arrow(),
            *(_sums(lines[name], orders, name) for name in ("quantity", "amount")),
        ],
        fields=list(ORDER_LINES),
    )
    owners = lines["part"].to_numpy()[orders.starts]
    offsets = np.zeros(len(parts.starts) + 1, np.int32)
    np.cumsum(np.bincount(owners, minlength=len(parts.starts)), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), entries)


def _sums(values: pl.Series, orders: Runs, name: str) -> pa.Array:
    type_ = ORDER_LINES.field(name).type
    return decimal_array(orders.sums(values), type_) if len(values) else pa.array([], type_)
