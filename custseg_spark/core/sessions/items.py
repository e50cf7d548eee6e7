"""Items of session parts: product, category, brand, hour and order of each event, sorted by
session.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.sessions.runs import Ints
from custseg_spark.core.sessions.schema import ITEM, ITEM_KEYS


def sorted_by_item(rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Sort rows by `keys`, and equal ones as Spark sorts an array of items: null first."""
    sorted_keys = (
        rows.select(*keys, *ITEM_KEYS, pl.int_range(pl.len(), dtype=pl.UInt32).alias("_row"))
        # Sorting by all keys takes half as long where a customer's rows are side by side already.
        .sort(keys[0])
        .sort(*keys, *ITEM_KEYS, nulls_last=False)
    )
    others = rows.drop(*keys, *ITEM_KEYS)[sorted_keys["_row"]]
    return sorted_keys.drop("_row").hstack(others)


def item_lists(rows: pl.DataFrame, starts: Ints) -> pa.Array:
    """Return one list of items per run of rows; `starts` has the first row of each run."""
    items = pa.StructArray.from_arrays(
        [rows[key].to_arrow() for key in ITEM_KEYS], fields=list(ITEM)
    )
    offsets = np.append(starts, len(rows)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), items)
