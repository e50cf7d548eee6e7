"""Tables with typed columns as records: every value as the text that a person would type for it.

Whole numbers have no point: 17850, though a column with gaps makes it 17850.0. NaN is null, because
writers put it for a missing value. Times are `yyyy-MM-dd HH:mm:ss` in UTC, with six more digits if
there are fractions.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.events.float_texts import float_texts
from custseg_spark.core.events.lines import is_utf8
from custseg_spark.core.events.records import Flags, Ints, Records, malformed_frame

_SECONDS, _MICROSECONDS = "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%6f"


def table_records(
    table: pa.Table, rows: Ints, *, too_wide: Flags | None = None, decimal: str = "."
) -> Records:
    """Return one record per row of the table; `rows` has the source row of each.

    A record is malformed if a text column's bytes aren't UTF-8, or if `too_wide` marks it for
    values beyond the columns. A binary column's bytes are text, or else hexadecimal digits. The
    text of a record is the JSON object of its values. Numbers are written with the decimal sign
    `decimal`, which the mapping expects.
    """
    is_bad = np.zeros(len(table), np.bool_)
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        texts, is_bad_text = column_texts(_whole(column), decimal)
        columns.append(texts.alias(name))
        is_bad |= is_bad_text
    values = pl.DataFrame(columns)
    defects = np.where(is_bad, "invalid_utf8", "")
    if too_wide is not None:
        defects = np.where(too_wide & ~is_bad, "wrong_field_count", defects)
    return _records(values, rows, defects)


def _records(values: pl.DataFrame, rows: Ints, defects: Any) -> Records:
    at = np.flatnonzero(defects != "")
    texts = json_texts(values[at])
    malformed = list(zip(rows[at].tolist(), texts, defects[at].tolist(), strict=True))
    if len(at):
        kept = defects == ""
        values, rows = values.filter(kept), rows[kept]
    return Records(values, rows, malformed_frame(malformed), lambda p: json_texts(values[p]))


def json_texts(values: pl.DataFrame) -> list[str]:
    """Return each row as the JSON object of its values that aren't null."""
    return [
        _json({name: value for name, value in row.items() if value is not None})
        for row in values.iter_rows(named=True)
    ]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array


def column_texts(column: pa.Array, decimal: str = ".") -> tuple[pl.Series, Flags]:
    """Return a column as text, numbers with this decimal sign; and mark values that are no text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return column_texts(column.dictionary_decode(), decimal)
    for is_kind, to_text in _WAYS:
        if is_kind(kind):
            texts = to_text(column)
            if decimal != "." and _has_point(kind):
                texts = texts.str.replace(".", decimal, literal=True)
            return texts, np.zeros(len(column), np.bool_)
    if _is_text(kind):
        return _own_text(column)
    return _each(column, str), np.zeros(len(column), np.bool_)


def _has_point(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _own_text(column: pa.Array) -> tuple[pl.Series, Flags]:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        cells = column.cast(pa.large_binary()).to_pylist()
        is_bad = [cell is not None and not is_utf8(cell) for cell in cells]
        texts = [None if cell is None else cell.decode(errors="replace") for cell in cells]
        return pl.Series(texts, dtype=pl.String), np.array(is_bad, np.bool_)
    return pl.Series(column.cast(pa.large_string())), np.zeros(len(column), np.bool_)


def _bytes_text(column: pa.Array) -> pl.Series:
    # Writers without a type for text leave its bytes.
    return _each(column, lambda b: b.decode() if is_utf8(b) else b.hex().upper())


def _each(column: pa.Array, to_text: Callable[[Any], str]) -> pl.Series:
    cells = column.to_pylist()
    return pl.Series([None if c is None else to_text(c) for c in cells], dtype=pl.String)


def _number(column: pa.Array) -> pl.Series:
    return float_texts(pl.Series(column.cast(pa.float32()) if _is_half(column) else column))


def _is_half(column: pa.Array) -> bool:
    return bool(pa.types.is_float16(column.type))


def _time(column: pa.Array) -> pl.Series:
    times = pl.Series(column).cast(pl.Datetime("us"))
    seconds, precise = (pl.col("at").dt.strftime(f) for f in (_SECONDS, _MICROSECONDS))
    has_fraction = pl.col("at").dt.microsecond() != 0
    text = pl.when(has_fraction).then(precise).otherwise(seconds)
    return times.to_frame("at").select(text).to_series()


def _plain(column: pa.Array) -> pl.Series:
    return pl.Series(column).cast(pl.String)


def _decimal(column: pa.Array) -> pl.Series:
    return _each(column, lambda number: format(number, "f"))


def _date(column: pa.Array) -> pl.Series:
    return pl.Series(column.cast(pa.date32())).dt.strftime("%Y-%m-%d")


def _clock_time(column: pa.Array) -> pl.Series:
    # Python's own time has no nanoseconds.
    if column.type.unit == "ns":
        return pl.Series(column.cast(pa.string()))
    return _each(column, str)


def _duration(column: pa.Array) -> pl.Series:
    """Write durations as 0:00:01; as a number of units where Python's own type can't hold it."""
    try:
        return _each(column.cast(pa.duration("us")), str)
    except (pa.ArrowInvalid, OverflowError):
        unit: str = column.type.unit
        return _each(column.cast(pa.int64()), lambda number: f"{number}{unit}")


def _nothing(column: pa.Array) -> pl.Series:
    return pl.Series([None] * len(column), dtype=pl.String)


def _nested(column: pa.Array) -> pl.Series:
    return _each(column, lambda value: _json(_without_nulls(value)))


def _without_nulls(value: Any) -> Any:
    """Return a nested value without the null fields of its objects; a map as an object."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        if value and all(isinstance(item, tuple) for item in value):
            return {str(k): _without_nulls(v) for k, v in value}
        return [_without_nulls(item) for item in value]
    return value.decode(errors="replace") if isinstance(value, bytes) else value


_WAYS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pl.Series]], ...] = (
    (_is_binary, _bytes_text),
    (pa.types.is_floating, _number),
    (pa.types.is_integer, _plain),
    (pa.types.is_boolean, _plain),
    (pa.types.is_timestamp, _time),
    (pa.types.is_date, _date),
    (pa.types.is_time, _clock_time),
    (pa.types.is_duration, _duration),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_nested, _nested),
    (pa.types.is_null, _nothing),
)
