"""Sessions: where they begin and end, and that late events leave no other trace than their own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import write_log
from hypothesis import given
from hypothesis import strategies as st
from literal_events import event, frame, parts_of
from pyspark.sql import DataFrame, SparkSession

from custseg_spark import sessions
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.schemas import SESSIONS


def gap(at: str) -> str:
    """The id of the gap session that begins at that time."""
    return f"gap-{micros(at)}"


def micros(at: str) -> int:
    return (datetime.fromisoformat(at) - datetime(1970, 1, 1)) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Case:
    """One customer's events as (time, session, order), and its parts (day, kind, id, events)."""

    name: str
    events: tuple[tuple[str, str | None, str | None], ...]
    expected: list[tuple[str, str, str, int]]


def unnamed(*times: str) -> tuple[tuple[str, None, None], ...]:
    return tuple((at, None, None) for at in times)


CASES = (
    Case(
        "30 minutes to the microsecond are no gap",
        unnamed("2021-02-01 10:00", "2021-02-01 10:30"),
        [("2021-02-01", "gap", gap("2021-02-01 10:00"), 2)],
    ),
    Case(
        "a microsecond more than 30 minutes is a gap",
        unnamed("2021-02-01 10:00", "2021-02-01 10:30:00.000001"),
        [
            ("2021-02-01", "gap", gap("2021-02-01 10:00"), 1),
            ("2021-02-01", "gap", gap("2021-02-01 10:30:00.000001"), 1),
        ],
    ),
    Case(
        "a session is as long as its events come",
        unnamed("2021-02-01 10:00", "2021-02-01 10:29", "2021-02-01 10:58", "2021-02-01 11:29"),
        [
            ("2021-02-01", "gap", gap("2021-02-01 10:00"), 3),
            ("2021-02-01", "gap", gap("2021-02-01 11:29"), 1),
        ],
    ),
    Case(
        "over midnight a gap session keeps its id, in two parts",
        unnamed("2021-02-01 23:50", "2021-02-02 00:20", "2021-02-02 00:51"),
        [
            ("2021-02-01", "gap", gap("2021-02-01 23:50"), 1),
            ("2021-02-02", "gap", gap("2021-02-01 23:50"), 1),
            ("2021-02-02", "gap", gap("2021-02-02 00:51"), 1),
        ],
    ),
    Case(
        "tied events are in one session",
        unnamed("2021-02-01 10:00", "2021-02-01 10:00", "2021-02-01 10:00"),
        [("2021-02-01", "gap", gap("2021-02-01 10:00"), 3)],
    ),
    Case(
        "a source's session knows no gap",
        (("2021-02-01 00:00", "s", None), ("2021-02-01 20:00", "s", None)),
        [("2021-02-01", "source", "s", 2)],
    ),
    Case(
        "an order is a session where there is no other",
        (("2021-02-01 10:00", "s", "o"), ("2021-02-01 10:01", None, "o")),
        [("2021-02-01", "order", "o", 1), ("2021-02-01", "source", "s", 1)],
    ),
    Case(
        "an order and a session of one id are two sessions",
        (("2021-02-01 10:00", "x", None), ("2021-02-01 10:01", None, "x")),
        [("2021-02-01", "order", "x", 1), ("2021-02-01", "source", "x", 1)],
    ),
    Case(
        "events with an id bridge no gap between those without",
        (
            ("2021-02-01 10:00", None, None),
            ("2021-02-01 10:20", "s", None),
            ("2021-02-01 10:40", None, None),
        ),
        [
            ("2021-02-01", "gap", gap("2021-02-01 10:00"), 1),
            ("2021-02-01", "gap", gap("2021-02-01 10:40"), 1),
            ("2021-02-01", "source", "s", 1),
        ],
    ),
    Case(
        "one id, two customers, two sessions: the first",
        (("2021-02-01 10:00", "shared", None),),
        [("2021-02-01", "source", "shared", 1)],
    ),
    Case(
        "one id, two customers, two sessions: the second",
        (("2021-02-01 10:00", "shared", None),) * 2,
        [("2021-02-01", "source", "shared", 2)],
    ),
)


@pytest.fixture(scope="module")
def literal(spark: SparkSession) -> dict[str, list[tuple[str, str, str, int]]]:
    """The parts of all cases by one evaluation: each case is one customer."""
    log = [
        event(case.name, at, session_id=session, order_id=order)
        for case in CASES
        for at, session, order in case.events
    ]
    found: dict[str, list[tuple[str, str, str, int]]] = {case.name: [] for case in CASES}
    for row in parts_of(frame(spark, log)).collect():
        part = (str(row.session_date), row.session_kind, row.session_id, row.event_count)
        found[row.customer_id].append(part)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_literal(case: Case, literal: dict[str, list[tuple[str, str, str, int]]]) -> None:
    assert sorted(literal[case.name]) == sorted(case.expected)


DAYS = [date(2021, 2, 1) + timedelta(days=n) for n in range(12)]


@given(stale=st.sets(st.sampled_from(DAYS), min_size=1), bridges=st.sets(st.sampled_from(DAYS)))
def test_a_day_is_rebuilt_if_it_is_stale_or_a_rebuilt_one_goes_on_into_it(
    stale: set[date], bridges: set[date]
) -> None:
    rebuilt = sessions.dates_to_rebuild(stale, bridges)
    assert rebuilt == sorted(set(rebuilt))
    for day in [*DAYS, DAYS[-1] + timedelta(days=1)]:
        before = day - timedelta(days=1)
        assert (day in rebuilt) == (day in stale or (before in rebuilt and before in bridges))


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


def test_late_events_leave_the_sessions_that_one_ingest_of_everything_makes(
    spark: SparkSession,
    run_job: Callable[..., None],
    read: Callable[[Table], DataFrame],
    tmp_path: Path,
) -> None:
    rebuilt = []
    known: dict[str, set[str]] = {}
    for number, log in enumerate((BASE, *LATE)):
        path = write_log(tmp_path / f"{number}.csv", lines(log))
        run_job("ingest", "--source", f"ecommerce_events={path}")
        files = files_by_date(read(SESSIONS))
        rebuilt.append(sorted(day for day in files if files[day] != known.get(day)))
        known = files
    incremental = as_rows(read(SESSIONS))
    everything = [line for log in (BASE, *LATE) for line in lines(log)]
    path = write_log(tmp_path / "everything.csv", everything)
    other = tmp_path / "other"
    run_job("ingest", "--source", f"ecommerce_events={path}", "--lake", str(other))
    at_once = as_rows(spark.read.format("delta").load(str(other / "sessions")))
    assert incremental == at_once
    assert rebuilt[1:] == [list(days) for days in REBUILT]
