"""Maintenance by either way of IO: what no published run needs goes, all else is as it was."""

import os
import time
from pathlib import Path
from typing import Any

import literal_lake
import pytest
from checkout import job
from literal_lake import BEFORE, NOW
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_SEGMENTS,
    EVENTS,
    INGEST_FILES,
    RUNS,
    SEGMENT_PROFILES,
)

BOTH_WAYS = pytest.mark.parametrize("io", ["native", "spark"])
OLDEST = BEFORE.replace(month=1)


@pytest.fixture
def empty(spark: SparkSession, tmp_path: Path) -> Lake:
    """A lake without tables; each table that there is costs a VACUUM by Spark."""
    return Lake(spark, LakeConfig(path=str(tmp_path / "lake")))


@pytest.fixture
def lake(empty: Lake, tmp_path: Path) -> Lake:
    """Three runs, a dead run's rows, and models of each run."""
    literal_lake.write(empty, CUSTOMER_SEGMENTS, literal_lake.SEGMENTS)
    literal_lake.write(empty, SEGMENT_PROFILES, literal_lake.PROFILES)
    literal_lake.write(empty, EVENTS, literal_lake.EVENTS_ROWS)
    empty.create([INGEST_FILES, RUNS])
    add(empty, SEGMENT_PROFILES, literal_lake.profile(OLDEST, 1))
    add(empty, CUSTOMER_SEGMENTS, literal_lake.segment(OLDEST, "c1", 1))
    add(empty, CUSTOMER_SEGMENTS, {**literal_lake.segment(NOW, "c1", 2), "run_id": "dead"})
    models = {day: model(tmp_path / "lake", literal_lake.run_id(day)) for day in (OLDEST, BEFORE)}
    model(tmp_path / "lake", "dead")
    rows = [
        {**literal_lake.run(day), "models": {"kmeans": models[max(OLDEST, fitted_on)]},
         "fitted_on": fitted_on, "previous_run_date": previous}
        for day, fitted_on, previous in (
            (OLDEST, OLDEST, None),
            (BEFORE, BEFORE, OLDEST),
            (NOW, BEFORE, BEFORE),
        )
    ]  # fmt: skip
    add(empty, RUNS, *rows)
    return empty


def add(lake: Lake, table: Table, *rows: Any) -> None:
    lake.appender([table]).append(literal_lake.of(table, rows), table)


def model(lake: Path, run_id: str) -> str:
    name = f"run_date=2021-01-01/run_id={run_id}/kmeans-abc"
    (lake / "models" / name).mkdir(parents=True)
    (lake / "models" / name / "manifest.json").write_text("{}")
    return name


def maintain(lake: Lake, io: str, *settings: str) -> None:
    words = [f"--set=maintain.{setting}" for setting in settings]
    job("maintain").run([f"--lake={lake.config.path}", f"--set=lake.io={io}", *words])


def content(lake: Lake, table: Table) -> list[str]:
    return sorted(map(repr, dicts_of(lake.rows(table))))


def run_ids(lake: Lake) -> set[str]:
    assert lake.native is not None
    return set(lake.native.read(CUSTOMER_SEGMENTS, ["run_id"])["run_id"].to_pylist())


@BOTH_WAYS
def test_what_no_published_run_needs_goes(
    lake: Lake, capsys: pytest.CaptureFixture[str], io: str
) -> None:
    for number in range(3):
        add(lake, EVENTS, literal_lake.event(f"e{number}", BEFORE, "view", "1"))
    events, segments = content(lake, EVENTS), content(lake, CUSTOMER_SEGMENTS)
    maintain(lake, io)
    said = capsys.readouterr().out
    assert "Removed runs: none; rows of 1 dead runs" in said
    assert "3 of events" in said
    assert content(lake, EVENTS) == events
    assert content(lake, CUSTOMER_SEGMENTS) == segments
    assert run_ids(lake) == {literal_lake.run_id(day) for day in (OLDEST, BEFORE, NOW)}

    # The latest run scores with the models of the run before, so that one is kept.
    maintain(lake, io, "keep_runs=1", "small_file_mb=0")
    assert f"Removed runs: {OLDEST}; rows of 1 dead runs" in capsys.readouterr().out
    assert set(lake.run_ids()) == {BEFORE, NOW}
    assert run_ids(lake) == {literal_lake.run_id(day) for day in (BEFORE, NOW)}
    models = Path(lake.config.path) / "models"
    assert [path.name for path in models.glob("*/*")] == [f"run_id={literal_lake.run_id(BEFORE)}"]
    assert (models / lake.rows(RUNS, dates=[NOW])["models"][0].as_py()[0][1]).is_dir()


def test_files_that_no_version_of_a_week_has_are_vacuumed(empty: Lake) -> None:
    lake = empty
    assert lake.native is not None
    lake.create([INGEST_FILES])
    literal_lake.write(lake, RUNS, [literal_lake.run(NOW)])
    literal_lake.write(lake, EVENTS, [literal_lake.event("e", BEFORE, "view", "1")])
    [old] = lake.native.files(EVENTS, [BEFORE])
    lake.replace_dates(EVENTS.schema.empty_table(), EVENTS, [BEFORE])
    path = lake.native.folder(EVENTS) / old.path
    maintain(lake, "native")
    assert path.exists()
    log = lake.native.folder(EVENTS) / "_delta_log"
    a_month_ago = int((time.time() - 30 * 86_400) * 1000)
    for commit in log.glob("*.json"):
        text = commit.read_text()
        if '"deletionTimestamp"' in text:
            head, tail = text.split('"deletionTimestamp":')
            commit.write_text(f'{head}"deletionTimestamp":{a_month_ago}{tail[13:]}')
    os.utime(path, (a_month_ago / 1000, a_month_ago / 1000))
    maintain(lake, "native")
    assert not path.exists()
