"""Parquet that is damaged, of types that are no value, or that holds more than its bytes can."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from custseg_spark.config.mappings import MappingFile, mapping_of
from custseg_spark.engine.sources.discovery.files import list_files
from custseg_spark.engine.sources.formats import limits, parquet
from custseg_spark.errors import InputError

MAPPING = {
    "event_type": "purchase",
    "columns": {"event_at": "at", "customer_id": "who"},
    "event_at_formats": ["yyyy-MM-dd"],
}


def mapping() -> MappingFile:
    return mapping_of(MAPPING, "shop")


def written(folder: Path, columns: dict[str, Any], **options: Any) -> Path:
    path = folder / "x.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return path


def records(path: Path) -> list[tuple[Any, ...]]:
    """The rows of all pieces, as tasks read them."""
    [file] = list_files(str(path))
    opened = parquet.inspect(file, "id", mapping())
    assert not isinstance(opened, str)
    return [
        row
        for piece in parquet.pieces(opened)
        for part in piece.records(mapping().for_kernels())
        for row in part.values.rows()
    ]


@pytest.mark.parametrize("options", [{"compression": "snappy"}, {"write_page_checksum": True}])
def test_a_damaged_page_is_told_with_its_column(tmp_path: Path, options: dict[str, Any]) -> None:
    columns = {"at": ["2024-01-01"] * 500, "who": [f"customer {n * 7919}" for n in range(500)]}
    path = written(tmp_path, columns, use_dictionary=False, **options)
    chunk = pq.read_metadata(path).row_group(0).column(1)
    content = bytearray(path.read_bytes())
    middle = chunk.data_page_offset + chunk.total_compressed_size // 2
    content[middle : middle + 40] = b"\xff" * 40
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.parquet, column 'who': the Parquet file is damaged"):
        records(path)


@pytest.mark.parametrize(
    "type_", [pa.duration("us"), pa.duration("ns"), pa.time32("ms"), pa.time64("ns")], ids=str
)
def test_a_mapped_column_of_time_alone_is_refused_and_another_is_text(
    tmp_path: Path, type_: pa.DataType
) -> None:
    odd = pa.array([7], pa.int64() if type_.bit_width == 64 else pa.int32()).cast(type_)
    path = written(tmp_path, {"at": odd, "who": ["a"]})
    message = rf"the column 'at' is {type_}; expected a number, a text".replace("[", r"\[")
    with pytest.raises(InputError, match=message):
        records(path)
    path = written(tmp_path, {"at": ["2024-01-01"], "who": ["a"], "odd": odd})
    [row] = records(path)
    assert row[:2] == ("2024-01-01", "a")
    assert parquet.first_rows(list_files(str(path))[0], 5)[1] == [list(row)]


def test_more_rows_than_the_bytes_can_hold_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = pa.nulls(1_000_000, pa.string())
    path = written(tmp_path, {"at": nothing, "who": nothing})
    monkeypatch.setattr(parquet, "_FEW_ROWS", 1_000)
    with pytest.raises(InputError, match=r"1,000,000 rows in [0-9,]+ bytes; that is no log"):
        records(path)


def test_a_column_that_unpacks_to_far_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {"at": ["2024-01-01"] * 9, "who": ["x" * 200_000] * 9}
    path = written(tmp_path, columns, compression="zstd", use_dictionary=False)
    assert len(records(path)) == 9
    monkeypatch.setattr(limits, "HARMLESS_BYTES", 1_000_000)
    with pytest.raises(InputError, match=r"the column 'who' of row group 0 unpacks to more than"):
        records(path)
