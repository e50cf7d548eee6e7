"""Sessions of a lake: late events leave no other trace than their own."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from checkout import write_log
from compared import assert_same_rows
from late_sessions import BASE, LATE, REBUILT
from pyspark.sql import SparkSession

from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import SESSIONS


def lines(log: Mapping[str, list[str]]) -> list[str]:
    return [f"{at} UTC,view,1,2,,,1.00,{who}," for who, times in log.items() for at in times]


def files_by_date(lake_dir: Path) -> dict[str, set[str]]:
    """The files of the table's current version."""
    found: dict[str, set[str]] = {}
    for file in NativeLake(lake_dir).files(SESSIONS):
        found.setdefault(str(file.day), set()).add(file.path)
    return found


@pytest.mark.parametrize("io", ["native", pytest.param("spark", marks=pytest.mark.heavy)])
def test_late_events_leave_the_sessions_that_one_ingest_of_everything_makes(
    spark: SparkSession,
    run_job: Callable[..., None],
    lake_dir: Path,
    tmp_path: Path,
    io: str,
) -> None:
    by = ("--set", f"lake.io={io}")
    rebuilt = []
    known: dict[str, set[str]] = {}
    for number, log in enumerate((BASE, *LATE)):
        path = write_log(tmp_path / f"{number}.csv", lines(log))
        run_job("ingest", "--source", f"ecommerce_events={path}", *by)
        files = files_by_date(lake_dir)
        rebuilt.append(sorted(day for day in files if files[day] != known.get(day)))
        known = files
    everything = [line for log in (BASE, *LATE) for line in lines(log)]
    path = write_log(tmp_path / "everything.csv", everything)
    other = tmp_path / "other"
    run_job("ingest", "--source", f"ecommerce_events={path}", "--lake", str(other), *by)
    late, at_once = (
        spark.read.format("delta").load(str(folder / "sessions")) for folder in (lake_dir, other)
    )
    assert_same_rows(late, at_once)
    assert rebuilt[1:] == [list(days) for days in REBUILT]
