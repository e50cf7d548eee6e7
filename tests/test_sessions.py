"""Sessions of a lake: late events leave no other trace than their own."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import write_log
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.schemas import SESSIONS

# What a log of unnamed sessions holds at first, and what comes late, file by file. All in
# February 2021, by customer: the times.
CHAIN = [str(datetime(2021, 2, 3, 22) + n * timedelta(minutes=25)) for n in range(80)]
BASE = {
    # Two days of events without a gap: one late event at their beginning renames them all.
    "chain": ["2021-02-03 21:10:00", *CHAIN],
    # The last session of the day before goes on into the next day under a new id, although
    # neither the last event of the one nor the first of the other has changed.
    "tail": ["2021-02-06 22:50:00", "2021-02-06 23:40:00", "2021-02-07 00:05:00"],
    # Joins the session of the day before, and what followed it.
    "front": ["2021-02-01 23:50:00", "2021-02-02 00:30:00", "2021-02-02 01:20:00"],
    # Two sessions with midnight between them become one.
    "joined": ["2021-02-08 23:20:00", "2021-02-09 00:15:00", "2021-02-09 00:50:00"],
    # The late event becomes the beginning of the next day's first session.
    "begun": ["2021-02-09 00:20:00"],
    # Goes on over midnight, but no late event of its own: no reason to rebuild.
    "quiet": ["2021-02-03 23:50:00", "2021-02-04 00:10:00", "2021-02-02 23:50:00",
              "2021-02-03 00:10:00"],
    # Late in the middle of a day: nothing goes on anywhere.
    "noon": ["2021-02-06 12:00:00", "2021-02-05 12:00:00", "2021-02-10 23:45:00"],
}  # fmt: skip
LATE: tuple[dict[str, list[str]], ...] = (
    {
        "chain": ["2021-02-03 21:35:00"],
        "tail": ["2021-02-06 23:15:00"],
        "noon": ["2021-02-06 12:40:00"],
    },
    # Among late ones a day before all others, and a new day that goes on from the last one.
    {
        "joined": ["2021-02-08 23:48:00"],
        "begun": ["2021-02-08 23:55:00"],
        "front": ["2021-02-02 00:10:00", "2021-01-30 23:59:59"],
        "noon": ["2021-02-11 00:10:00"],
    },
)
REBUILT = (
    ["2021-02-03", "2021-02-04", "2021-02-05", "2021-02-06", "2021-02-07"],
    ["2021-01-30", "2021-02-02", "2021-02-08", "2021-02-09", "2021-02-11"],
)


def lines(log: Mapping[str, list[str]]) -> list[str]:
    return [f"{at} UTC,view,1,2,,,1.00,{who}," for who, times in log.items() for at in times]


def files_by_date(parts: DataFrame) -> dict[str, set[str]]:
    """The files of the table's current version, by the date that their folder names."""
    found: dict[str, set[str]] = {}
    for file in parts.inputFiles():
        found.setdefault(file.split("session_date=")[1][:10], set()).add(file)
    return found


def as_rows(parts: DataFrame) -> list[Any]:
    return sorted(parts.collect(), key=lambda row: row[:4])


@pytest.mark.parametrize("io", ["native", "spark"])
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
    incremental = as_rows(read(SESSIONS))
    everything = [line for log in (BASE, *LATE) for line in lines(log)]
    path = write_log(tmp_path / "everything.csv", everything)
    other = tmp_path / "other"
    run_job("ingest", "--source", f"ecommerce_events={path}", "--lake", str(other), *by)
    at_once = as_rows(spark.read.format("delta").load(str(other / "sessions")))
    assert incremental == at_once
    assert rebuilt[1:] == [list(days) for days in REBUILT]
