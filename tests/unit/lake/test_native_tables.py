"""Tables without Spark: created, listed and read, whatever the lake's folder is called."""

import multiprocessing
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from small_lake import FIRST, SECOND, choice, held, rows, small_lake

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.commits import append, replace_dates
from custseg_spark.engine.lake.files import write_part, write_parts
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import EVENTS, MODEL_SELECTION, SESSIONS, TABLES
from custseg_spark.errors import InputError


def test_all_tables_are_created_once_and_empty(tmp_path: Path) -> None:
    lake = NativeLake(tmp_path)
    assert not lake.exists(EVENTS)
    for _ in range(2):
        lake.create(TABLES)
    assert set(lake.versions(TABLES).values()) == {0}
    assert len(lake.versions(TABLES)) == len(TABLES)
    assert lake.read(SESSIONS).schema == SESSIONS.schema
    handle = DeltaTable(lake.folder(EVENTS))
    assert (handle.protocol().min_reader_version, handle.protocol().min_writer_version) == (1, 2)
    properties = handle.metadata().configuration
    assert properties["delta.dataSkippingStatsColumns"] == "event_at,file_id"
    assert properties["delta.enableDeletionVectors"] == "false"


def create_all(roots: list[Path], begin: float) -> None:
    time.sleep(max(0, begin - time.time()))
    for root in roots:
        NativeLake(root).create(TABLES)


def test_creators_at_once_make_each_table_once(tmp_path: Path) -> None:
    spawn, roots = multiprocessing.get_context("spawn"), [tmp_path / str(n) for n in range(5)]
    begin = time.time() + 3
    creators = [spawn.Process(target=create_all, args=(roots, begin)) for _ in range(3)]
    for creator in creators:
        creator.start()
    for creator in creators:
        creator.join()
    assert [creator.exitcode for creator in creators] == [0, 0, 0]
    assert {v for root in roots for v in NativeLake(root).versions(TABLES).values()} == {0}


@pytest.mark.parametrize(
    "name",
    ["a b", "a%20b", "100%", 'it\'s "it"', "Köln ü", "d=1", "a#b?c", "a\\b", "[x]*{y}", "a%2Fb"],
)
def test_a_lake_s_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    lake = small_lake(tmp_path / name / "lake")
    append(lake, MODEL_SELECTION, [choice(lake, FIRST, 2)], read_version=0)
    replace_dates(lake, MODEL_SELECTION, [FIRST], [choice(lake, FIRST, 3)], read_version=1)
    assert held(NativeLake(tmp_path / name / "lake")) == {(FIRST, 3)}
    assert [path.name for path in tmp_path.iterdir()] == [name]
    lake.create([MODEL_SELECTION])
    assert lake.version(MODEL_SELECTION) == 2


def test_a_lake_may_be_named_by_a_relative_path_or_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lake = small_lake(Path("a%20b"))
    Path("link").symlink_to("a%20b")
    append(lake, MODEL_SELECTION, [choice(lake, FIRST, 2)], read_version=0)
    assert held(NativeLake(Path("link"))) == {(FIRST, 2)}


def at(hour: int, microsecond: int) -> datetime:
    return datetime(2019, 10, 1, hour, 0, 0, microsecond, tzinfo=UTC)


def test_files_are_listed_with_rows_bytes_and_bounds(tmp_path: Path) -> None:
    lake = NativeLake(tmp_path)
    lake.create([EVENTS])
    events = rows(
        EVENTS,
        {"event_date": FIRST, "event_at": at(3, 123456), "file_id": "a"},
        {"event_date": FIRST, "event_at": at(9, 654321), "file_id": None},
    )
    other = rows(EVENTS, {"event_date": SECOND, "event_at": at(1, 1) + timedelta(days=1)})
    folder = lake.folder(EVENTS)
    written = [
        write_part(part, EVENTS, folder, day, run_id="run", task=task)
        for task, (part, day) in enumerate([(events, FIRST), (other, SECOND)])
    ]
    append(lake, EVENTS, written, read_version=0)
    assert lake.files(EVENTS) == written
    assert lake.files(EVENTS, [FIRST]) == written[:1]
    assert lake.files(EVENTS, version=0) == []
    assert written[0].columns["event_at"].smallest == at(3, 123456)
    assert written[0].columns["event_at"].largest == at(9, 654321)
    assert written[0].columns["file_id"].nulls == 1
    assert written[1].columns["file_id"].largest is None


def test_rows_of_some_dates_and_columns_are_read(tmp_path: Path) -> None:
    lake = small_lake(tmp_path)
    files = [choice(lake, FIRST, 2), choice(lake, SECOND, 3)]
    append(lake, MODEL_SELECTION, files, read_version=0)
    read = lake.read(MODEL_SELECTION, ["k", "run_date"], [SECOND])
    assert read.to_pylist() == [{"k": 3, "run_date": SECOND}]
    assert lake.read(MODEL_SELECTION).schema == MODEL_SELECTION.schema


def test_a_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no table .*events; run ingest first"):
        NativeLake(tmp_path).read(EVENTS)


def test_a_table_of_an_older_version_is_an_error(tmp_path: Path) -> None:
    columns = pa.schema([("session_date", pa.date32()), ("customer_id", pa.string())])
    lake = NativeLake(tmp_path)
    lake.create([Table("sessions", columns, ("session_date",))])
    with pytest.raises(InputError, match=r"made by an older version and lacks .*items"):
        lake.create([SESSIONS])


def test_a_table_with_features_that_only_spark_knows_is_refused(tmp_path: Path) -> None:
    lake = small_lake(tmp_path)
    DeltaTable(lake.folder(MODEL_SELECTION)).alter.add_constraint({"positive": "k > 0"})
    with pytest.raises(InputError, match="only Spark may read or write"):
        lake.read(MODEL_SELECTION)


def test_other_readers_see_the_rows(tmp_path: Path) -> None:
    lake = small_lake(tmp_path)
    append(lake, MODEL_SELECTION, [choice(lake, date(2019, 10, 1), 2)], read_version=0)
    table = DeltaTable(lake.folder(MODEL_SELECTION)).to_pyarrow_table(columns=["run_date", "k"])
    assert table.to_pylist() == [{"run_date": FIRST, "k": 2}]
    frame = pl.read_delta(str(lake.folder(MODEL_SELECTION)))
    assert frame.select("run_date", "k").to_dicts() == [{"run_date": FIRST, "k": 2}]


def test_what_an_older_version_didnt_write_is_null_to_readers(tmp_path: Path) -> None:
    kept = [f for f in MODEL_SELECTION.schema if f.name not in ("why", "chosen")]
    older = replace(MODEL_SELECTION, schema=pa.schema(kept))
    newer = replace(MODEL_SELECTION, later=("why", "chosen"))
    lake = NativeLake(tmp_path)
    lake.create([older])
    row = rows(older, {"run_date": FIRST, "k": 3})
    files = write_parts(row, older, lake.folder(older), run_id="r", task=0)
    append(lake, older, files, read_version=0)
    read = lake.read(newer, ["k", "why", "chosen"])
    assert read.to_pylist() == [{"k": 3, "why": None, "chosen": None}]
    with pytest.raises(InputError, match="lacks the columns chosen, why"):
        lake.create([newer])
    with pytest.raises(InputError, match="lacks the columns chosen, why"):
        lake.read(MODEL_SELECTION)
