"""The id of an event: a 128-bit hash of all its source fields as values.

It is XXH3-128, seed 0, of the UTF-8 text of these fields, separated by the unit separator (0x1F):
* each mapped canonical column, in the order of EVENT_COLUMNS: event_at as microseconds since
  1970-01-01 UTC, event_type as the canonical type, amounts in ten-thousandths (33.2 is 332000),
  exact where rounding took digits away (12.98999 is 1298999e-1), quantity as an integer, every
  other column as its trimmed text. A blank stands for a missing value, which no trimmed text is.
* the columns that aren't mapped, as `name=value` in the order of their names, none where the value
  is missing; an empty field where there are none.
A unit separator within a text is followed by two more blanks, so that no two records have one text.
So 33.20 in a CSV file and 33.2 in a SQLite table are one event.
"""

import binascii
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash as plh
import pyarrow as pa

from custseg_spark.core.events.amounts import ten_thousandths
from custseg_spark.core.events.id_texts import trimmed
from custseg_spark.core.events.parsing import EVENT_AMOUNTS
from custseg_spark.core.mappings.mapping import EVENT_COLUMNS, SourceMapping

Halves = npt.NDArray[np.uint64]

SEPARATOR = "\x1f"
_SEPARATOR_IN_TEXT = SEPARATOR + "  "
_NULL_MARK = " "
_WIDE, _CELLS_AT_A_TIME = 100, 200_000
_HALF = 1 << 64
_HEX_DIGITS = 32


def event_ids(
    events: pl.DataFrame, extras: pl.Series, mapping: SourceMapping
) -> tuple[Halves, Halves]:
    """Return both halves of each typed event's id; `extras` come from `extra_texts`."""
    mapped = [c for c in EVENT_COLUMNS if c in mapping.columns]
    texts = [c for c in mapped if c not in _VALUES]
    escaped = events.select(*texts, *[_VALUES[c].alias(c) for c in mapped if c in _VALUES])
    escaped = _escaped(escaped, texts).with_columns(extras.alias("extras"))
    fields = [pl.col(c).fill_null(_NULL_MARK) for c in mapped]
    return hashed(escaped.select(pl.concat_str(*fields, "extras", separator=SEPARATOR)).to_series())


_VALUES = {
    "event_at": pl.col("event_at").to_physical().cast(pl.String),
    "event_type": pl.col("event_type"),
    "quantity": pl.col("quantity").cast(pl.String),
    **{c: ten_thousandths(pl.col(c), pl.col(f"{c}_exact")) for c in EVENT_AMOUNTS},
}


def extra_texts(values: pl.DataFrame, mapped: Collection[str]) -> pl.Series:
    """Join the unmapped columns as `name=value` texts, empty without any."""
    names = sorted(set(values.columns) - set(mapped))
    if not names:
        return pl.Series("extras", [""], pl.String).new_from_index(0, len(values))
    if len(names) > _WIDE:
        # So many rows at a time fit into the processor's cache.
        slices = values.select(names).iter_slices(max(1, _CELLS_AT_A_TIME // len(names)))
        blank = [pl.Series("extras", [], pl.String)]
        return pl.concat([*blank, *(_wide_extra_texts(rows, names) for rows in slices)])
    texts = _escaped(trimmed(values.select(names)), names)
    named = [pl.lit(f"{name}=") + pl.col(name) for name in names]
    joined = pl.concat_str(named, separator=SEPARATOR, ignore_nulls=True)
    return texts.select(joined.fill_null("").alias("extras")).to_series()


def _wide_extra_texts(values: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    """Join thousands of columns, with all values in one column.

    An expression per column would cost more than its values.
    """
    height, width = len(values), len(names)
    cells = pl.concat([values[name].alias("value") for name in names])
    row_by_row = np.arange(height * width).reshape(width, height).T.ravel()
    ordered = _escaped(trimmed(cells.gather(row_by_row).to_frame()), ["value"])
    prefixes = pl.Series([f"{name}=" for name in names], dtype=pl.String)
    named = ordered.select(prefixes.gather(np.tile(np.arange(width), height)) + pl.col("value"))
    rows = named.to_series().reshape((height, width)).arr.to_list()
    return rows.list.join(SEPARATOR, ignore_nulls=True).fill_null("").alias("extras")


def joined_extras(extras: dict[str, str]) -> str:
    """Join the columns of a single record with trimmed, non-empty values."""
    texts = (f"{name}={extras[name]}" for name in sorted(extras))
    return SEPARATOR.join(t.replace(SEPARATOR, _SEPARATOR_IN_TEXT) for t in texts)


def _escaped(texts: pl.DataFrame, columns: Collection[str]) -> pl.DataFrame:
    if not columns:
        return texts
    has = texts.select(pl.col(*columns).str.contains(SEPARATOR, literal=True).any()).row(0)
    odd = [column for column, has_one in zip(columns, has, strict=True) if has_one]
    within = pl.col(odd).str.replace_all(SEPARATOR, _SEPARATOR_IN_TEXT, literal=True)
    return texts.with_columns(within) if odd else texts


def hashed(texts: pl.Series) -> tuple[Halves, Halves]:
    """Return the high and the low half of each text's XXH3-128, seed 0."""
    whole = texts.to_frame("text").select(id=plh.col("text").nchash.xxh3_128())
    halves = whole.select(
        high=pl.col("id").floordiv(pl.lit(_HALF, pl.UInt128)).cast(pl.UInt64),
        low=(pl.col("id") % pl.lit(_HALF, pl.UInt128)).cast(pl.UInt64),
    )
    return halves["high"].to_numpy(), halves["low"].to_numpy()


def hex_ids(high: Halves, low: Halves) -> pl.Series:
    """Return the ids as 32 hexadecimal digits."""
    both = np.stack([high, low], axis=1).astype(">u8")
    offsets = np.arange(0, _HEX_DIGITS * (len(high) + 1), _HEX_DIGITS, dtype=np.int64)
    digits = pa.LargeStringArray.from_buffers(
        len(high), pa.py_buffer(offsets), pa.py_buffer(binascii.hexlify(both.tobytes()))
    )
    return pl.Series("event_id", digits, pl.String)
