"""The first records of nested files: columns by the paths of their values."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from custseg_spark.engine.sources import heads
from custseg_spark.engine.sources.discovery import files

EVENTS = [
    {
        "at": "2022-01-13",
        "params": [{"key": "session", "value": {"int_value": "7"}}],
        "user": {"id": "u1"},
        "items": [{"sku": "A", "price": 1.5}, {"sku": "B", "price": 2.0}],
    },
    {"at": "2022-01-14", "params": [], "user": {"id": "u2"}, "items": []},
]
COLUMNS = {"at", "params.session", "user.id", "items.sku", "items.price"}


@pytest.mark.parametrize("name", ["a.json", "lines.json", "a.parquet"])
def test_an_item_is_a_record_and_a_value_has_its_path(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.parquet":
        pq.write_table(pa.Table.from_pylist(EVENTS), path)
    elif name == "a.json":
        path.write_text(json.dumps(EVENTS))
    else:
        path.write_text("\n".join(map(json.dumps, EVENTS)))
    [file] = files.list_files(str(path))
    head = heads.head(file, None, tmp_path)
    records = [dict(zip(head.columns, row, strict=True)) for row in head.rows]
    assert head.nested == "items"
    assert set(head.columns) >= COLUMNS
    assert [r["items.sku"] for r in records] == ["A", "B", ""]
    assert [r["user.id"] for r in records] == ["u1", "u1", "u2"]
    assert [r["params.session"] for r in records] == ["7", "7", ""]
