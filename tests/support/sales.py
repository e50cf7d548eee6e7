"""Lines of the `sales_facts` mapping from literal values, in each form they come in."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_VALUES = {
    "customer_id": "c1",
    "order_id": "1001",
    "order_date": "2024-03-01",
    "product_id": "77",
    "quantity": "2",
    "unit_price": "12.50",
    "discount": "5.00",
    "net_amount": "20.00",
}
COLUMNS = tuple(_VALUES)
# As a warehouse has them.
TYPES: Mapping[str, Any] = {
    "order_id": pa.int64(),
    "order_date": pa.date32(),
    "product_id": pa.int32(),
    "quantity": pa.int16(),
    "unit_price": pa.decimal128(12, 4),
    "discount": pa.decimal128(12, 2),
    "net_amount": pa.decimal128(12, 2),
}

Line = dict[str, str | None]


def sale(**values: str | None) -> Line:
    """A good line, with the given values instead."""
    assert values.keys() <= _VALUES.keys()
    return _VALUES | values


def write(path: Path, lines: Iterable[Line], types: Mapping[str, Any] = TYPES) -> Path:
    """The lines as the name's ending says: CSV, or Parquet with these types, else text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        stream = io.StringIO()
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
        path.write_text(stream.getvalue(), encoding="utf-8")
    else:
        pq.write_table(table(list(lines), types), path)
    return path


def table(lines: list[Line], types: Mapping[str, Any] = TYPES) -> pa.Table:
    texts = {c: pa.array([line[c] for line in lines], pa.string()) for c in COLUMNS}
    # Arrow has no cast from text to a decimal of that scale but by way of a wider one.
    return pa.table({c: _cast(v, types.get(c, pa.string())) for c, v in texts.items()})


def _cast(texts: pa.Array, type_: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(type_):
        return pc.cast(pc.cast(texts, pa.decimal128(38, 10)), type_)
    if pa.types.is_timestamp(type_):
        return pc.assume_timezone(pc.cast(texts, pa.timestamp(type_.unit)), type_.tz)
    return pc.cast(texts, type_)
