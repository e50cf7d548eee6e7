"""Find copies of an event, and give ids to copies that count as events of their own."""

import hashlib

import numpy as np
import polars as pl

from custseg_spark.core.events.ids import Halves
from custseg_spark.core.events.records import Flags, Ints


def repeated(id_high: Halves, id_low: Halves) -> Flags:
    """Mark rows with the id of an earlier row."""
    flags = np.zeros(len(id_high), bool)
    at = _with_equal_halves(id_high)
    if len(at):
        order = at[np.lexsort((at, id_low[at], id_high[at]))]
        high, low = id_high[order], id_low[order]
        flags[order[1:]] = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
    return flags


def _with_equal_halves(id_high: Halves) -> Ints:
    """Mark rows whose high half occurs more than once; almost nothing is left to compare."""
    ascending = np.sort(id_high)
    equal = ascending[1:][ascending[1:] == ascending[:-1]]
    return np.flatnonzero(np.isin(id_high, equal)) if len(equal) else np.zeros(0, np.int64)


def ids_of_copies(first_ids: pl.Series, numbers: pl.Series) -> pl.Series:
    """Return ids of copies: MD5 of the first one's id in hexadecimal digits, a blank, the number.

    Copies are few. MD5, because Spark has it too.
    """
    texts = (f"{i} {n}" for i, n in zip(first_ids, numbers, strict=True))
    ids = [hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in texts]
    return pl.Series("event_id", ids, pl.String)


def later_copies(ids: pl.DataFrame) -> pl.Series:
    """Whether an id also has an earlier row by file and row number, whichever task has read it."""
    is_repeated = ids["event_id"].is_duplicated()
    places = ids.select("event_id", "source_file", "source_row", at=pl.int_range(pl.len()))
    repeated = places.filter(is_repeated).sort("source_file", "source_row", maintain_order=True)
    later = repeated.filter(~repeated["event_id"].is_first_distinct())["at"]
    return is_repeated & pl.Series(np.isin(np.arange(len(ids)), later.to_numpy()))


def with_ids_of_copies(ids: pl.DataFrame) -> pl.DataFrame:
    """Return the ids, with ids of their own for equal records of a source that keeps copies.

    `first_id` is the id by the record itself.
    """
    by_row = pl.int_range(pl.len()).over("event_id", "file_id", order_by="source_row") + 1
    numbered = ids.with_columns(first_id="event_id", number=by_row)
    is_copy = numbered["is_kept"] & (numbered["number"] > 1)
    copies = numbered.filter(is_copy)
    new_ids = ids_of_copies(copies["first_id"], copies["number"])
    places = numbered.select(pl.int_range(pl.len())).to_series().filter(is_copy)
    event_id = (
        numbered["event_id"].scatter(places, new_ids) if len(new_ids) else numbered["event_id"]
    )
    return numbered.with_columns(event_id.alias("event_id"))
