"""Exports of nested records, as Google Analytics 4 writes them to BigQuery: an item an event."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from custseg_spark.config.mappings import MappingFile, mapping_of
from custseg_spark.core.events.validation import validate_events
from custseg_spark.engine.sources.discovery.files import list_files
from custseg_spark.engine.sources.formats import json as json_files
from custseg_spark.engine.sources.formats import parquet
from custseg_spark.errors import InputError

GA4: dict[str, Any] = {
    "event_at_formats": ["unix_us"],
    "nested": "items",
    "optional_columns": ["product_id", "unit_price", "quantity", "order_id", "session_id"],
    "ignored_event_types": ["session_start"],
    "columns": {
        "event_at": "event_timestamp",
        "event_type": "event_name",
        "customer_id": "user_pseudo_id",
        "session_id": "event_params.ga_session_id",
        "order_id": "ecommerce.transaction_id",
        "product_id": "items.item_id",
        "unit_price": "items.price",
        "quantity": "items.quantity",
    },
    "event_types": {"view_item": "view", "page_view": "view", "purchase": "purchase"},
}


def param(key: str, **value: Any) -> dict[str, Any]:
    kinds = ("string_value", "int_value", "float_value", "double_value")
    return {"key": key, "value": {kind: value.get(kind) for kind in kinds}}


def event(number: int, name: str, *items: tuple[str, float, int], order: str | None = None) -> Any:
    return {
        "event_date": "20210131",
        "event_timestamp": 1612069510766593 + number,
        "event_name": name,
        "event_params": [
            param("page_title", string_value="Shop"),
            param("ga_session_id", int_value=7_000 + number % 2),
        ],
        "user_pseudo_id": f"u.{number}",
        "ecommerce": {"transaction_id": order, "purchase_revenue": None},
        "items": [{"item_id": i, "price": price, "quantity": n} for i, price, n in items],
    }


EVENTS = [
    event(1, "page_view"),
    event(2, "view_item", ("A", 9.5, 1)),
    event(3, "session_start"),
    event(4, "purchase", ("A", 9.5, 2), ("B", 3.0, 1), order="T1"),
    {**event(5, "page_view"), "items": None, "event_params": []},
]
EXPECTED = [
    ("view", "u.1", "7001", None, None, "0.0000", 1),
    ("view", "u.2", "7000", None, "A", "9.5000", 1),
    ("purchase", "u.4", "7000", "T1", "A", "9.5000", 2),
    ("purchase", "u.4", "7000", "T1", "B", "3.0000", 1),
    ("view", "u.5", None, None, None, "0.0000", 1),
]
_ITEM = pa.struct({"item_id": pa.string(), "price": pa.float64(), "quantity": pa.int64()})
_VALUE = pa.struct(
    {
        "string_value": pa.string(),
        "int_value": pa.int64(),
        "float_value": pa.float64(),
        "double_value": pa.float64(),
    }
)
_PARAM = pa.struct({"key": pa.string(), "value": _VALUE})
SCHEMA = pa.schema(
    {
        "event_date": pa.string(),
        "event_timestamp": pa.int64(),
        "event_name": pa.string(),
        "event_params": pa.list_(_PARAM),
        "user_pseudo_id": pa.string(),
        "ecommerce": pa.struct({"transaction_id": pa.string(), "purchase_revenue": pa.float64()}),
        "items": pa.list_(_ITEM),
    }
)


def ga4(**more: Any) -> MappingFile:
    return mapping_of({**GA4, **more}, "ga4")


def json_lines(path: Path) -> None:
    # 64-bit integers are texts there, and what is null is left out.
    lines = [{**e, "event_timestamp": str(e["event_timestamp"])} for e in EVENTS]
    given = [{k: v for k, v in line.items() if v is not None} for line in lines]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in given))


def json_array(path: Path) -> None:
    path.write_text(json.dumps(EVENTS, indent=1))


def as_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(EVENTS, schema=SCHEMA), path, row_group_size=2)


def as_grouped_parquet(path: Path) -> None:
    """Lists as BigQuery writes them: groups around each list and item."""

    def grouped(values: Any) -> Any:
        return None if values is None else {"list": [{"element": value} for value in values]}

    def kind(item: pa.DataType) -> pa.DataType:
        return pa.struct({"list": pa.list_(pa.struct({"element": item}))})

    rows = [{k: grouped(v) if k in NESTED else v for k, v in e.items()} for e in EVENTS]
    fields = [pa.field(f.name, kind(NESTED[f.name])) if f.name in NESTED else f for f in SCHEMA]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(fields)), path, row_group_size=2)


NESTED = {"items": _ITEM, "event_params": _PARAM}
FORMS = {
    "lines": ("ga4.jsonl", json_lines),
    "array": ("ga4.json", json_array),
    "parquet": ("ga4.parquet", as_parquet),
    "grouped": ("grouped.parquet", as_grouped_parquet),
}


def opened(path: Path, mapping: MappingFile) -> tuple[int, list[Any]]:
    [file] = list_files(str(path))
    if file.kind == "parquet":
        table = parquet.inspect(file, "f", mapping)
        assert not isinstance(table, str)
        return table.physical_records, list(parquet.pieces(table))
    lines = json_files.inspect(file, "f", mapping, path.parent / "staging")
    assert not isinstance(lines, str)
    return lines.physical_records, list(lines.pieces)


@pytest.mark.parametrize("form", FORMS)
def test_each_item_is_an_event(tmp_path: Path, form: str) -> None:
    name, write = FORMS[form]
    write(tmp_path / name)
    physical, pieces = opened(tmp_path / name, ga4())
    latest = datetime(2026, 1, 1, tzinfo=UTC)
    found = [
        validate_events(records, ga4(), source_file="x", file_id="f", latest=latest)
        for piece in pieces
        for records in piece.records(ga4())
    ]
    events = pl.concat(part.events for part in found)
    columns = ["event_type", "customer_id", "session_id", "order_id", "product_id"]
    rows = events.select(*columns, pl.col("unit_price").cast(pl.String), "quantity").rows()
    assert rows == EXPECTED
    assert sum(part.ignored for part in found) == 1
    assert all(part.rejected.is_empty() for part in found)
    assert physical == len(EXPECTED) + 1
    assert events["source_row"].to_list() == [1, 2, 4, 5, 6]
    assert events["event_id"].n_unique() == len(events)


def test_a_line_that_is_no_object_is_refused_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "ga4.jsonl"
    path.write_bytes(b'{"event_name": 1}\n[1]\n{"a": \n\xff\n\n{"items": [7]}\n')
    [file] = list_files(str(path))
    mapping = ga4(columns={"event_at": "items.t", "event_type": "event_name", "customer_id": "u"})
    with pytest.raises(InputError, match="has no column 'u'"):
        json_files.inspect(file, "f", mapping, tmp_path / "staging")
    mapping = ga4(columns={**mapping.columns, "customer_id": "event_name"}, optional_columns=[])
    lines = json_files.inspect(file, "f", mapping, tmp_path / "staging")
    assert not isinstance(lines, str)
    [piece] = lines.pieces
    [records] = piece.records(mapping)
    assert (lines.physical_records, lines.blank, records.blank) == (6, 1, 1)
    assert records.malformed["source_row"].to_list() == [2, 3, 4]
    assert records.malformed["defect"].to_list() == ["invalid_json", "invalid_json", "invalid_utf8"]


@pytest.mark.parametrize("form", ["lines", "parquet"])
def test_a_path_into_what_is_not_there_is_told(tmp_path: Path, form: str) -> None:
    name, write = FORMS[form]
    write(tmp_path / name)
    with pytest.raises(InputError, match=r"has no column 'item\.id'"):
        opened(tmp_path / name, ga4(columns={**GA4["columns"], "brand": "item.id"}))


def test_a_span_of_time_is_no_value_of_an_event(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    cells = {"t": pa.array([1], pa.duration("s")), "event_name": ["view_item"], "u": ["a"]}
    pq.write_table(pa.table(cells), path)
    columns = {"event_at": "t", "event_type": "event_name", "customer_id": "u"}
    with pytest.raises(InputError, match=r"the column 't' is duration\[s\]; expected a number"):
        opened(path, ga4(columns=columns, optional_columns=[]))
    columns = {"event_at": "u", "event_type": "event_name", "customer_id": "u"}
    assert opened(path, ga4(columns=columns, optional_columns=[]))[0] == 1
