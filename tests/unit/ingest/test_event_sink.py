"""What a task makes of its records: a file of events a date, refused records, counts."""

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from ingest_tasks import DAY, at, located, places, rows, sink, written
from ledger import line

from custseg_spark.engine.lake.schemas import EVENTS, REJECTED_EVENTS
from custseg_spark.pipeline.ingest import native_events
from custseg_spark.pipeline.ingest.written import Tally

NEXT = date(2019, 10, 2)


def test_a_task_writes_a_file_for_each_date_and_one_of_refused_records(tmp_path: Path) -> None:
    later = line(event_time="2019-10-02 00:00:00 UTC")
    body = [line(brand="a"), later, line(price="free"), line(brand="b"), line(price="1.23456")]
    done = written(tmp_path, located("a.csv", body))
    assert [(one.file.day, one.file.rows, one.is_kept) for one in done.events] == [
        (DAY, 3, False),
        (NEXT, 1, False),
    ]
    assert places(tmp_path, [one.file for one in done.events]) == [
        ("a.csv", 2),
        ("a.csv", 5),
        ("a.csv", 6),
        ("a.csv", 3),
    ]
    assert done.tallies == {"a.csv": Tally(valid=4, rejected=1, rounded=1)}
    [refused] = done.rejected
    held = pq.ParquetFile(tmp_path / REJECTED_EVENTS.name / refused.path).read().to_pylist()
    assert [(r["source_row"], r["raw_record"]) for r in held] == [(4, line(price="free"))]
    assert (refused.day, held[0]["reasons"][0]["code"]) == (date(2026, 1, 1), "not_a_number")


def test_a_task_counts_reasons_and_remembers_the_first_record_of_each(tmp_path: Path) -> None:
    body = [line(price="-1"), line(price="free", user_id=""), line(price="-2")]
    done = written(tmp_path, located("a.csv", body))
    told = {r.code: (r.records, r.example.source_row, r.example.value) for r in done.refusals}
    assert told == {
        "negative": (2, 2, "-1"),
        "not_a_number": (1, 3, "free"),
        "missing_customer": (1, 3, None),
    }


def test_a_task_without_records_writes_nothing(tmp_path: Path) -> None:
    done = written(tmp_path, located("a.csv", []))
    assert (done.events, done.rejected, list(tmp_path.iterdir())) == ([], [], [])


@pytest.mark.parametrize("handed_over", [("a.csv", "b.csv"), ("b.csv", "a.csv")])
def test_of_equal_events_in_a_task_the_first_by_file_and_row_stays(
    tmp_path: Path, handed_over: tuple[str, str]
) -> None:
    bodies = {
        "a.csv": [line(brand="only here"), line(), line()],
        "b.csv": [line(), line(brand="b")],
    }
    done = written(tmp_path, *(located(name, bodies[name]) for name in handed_over))
    assert sorted(places(tmp_path, [one.file for one in done.events])) == [
        ("a.csv", 2),
        ("a.csv", 3),
        ("b.csv", 3),
    ]
    assert done.tallies == {"a.csv": Tally(3, copies=1), "b.csv": Tally(2, copies=1)}


def test_equal_events_of_a_source_that_keeps_them_stay(tmp_path: Path) -> None:
    body = [line(), line(), line(brand="b")]
    done = written(tmp_path, located("a.csv", body), keeps=["ecommerce_events"])
    assert [(one.file.rows, one.is_kept) for one in done.events] == [(3, True)]
    assert done.tallies == {"a.csv": Tally(valid=3)}


def test_a_task_writes_before_it_holds_too_many_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_events, "ROWS_HELD", 3)
    parts = [located(f"{n}.csv", [line(brand=f"{n}-{m}") for m in range(2)]) for n in range(5)]
    done = written(tmp_path, *parts)
    assert [one.file.rows for one in done.events] == [4, 4, 2]


def test_a_file_holds_no_more_events_than_allowed(tmp_path: Path) -> None:
    body = [line(event_time=at(n)) for n in range(7)]
    done = sink(tmp_path, rows_per_file=3)(iter([located("a.csv", body)]))
    assert [one.file.rows for one in done.events] == [3, 3, 1]


def test_events_stand_in_their_file_as_they_were_validated(tmp_path: Path) -> None:
    done = written(tmp_path, located("a.csv", [line(brand="", price="33.2")]))
    events = rows(tmp_path, [one.file for one in done.events])
    assert events.columns == EVENTS.file_schema.names
    [event] = events.to_dicts()
    assert (event["customer_id"], event["brand"], str(event["unit_price"])) == (
        "541312140",
        None,
        "33.2000",
    )


def test_a_task_that_is_tried_again_gives_an_equal_result_in_other_files(tmp_path: Path) -> None:
    """The driver commits the files of one result; nothing refers to the other's."""
    body = [line(event_time=at(n)) for n in (5, 1, 1)]
    first, second = (written(tmp_path, located("a.csv", body)) for _ in range(2))
    assert first.tallies == second.tallies
    ours, others = ([one.file for one in done.events] for done in (first, second))
    assert not {f.path for f in ours} & {f.path for f in others}
    assert rows(tmp_path, ours).equals(rows(tmp_path, others))


def test_a_log_out_of_the_order_of_time_is_still_a_file_a_date(tmp_path: Path) -> None:
    days = ["02", "01", "03", "01", "02"]
    body = [
        line(event_time=f"2019-10-{day} 00:00:00 UTC", brand=f"{n}") for n, day in enumerate(days)
    ]
    done = written(tmp_path, located("a.csv", body))
    found = {one.file.day: places(tmp_path, [one.file]) for one in done.events}
    assert len(found) == len(done.events) == 3
    assert {row for _, row in found[date(2019, 10, 2)]} == {2, 6}
