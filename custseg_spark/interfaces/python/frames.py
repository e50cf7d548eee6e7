"""Frames of pandas, Polars, Arrow and Spark: recognise them by name, convert to Arrow and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from custseg_spark.errors import InputError, nearest

_MOST_ROWS_SHOWN = 1


def library(frame: object) -> str | None:
    """Return a frame's library: pandas, polars, pyarrow or pyspark; None for anything else.

    A library's other objects, such as a column, are no frames either.
    """
    kind = type(frame)
    package = kind.__module__.partition(".")[0]
    is_frame = kind.__name__ in _FRAMES.get(package, ())
    return package if is_frame else None


_FRAMES = {
    "pandas": ("DataFrame",),
    "polars": ("DataFrame", "LazyFrame"),
    "pyarrow": ("Table", "RecordBatch"),
    "pyspark": ("DataFrame",),
}


def to_arrow(frame: Any) -> pa.Table:
    """Convert a frame in memory to Arrow. Raises InputError for values without an Arrow type."""
    kind = library(frame)
    if kind == "pandas":
        return _of_pandas(frame)
    if kind == "polars":
        whole = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
        return pa.table(whole.to_arrow())
    if kind == "pyarrow":
        return pa.table(frame)
    if isinstance(frame, Mapping):
        return pa.table({name: pa.array(values) for name, values in frame.items()})
    raise InputError(
        f"expected a frame of pandas, Polars, Arrow or Spark, got {type(frame).__name__}"
    )


def _of_pandas(frame: Any) -> pa.Table:
    """Convert column by column: a column of mixed values, such as 536365 and C536379, is text."""
    columns = {}
    for place, name in enumerate(frame.columns):
        if not isinstance(name, str):
            raise InputError(f"the frame's column {name!r} has no text for its name")
        if name in columns:
            raise InputError(f"the frame has the column '{name}' twice")
        series = frame.iloc[:, place]
        try:
            columns[name] = pa.Array.from_pandas(series)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            is_missing = series.isna()
            texts = [None if gap else str(v) for v, gap in zip(series, is_missing, strict=True)]
            columns[name] = pa.array(texts, pa.string())
    return pa.table(columns)


def numbers(frame: pa.Table, names: Sequence[str]) -> pa.Table:
    """Return the named columns as numbers.

    Raises InputError for a missing column, and for a value that is no number: with the column, the
    row (the first is 1) and the value.
    """
    return pa.table({name: _numbers(frame, name) for name in names})


def _numbers(frame: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in frame.column_names:
        raise InputError(
            f"the frame has no column '{name}', which the model reads; a row is a customer, as in"
            f" customer_features{nearest(name, frame.column_names)}"
        )
    column = frame[name]
    kind = column.type
    if pa.types.is_null(kind):
        return column.cast(pa.float64())
    if pa.types.is_boolean(kind) or not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    ):
        _refuse(column, name, lambda value: True)
        return column.cast(pa.float64())  # no value at all
    if pa.types.is_floating(kind):
        _refuse(column, name, lambda value: value in (float("inf"), float("-inf")))
    return column


def _refuse(column: pa.ChunkedArray, name: str, is_wrong: Any) -> None:
    for row, value in enumerate(column.to_pylist(), start=1):
        if value is not None and is_wrong(value):
            raise InputError(f"row {row}: {name} is {value!r}; expected a finite number")


def like(frame: Any, table: pa.Table) -> Any:
    """Convert a table to a frame of the library of `frame`; in pandas with its index."""
    kind = library(frame)
    if kind == "pandas":
        result = table.to_pandas()
        result.index = frame.index
        return result
    return table if kind == "pyarrow" else pl.from_arrow(table)
