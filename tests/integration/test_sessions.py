"""Sessions of a lake: late events leave no other trace than their own."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from checkout import write_log
from compared import assert_same_rows
from late_sessions import BASE, LATE, REBUILT
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.schemas import SESSIONS


def lines(log: Mapping[str, list[str]]) -> list[str]:
    return [f"{at} UTC,view,1,2,,,1.00,{who}," for who, times in log.items() for at in times]


def files_by_date(parts: DataFrame) -> dict[str, set[str]]:
    """The files of the table's current version, by the date that their folder names."""
    found: dict[str, set[str]] = {}
    for file in parts.inputFiles():
        found.setdefault(file.split("session_date=")[1][:10], set()).add(file)
    return found


@pytest.mark.parametrize("io", ["native", pytest.param("spark", marks=pytest.mark.heavy)])
def test_late_events_leave_the_sessions_that_one_ingest_of_everything_makes(
    spark: SparkSession,
    run_job: Callable[..., None],
    read: Callable[[Table], DataFrame],
    tmp_path: Path,
    io: str,
) -> None:
    by = ("--set", f"lake.io={io}")
    rebuilt = []
    known: dict[str, set[str]] = {}
    for number, log in enumerate((BASE, *LATE)):
        path = write_log(tmp_path / f"{number}.csv", lines(log))
        run_job("ingest", "--source", f"ecommerce_events={path}", *by)
        files = files_by_date(read(SESSIONS))
        rebuilt.append(sorted(day for day in files if files[day] != known.get(day)))
        known = files
    everything = [line for log in (BASE, *LATE) for line in lines(log)]
    path = write_log(tmp_path / "everything.csv", everything)
    other = tmp_path / "other"
    run_job("ingest", "--source", f"ecommerce_events={path}", "--lake", str(other), *by)
    at_once = spark.read.format("delta").load(str(other / "sessions"))
    assert_same_rows(read(SESSIONS), at_once)
    assert rebuilt[1:] == [list(days) for days in REBUILT]
