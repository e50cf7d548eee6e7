"""Data files: what is in them, what they are called, what a task tells of them."""

import math
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_lake import FIRST, SECOND, choice, rows, small_lake

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.files import (
    FILE_ROW,
    PartWriter,
    leaves,
    of_rows,
    run_of,
    to_rows,
    write_part,
    write_parts,
)
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, CUSTOMERS, EVENTS, SESSIONS, TABLES
from custseg_spark.engine.lake.statistics import Bounds, bounds, of_json, to_json

RUN = "0c5a2b1e-77"


def test_a_part_is_named_for_its_task_and_run(tmp_path: Path) -> None:
    file = choice(small_lake(tmp_path), FIRST, 2, run_id=RUN)
    folder, _, name = file.path.rpartition("/")
    assert folder == f"run_date=2019-10-01/run_id={RUN}"
    assert name.startswith(f"part-00000-{RUN}-")
    assert run_of(name) == RUN
    assert (tmp_path / "model_selection" / file.path).stat().st_size == file.bytes


def test_a_file_of_spark_is_of_no_run() -> None:
    spark = "part-00000-91505b74-c159-4ac0-88d4-822258a25be2.c000.zstd.parquet"
    assert run_of(spark) is None
    assert run_of(spark.replace(".c000", "-c000")) is None


def test_a_run_s_id_that_can_t_stand_in_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="letters, digits and hyphens only"):
        choice(small_lake(tmp_path), FIRST, 2, run_id="../x")


def test_a_part_of_a_partitioned_table_needs_a_date(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="partitioned by event_date"):
        write_part(EVENTS.schema.empty_table(), EVENTS, tmp_path, None, run_id=RUN, task=0)


def test_rows_come_back_as_polars_gave_them(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "store": ["s", None],
            "unit_price": [Decimal("33.2000"), Decimal("-99999999999999.9999")],
            "event_at": [datetime(2019, 10, 1, 3, 0, 0, 7, tzinfo=UTC), None],
            "event_type": pl.Series(["view", "cart"], dtype=pl.Categorical),
        },
        schema_overrides={"unit_price": pl.Decimal(18, 4), "event_at": pl.Datetime("us", "UTC")},
    )
    missing = [pl.lit(None).alias(n) for n in EVENTS.file_schema.names if n not in frame.columns]
    file = write_part(
        frame.with_columns(missing).to_arrow(), EVENTS, tmp_path, FIRST, run_id=RUN, task=0
    )
    held = pq.ParquetFile(tmp_path / file.path).read()
    assert held.schema.names == EVENTS.file_schema.names
    assert held.select(frame.columns).to_pylist() == frame.to_dicts()


def test_each_piece_is_a_row_group_even_an_empty_one(tmp_path: Path) -> None:
    pieces = [1, 0, 3]
    day = {"session_date": FIRST, "first_event_at": datetime(2019, 10, 1, tzinfo=UTC)}
    with PartWriter(SESSIONS, tmp_path, FIRST, run_id=RUN, task=3) as part:
        for size in pieces:
            part.write(rows(SESSIONS, *[day] * size))
    file = part.file()
    footer = pq.read_metadata(tmp_path / file.path)
    assert [footer.row_group(g).num_rows for g in range(footer.num_row_groups)] == pieces
    assert (file.rows, file.columns["last_event_at"].nulls) == (4, 4)


def test_a_part_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyError),
        PartWriter(SESSIONS, tmp_path, FIRST, run_id=RUN, task=3) as part,
    ):
        part.write(pa.table({"other": [1]}))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_statistics_and_dictionaries_are_only_where_they_help(tmp_path: Path) -> None:
    event = {"event_date": FIRST, "event_id": "a", "event_type": "view", "file_id": "f"}
    file = write_part(rows(EVENTS, event), EVENTS, tmp_path, FIRST, run_id=RUN, task=0)
    group = pq.read_metadata(tmp_path / file.path).row_group(0)
    columns = [group.column(n) for n in range(group.num_columns)]
    assert {c.compression for c in columns} == {"ZSTD"}
    told = {c.path_in_schema for c in columns if c.is_stats_set}
    assert told == set(EVENTS.statistics)
    with_dictionary = {c.path_in_schema for c in columns if c.has_dictionary_page}
    assert with_dictionary == set(leaves(EVENTS)) - set(EVENTS.hardly_repeating)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_leaves_are_the_columns_of_a_parquet_file(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    pq.write_table(table.file_schema.empty_table(), path)
    schema = pq.ParquetFile(path).schema
    assert leaves(table) == [schema.column(n).path for n in range(len(schema))]
    assert set(table.hardly_repeating) <= set(leaves(table))
    assert set(table.statistics) <= set(table.file_schema.names)


def test_a_task_s_rows_tell_all_of_its_files(tmp_path: Path) -> None:
    at = datetime(2019, 10, 1, 3, 0, 0, 7, tzinfo=UTC)
    event = {"event_date": FIRST, "event_at": at, "file_id": "ü"}
    file = write_part(rows(EVENTS, event), EVENTS, tmp_path, FIRST, run_id=RUN, task=0)
    batch = to_rows([file])
    assert batch.schema == FILE_ROW
    assert of_rows(batch, EVENTS) == [file]


def test_long_text_is_cut_to_bounds_around_it() -> None:
    ids = ["b" * 40, "a" * 31 + "é" + "z", None]
    found = bounds(pa.chunked_array([ids], pa.string()))
    assert found.smallest == "a" * 31 + "é"
    assert found.largest > "b" * 40
    assert len(found.largest) == 33
    assert found.nulls == 1


def test_bounds_of_pieces_are_the_bounds_of_all() -> None:
    chance = random.Random(15)
    values = [chance.choice([None, chance.randrange(1000)]) for _ in range(60)]
    days = [None if v is None else date(2019, 1, 1) + timedelta(days=v) for v in values]
    for column, type_ in ((values, pa.int64()), (days, pa.date32())):
        pieces = [bounds(pa.chunked_array([column[i : i + 7]], type_)) for i in range(0, 60, 7)]
        whole = pieces[0]
        for piece in pieces[1:]:
            whole |= piece
        assert whole == bounds(pa.chunked_array([column], type_))


def test_statistics_are_written_as_delta_writes_them() -> None:
    text = to_json(3, {"day": Bounds(FIRST, FIRST, 0), "k": Bounds(None, None, 3)})
    assert text == (
        '{"numRecords": 3, "minValues": {"day": "2019-10-01"},'
        ' "maxValues": {"day": "2019-10-01"}, "nullCount": {"day": 0, "k": 3}}'
    )
    schema = pa.schema([("day", pa.date32()), ("k", pa.int64())])
    assert of_json(text, schema) == {"day": Bounds(FIRST, FIRST, 0), "k": Bounds(None, None, 3)}


def test_maps_and_lists_come_back(tmp_path: Path) -> None:
    segment = {
        "run_date": FIRST,
        "customer_id": "7",
        "top_features": ["a", None],
        "memberships": [(1, 0.25), (2, math.pi)],
    }
    table = rows(CUSTOMER_SEGMENTS, segment)
    file = write_part(table, CUSTOMER_SEGMENTS, tmp_path, FIRST, run_id=RUN, task=0)
    held = pq.ParquetFile(tmp_path / file.path).read()
    assert held.to_pylist()[0]["memberships"] == segment["memberships"]
    assert held.to_pylist()[0]["top_features"] == segment["top_features"]


def test_rows_of_any_dates_make_a_file_a_date(tmp_path: Path) -> None:
    days = [SECOND, FIRST, SECOND, FIRST, SECOND]
    events = rows(EVENTS, *[{"event_date": d, "source_row": n} for n, d in enumerate(days)])
    files = write_parts(events, EVENTS, tmp_path, run_id=RUN, task=0)
    assert [(file.day, file.rows) for file in files] == [(FIRST, 2), (SECOND, 3)]
    held = [pq.ParquetFile(tmp_path / f.path).read()["source_row"].to_pylist() for f in files]
    assert held == [[1, 3], [0, 2, 4]]


def test_no_rows_make_no_file_and_a_row_needs_a_date(tmp_path: Path) -> None:
    assert write_parts(rows(EVENTS), EVENTS, tmp_path, run_id=RUN, task=0) == []
    with pytest.raises(ValueError, match="a row without event_date"):
        write_parts(rows(EVENTS, {}), EVENTS, tmp_path, run_id=RUN, task=0)


def test_a_table_without_partitions_has_its_files_in_its_folder(tmp_path: Path) -> None:
    customers = rows(CUSTOMERS, {"customer_id": "7"})
    (file,) = write_parts(customers, CUSTOMERS, tmp_path, run_id=RUN, task=0)
    assert (file.day, "/" in file.path) == (None, False)
