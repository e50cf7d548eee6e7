"""Equal records: copies of an event, and records that are events of their own all the same."""

import numpy as np
import polars as pl

from custseg_spark.core.events.ids import Halves, hashed, hex_ids
from custseg_spark.core.events.records import Flags, Ints


def repeated(id_high: Halves, id_low: Halves) -> Flags:
    """Which rows have the id of an earlier row."""
    return copy_numbers(id_high, id_low) > 1


def copy_numbers(id_high: Halves, id_low: Halves) -> Ints:
    """The how-manieth each row is of those with its id, from 1."""
    numbers = np.ones(len(id_high), np.int64)
    at = _with_equal_halves(id_high)
    if not len(at):
        return numbers
    order = at[np.lexsort((at, id_low[at], id_high[at]))]
    high, low = id_high[order], id_low[order]
    is_first = np.append(True, (high[1:] != high[:-1]) | (low[1:] != low[:-1]))
    places = np.arange(len(order))
    numbers[order] = places - places[is_first][np.cumsum(is_first) - 1] + 1
    return numbers


def _with_equal_halves(id_high: Halves) -> Ints:
    """Where a high half occurs more than once: almost nothing is left to compare in full."""
    ascending = np.sort(id_high)
    equal = ascending[1:][ascending[1:] == ascending[:-1]]
    return np.flatnonzero(np.isin(id_high, equal)) if len(equal) else np.zeros(0, np.int64)


def numbered_copies(
    events: pl.DataFrame, id_high: Halves, id_low: Halves
) -> tuple[pl.DataFrame, Halves, Halves]:
    """The events of one file, in row order, where equal records are events of their own.

    The second of them has an id made of the first one's and its number, so that the same file in
    another form, or a second delivery that overlaps with it, adds nothing. Comes with the ids.
    """
    numbers = copy_numbers(id_high, id_low)
    at = np.flatnonzero(numbers > 1)
    if not len(at):
        return events, id_high, id_low
    high, low = id_high.copy(), id_low.copy()
    high[at], low[at] = copy_ids(id_high[at], id_low[at], numbers[at])
    event_id = hex_ids(high, low)
    # An order that is its record's own goes with it.
    is_own = pl.col("order_id") == pl.col("event_id")
    order_id = pl.when(is_own).then(event_id).otherwise("order_id").alias("order_id")
    return events.with_columns(order_id).with_columns(event_id), high, low


def copy_ids(id_high: Halves, id_low: Halves, numbers: Ints) -> tuple[Halves, Halves]:
    """The ids of copies: XXH3-128 of the first record's hexadecimal id, a blank, the number."""
    texts = pl.DataFrame([hex_ids(id_high, id_low), pl.Series("number", numbers)])
    return hashed(texts.select(pl.concat_str("event_id", "number", separator=" ")).to_series())
