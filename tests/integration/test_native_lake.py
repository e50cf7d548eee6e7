"""Tables that are written without Spark, read and written by Spark beside it."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.commits import append, replace_dates
from custseg_spark.engine.lake.files import DataFile, write_part
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import EVENTS, TABLES
from custseg_spark.engine.lake.spark_io import spark_schema
from custseg_spark.errors import ConflictError

FIRST, SECOND = date(2019, 10, 1), date(2019, 10, 2)


@pytest.fixture
def native(tmp_path: Path) -> NativeLake:
    # A name that delta-rs by itself would misread.
    lake = NativeLake(tmp_path / "a%20b" / "lake")
    lake.create(TABLES)
    return lake


@pytest.fixture
def lake(spark: SparkSession, native: NativeLake) -> Lake:
    return Lake(spark, LakeConfig(path=str(native.root), io="spark"))


def events(native: NativeLake, day: date, *microseconds: int) -> DataFile:
    """A file of one event at each of these microseconds of a date's first second."""
    at = [datetime(day.year, day.month, day.day, 0, 0, 0, m, tzinfo=UTC) for m in microseconds]
    rows = [{"event_date": day, "event_at": a, "customer_id": "7", "file_id": "f"} for a in at]
    table = pa.Table.from_pylist(rows, schema=EVENTS.schema)
    return write_part(table, EVENTS, native.folder(EVENTS), day, run_id="run", task=0)


def test_spark_sees_the_tables_as_if_it_had_made_them(lake: Lake) -> None:
    lake.create(TABLES)
    assert set(lake.versions(TABLES).values()) == {0}
    for table in TABLES:
        assert lake.read(table).schema == spark_schema(table)


def test_spark_reads_committed_files_and_skips_by_their_statistics(
    native: NativeLake, lake: Lake
) -> None:
    append(
        native, EVENTS, [events(native, FIRST, 999), events(native, FIRST, 1001)], read_version=0
    )
    replace_dates(native, EVENTS, [SECOND], [events(native, SECOND, 5)], read_version=1)
    read = lake.read(EVENTS)
    assert read.count() == 3
    at = F.timestamp_micros(F.unix_micros(F.lit("2019-10-01 00:00:00").cast("timestamp")) + 1001)
    assert [len(read.where(F.col("event_at") == at).collect()),
            len(read.where(F.col("event_at") >= at).collect()),
            len(read.where(F.col("event_at") < at).collect())] == [1, 2, 1]  # fmt: skip
    assert len(read.where(F.col("event_at") < at).inputFiles()) == 1


def test_spark_reads_just_the_files_that_a_native_lakes_log_has(
    spark: SparkSession, tmp_path: Path
) -> None:
    # Spark would take this for a pattern, and for the value of a column.
    native = NativeLake(tmp_path / "{a,b}[1] event_date=x" / "lake")
    native.create(TABLES)
    lake = Lake(spark, LakeConfig(path=str(native.root)))
    assert lake.read(EVENTS).schema == spark_schema(EVENTS)
    committed = [events(native, FIRST, 1, 2), events(native, SECOND, 3)]
    append(native, EVENTS, committed, read_version=0)
    events(native, FIRST, 4)
    columns = ["event_date", "event_at", "customer_id", "file_id", "brand"]
    assert sorted(lake.read(EVENTS).select(columns).collect()) == sorted(
        lake.by_spark.read(EVENTS).select(columns).collect()
    )
    assert lake.read(EVENTS, [FIRST]).select("event_date").distinct().collect() == [(FIRST,)]
    assert lake.read(EVENTS, []).count() == 0
    at = F.timestamp_micros(F.unix_micros(F.lit("2019-10-02 00:00:00").cast("timestamp")) + 3)
    assert lake.read(EVENTS).where(F.col("event_at") == at).count() == 1


def test_of_a_file_outside_its_dates_folder_the_log_tells_the_date(
    spark: SparkSession, native: NativeLake, tmp_path: Path
) -> None:
    file = events(native, FIRST, 1)
    append(native, EVENTS, [file], read_version=0)
    # As a writer of others may place it.
    folder = Path(shutil.copytree(native.root, tmp_path / "others")) / EVENTS.name
    (folder / file.path).rename(folder / "moved.parquet")
    [commit] = (folder / "_delta_log").glob("*1.json")
    commit.write_text(commit.read_text().replace(f'"{file.path}"', '"moved.parquet"'))
    lake = Lake(spark, LakeConfig(path=str(folder.parent)))
    assert [held.path for held in lake.files(EVENTS)] == ["moved.parquet"]
    assert lake.read(EVENTS).select("event_date").collect() == [(FIRST,)]
    assert lake.read(EVENTS, [SECOND]).count() == 0


def test_spark_and_native_writers_of_a_lake_conflict_as_two_of_a_kind(
    native: NativeLake, lake: Lake
) -> None:
    appender = lake.appender([EVENTS])
    append(native, EVENTS, [events(native, FIRST, 1)], read_version=0)
    frame = lake.read(EVENTS)
    with pytest.raises(ConflictError):
        appender.append(frame, EVENTS)
    appender = lake.appender([EVENTS])
    appender.append(frame, EVENTS)
    with pytest.raises(ConflictError):
        append(native, EVENTS, [events(native, FIRST, 2)], read_version=1)
    assert native.read(EVENTS, ["event_at"]).num_rows == 2
    assert [file.rows for file in native.files(EVENTS)] == [1, 1]


def test_rows_that_spark_has_compacted_are_replaced(native: NativeLake, lake: Lake) -> None:
    files = [events(native, FIRST, 1), events(native, FIRST, 2), events(native, SECOND, 3)]
    read_version = append(native, EVENTS, files, read_version=0)
    DeltaTable.forPath(lake.spark, str(native.folder(EVENTS))).optimize().executeCompaction()
    assert len(native.files(EVENTS, [FIRST])) == 1
    file = events(native, FIRST, 4)
    replace_dates(native, EVENTS, [FIRST], [file], read_version=read_version)
    assert lake.read(EVENTS).where(F.col("event_date") == FIRST).count() == 1
    assert native.read(EVENTS, ["event_at"]).num_rows == 2
