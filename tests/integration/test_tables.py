"""A lake's tables in both ways of IO: dates replaced, conflicts told, tables by name."""

import shutil
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pytest
from checkout import job, write_log
from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.columns import DAY, TEXT, Table, table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_SEGMENTS,
    EVENTS,
    INGEST_FILES,
    RUNS,
    SESSIONS,
)
from custseg_spark.engine.lake.spark_io import Commit, SparkLake
from custseg_spark.engine.spark.session import size_shuffles
from custseg_spark.errors import ConfigurationError, ConflictError, InputError

FIRST, SECOND = date(2019, 10, 1), date(2019, 10, 2)


def made(spark: SparkSession, folder: Path, io: str) -> Lake:
    lake = Lake(spark, LakeConfig(path=str(folder / "lake"), io=io))
    lake.create([RUNS])
    return lake


@pytest.fixture(params=["native", "spark"])
def lake(spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    """A lake in each way of IO."""
    lake = made(spark, tmp_path, request.param)
    assert (lake.native is None) == (request.param == "spark")
    return lake


@pytest.fixture
def by_spark(spark: SparkSession, tmp_path: Path) -> Lake:
    """A lake that Spark reads and writes."""
    return made(spark, tmp_path, "spark")


def choices(*ks: tuple[date, int]) -> pa.Table:
    rows = [{"run_date": day, "config": "kmeans", "seed": k} for day, k in ks]
    return pa.Table.from_pylist(rows, schema=RUNS.schema)


def slowed(lake: Lake, rows: pa.Table) -> DataFrame:
    """The rows as a frame, four seconds late."""

    def late(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            time.sleep(4)
            yield batch

    frame = lake.by_spark.frame(rows, RUNS)
    return frame.mapInArrow(late, frame.schema)


def held(lake: Lake) -> set[tuple[date, int]]:
    rows = lake.rows(RUNS, ["run_date", "seed"]).to_pylist()
    return {(r["run_date"], r["seed"]) for r in rows}


def test_dates_are_replaced_and_the_others_stay(lake: Lake) -> None:
    both = choices((SECOND, 3), (FIRST, 2))
    lake.replace_dates(both, RUNS, [FIRST, SECOND])
    assert held(lake) == {(FIRST, 2), (SECOND, 3)}
    lake.replace_dates(choices((FIRST, 4)), RUNS, [FIRST])
    assert held(lake) == {(FIRST, 4), (SECOND, 3)}
    assert lake.rows(RUNS, ["seed"], [FIRST])["seed"].to_pylist() == [4]


def test_a_row_of_another_date_is_refused(lake: Lake) -> None:
    with pytest.raises(Exception, match=r"DELTA_REPLACE_WHERE_MISMATCH|which isn't replaced"):
        lake.replace_dates(choices((SECOND, 2)), RUNS, [FIRST])
    assert held(lake) == set()


def test_to_replace_no_date_is_a_mistake(lake: Lake) -> None:
    with pytest.raises(ValueError, match="no dates to replace in runs"):
        lake.replace_dates(choices((FIRST, 2)), RUNS, [])


def test_of_two_writers_of_a_date_one_wins_the_other_has_a_conflict(by_spark: Lake) -> None:
    outcome: list[BaseException] = []
    slow = slowed(by_spark, choices((FIRST, 2)))

    def write() -> None:
        try:
            by_spark.replace_dates(slow, RUNS, [FIRST])
        except ConflictError as error:
            outcome.append(error)

    writer = Thread(target=write)
    writer.start()
    time.sleep(2)
    by_spark.replace_dates(choices((FIRST, 3)), RUNS, [FIRST])
    writer.join()
    assert [e.exit_code for e in outcome if isinstance(e, ConflictError)] == [5]
    assert held(by_spark) == {(FIRST, 3)}


def test_a_table_that_has_moved_on_since_it_was_read_is_a_conflict(lake: Lake) -> None:
    version = lake.version(RUNS)
    lake.replace_dates(choices((FIRST, 2)), RUNS, [FIRST])
    with pytest.raises(ConflictError, match="another run wrote"):
        lake.replace_dates(choices((FIRST, 3)), RUNS, [FIRST], read_version=version)
    assert held(lake) == {(FIRST, 2)}


def test_shuffles_are_sized_by_the_events_unless_somebody_did(spark: SparkSession) -> None:
    key = "spark.sql.shuffle.partitions"
    before = spark.conf.get(key)
    try:
        spark.conf.set(key, "200")
        size_shuffles(spark, 100)
        assert spark.conf.get(key) == "4"
        size_shuffles(spark, 10_000_000)
        assert spark.conf.get(key) == "40"
        spark.conf.set(key, "64")
        size_shuffles(spark, 100)
        assert spark.conf.get(key) == "64"
    finally:
        spark.conf.set(key, str(before))


def test_a_catalog_holds_the_tables_by_name(spark: SparkSession, tmp_path: Path) -> None:
    lines = [
        f"2019-10-0{1 + n % 3} 10:0{n % 10}:00 UTC,{kind},{n},2,a.b,c,{n + 1}.50,{n % 12},s{n}"
        for n, kind in enumerate(["view", "view", "cart", "purchase", "view"] * 12)
    ]
    log = write_log(tmp_path / "log.csv", lines)
    (tmp_path / "shop.toml").write_text(
        f'[lake]\ncatalog = "spark_catalog.shop"\npath = "{tmp_path}/models_of_shop"\n'
    )
    spark.sql("CREATE SCHEMA shop")
    try:
        job("segment").run(
            [
                f"--config={tmp_path}/shop.toml",
                f"--source=ecommerce_events={log}",
                "--set=model.k=2",
                '--set=model.algorithms=["kmeans"]',
                "--set=model.stability.bootstraps=0",
                "--set=clv.enabled=false",
                "--set=report.enabled=false",
            ]
        )
        assert spark.read.table("shop.customer_segments").count() == 12
        lake = Lake(spark, LakeConfig(catalog="spark_catalog.shop"))
        assert lake.read(EVENTS).count() == 60
        assert lake.rows(INGEST_FILES)["accepted"].to_pylist() == [60]
        assert max(lake.rows(CUSTOMER_SEGMENTS)["segment_id"].to_pylist()) <= 2
    finally:
        spark.sql("DROP SCHEMA shop CASCADE")


def test_a_table_that_a_catalog_in_memory_has_forgotten_is_named(
    spark: SparkSession, tmp_path: Path
) -> None:
    spark.sql("CREATE SCHEMA forgetful")
    try:
        lake = Lake(spark, LakeConfig(catalog="spark_catalog.forgetful"))
        lake.create([EVENTS])
        location = spark.sql("DESCRIBE DETAIL forgetful.events").collect()[0].location
        files = Path(location.removeprefix("file:"))
        shutil.copytree(files, tmp_path / "events")
        spark.sql("DROP TABLE forgetful.events")
        # As another process finds it: the files without the catalog's entry.
        shutil.copytree(tmp_path / "events", files)
        assert not lake.exists(EVENTS)
        said = "the catalog doesn't know forgetful.events, but there are files in its place"
        with pytest.raises(ConfigurationError, match=said):
            lake.create([EVENTS])
        shutil.rmtree(files)
    finally:
        spark.sql("DROP SCHEMA forgetful CASCADE")


def test_a_table_of_an_older_version_is_an_error(lake: Lake) -> None:
    older = table("sessions", {"session_date": DAY, "customer_id": TEXT}, "session_date")
    lake.create([older])
    with pytest.raises(
        InputError, match=r"sessions was made by an older version and lacks .*items"
    ):
        lake.create([SESSIONS])


def test_a_table_that_another_run_has_just_made_is_taken(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With the properties of its own way of IO, which Spark refuses.
    made(spark, tmp_path, "native")
    exists, looks = SparkLake.exists, iter([False])
    monkeypatch.setattr(SparkLake, "exists", lambda self, table: next(looks, exists(self, table)))
    assert held(made(spark, tmp_path, "spark")) == set()


def test_appends_of_two_runs_that_began_alike_are_a_conflict(lake: Lake) -> None:
    first, second = lake.appender([RUNS]), lake.appender([RUNS])
    first.append(choices((FIRST, 2), (SECOND, 2)), RUNS)
    first.append(choices((FIRST, 3)), RUNS)
    with pytest.raises(ConflictError, match="another run wrote"):
        second.append(choices((FIRST, 4)), RUNS)
    assert held(lake) == {(FIRST, 2), (SECOND, 2), (FIRST, 3)}


def test_an_append_after_another_one_s_commit_is_a_conflict(
    by_spark: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = by_spark.appender([RUNS]), by_spark.appender([RUNS])
    first.append(choices((FIRST, 2)), RUNS)
    commits, looks = SparkLake.commits, iter([True])

    def late(self: SparkLake, table: Table, *, since: int) -> list[Commit]:
        # As if the other had ended just after the look.
        return [] if next(looks, False) else commits(self, table, since=since)

    monkeypatch.setattr(SparkLake, "commits", late)
    with pytest.raises(ConflictError, match="another run wrote"):
        second.append(choices((FIRST, 3)), RUNS)
    assert held(by_spark) == {(FIRST, 2)}


def test_an_append_during_another_is_a_conflict(by_spark: Lake) -> None:
    slow, quick = by_spark.appender([RUNS]), by_spark.appender([RUNS])

    def append_quickly() -> None:
        time.sleep(2)
        quick.append(choices((FIRST, 3)), RUNS)

    writer = Thread(target=append_quickly)
    writer.start()
    with pytest.raises(ConflictError, match="another run wrote"):
        slow.append(slowed(by_spark, choices((FIRST, 2))), RUNS)
    writer.join()
    assert held(by_spark) == {(FIRST, 3)}


def test_maintenance_is_no_conflict_but_a_restore_is(by_spark: Lake) -> None:
    table = DeltaTable.forPath(by_spark.spark, by_spark.name(RUNS))
    appender = by_spark.appender([RUNS])
    for k in (2, 3):
        appender.append(choices((FIRST, k)), RUNS)
    [compacted] = table.optimize().executeCompaction().collect()
    assert compacted["metrics"]["numFilesRemoved"] == 2
    table.vacuum()
    appender.append(choices((FIRST, 4)), RUNS)
    assert held(by_spark) == {(FIRST, 2), (FIRST, 3), (FIRST, 4)}

    table.restoreToVersion(0)
    with pytest.raises(ConflictError, match="another run wrote"):
        appender.append(choices((FIRST, 5)), RUNS)
    by_spark.appender([RUNS]).append(choices((FIRST, 2)), RUNS)
    assert held(by_spark) == {(FIRST, 2)}


def test_an_append_without_rows_is_a_commit(lake: Lake) -> None:
    appender = lake.appender([RUNS])
    for _ in range(2):
        appender.append(choices(), RUNS)
    assert held(lake) == set()


@pytest.mark.parametrize("io", ["native", "spark"])
def test_local_paths_are_local_wherever_the_cluster_s_own_files_are(
    spark: SparkSession, tmp_path: Path, io: str
) -> None:
    lines = [f"2019-10-01 10:00:0{n} UTC,view,{n},2,a.b,c,1.50,7,s" for n in range(3)]
    log = write_log(tmp_path / "log {a}.csv", lines)
    spark.conf.set("fs.defaultFS", "hdfs://127.0.0.1:1")
    where = [f"--lake={tmp_path}/lake", f"--set=lake.io={io}"]
    try:
        job("ingest").run([*where, f"--source=ecommerce_events={log}"])
        assert Lake(spark, LakeConfig(path=f"{tmp_path}/lake")).read(EVENTS).count() == 3
    finally:
        spark.conf.unset("fs.defaultFS")
