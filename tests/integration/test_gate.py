"""The gate before a segmentation: what it lets pass, what it refuses and how it says so."""

from datetime import date, datetime, timedelta
from pathlib import Path

import literal_lake
import pytest
from checkout import job
from pyspark.sql import SparkSession

from custseg_spark.config.settings import GateConfig, LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES, SESSIONS
from custseg_spark.errors import GateError
from custseg_spark.pipeline import concentration, gate

RUN_DATE = date(2021, 4, 9)
# Events of the eight days before the run date: the last day has a half of the usual four.
EVENTS_A_DAY = (3, 4, 4, 4, 5, 4, 4, 2)


def event(number: int, day: date, file: str = "f") -> literal_lake.Row:
    moment = datetime(day.year, day.month, day.day, 12)
    return {
        "event_id": str(number),
        "event_at": moment,
        "event_date": day,
        "source": "shop",
        "file_id": file,
        "customer_id": f"c{number % 5}",
    }


def file(
    name: str = "f", source: str = "shop", *, records: int = 33, **more: object
) -> literal_lake.Row:
    counts = {"header": 1, "blank": 0, "accepted": 30, "rejected": 1, "ignored": 0, "duplicates": 1}
    known = {"file_id": name, "source": source, "source_file": f"{name}.csv"}
    return {**known, "physical_records": records, **counts, **more}


def days() -> list[literal_lake.Row]:
    first = RUN_DATE - timedelta(days=len(EVENTS_A_DAY))
    each = [first + timedelta(days=n) for n, count in enumerate(EVENTS_A_DAY) for _ in range(count)]
    return [event(n, day) for n, day in enumerate(each)]


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(spark, LakeConfig(path=str(tmp_path_factory.mktemp("gate") / "lake")))
    literal_lake.write(made, EVENTS, days())
    skipped = file("", skipped_because="hidden", records=0)
    attributes = file("p", "attributes")
    literal_lake.write(made, INGEST_FILES, [file(), skipped, attributes])
    return made


def changed(lake: Lake, tmp_path: Path, *ledger: literal_lake.Row) -> Lake:
    """The lake's events under another ledger."""
    other = Lake(lake.spark, LakeConfig(path=str(tmp_path / "lake")))
    other.create([EVENTS])
    other.appender([EVENTS]).append(lake.rows(EVENTS), EVENTS)
    literal_lake.write(other, INGEST_FILES, ledger)
    return other


def test_a_lake_as_it_should_be_passes(lake: Lake) -> None:
    passed = gate.check(lake, GateConfig(), RUN_DATE)
    assert passed == gate.Passed(2, 30, date(2021, 4, 8), 2, 4)
    assert gate.check(lake, GateConfig(), None) == passed


def test_a_log_that_has_not_arrived_is_named_with_its_days(lake: Lake) -> None:
    with pytest.raises(GateError, match="before 2021-04-10 is of 2021-04-08, 2 days earlier"):
        gate.check(lake, GateConfig(), RUN_DATE + timedelta(days=1))
    assert gate.check(lake, GateConfig(max_days_behind=2), RUN_DATE + timedelta(days=1))
    with pytest.raises(GateError, match="no event before 2021-04-01"):
        gate.check(lake, GateConfig(), date(2021, 4, 1))


def test_a_short_day_is_refused(lake: Lake) -> None:
    assert gate.check(lake, GateConfig(min_day_share=0.5), RUN_DATE)
    with pytest.raises(GateError, match=r"2 events, the median of the 7 days before is 4.*51%"):
        gate.check(lake, GateConfig(min_day_share=0.51), RUN_DATE)
    # The day's share is of what was there then, not of what came later.
    assert gate.check(lake, GateConfig(min_day_share=1), RUN_DATE - timedelta(days=1))


def test_a_customer_with_too_many_events_is_refused(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gate.check(lake, GateConfig(max_customer_share=0.01), RUN_DATE)
    monkeypatch.setattr(concentration, "FEWEST_EVENTS", 30)
    assert gate.check(lake, GateConfig(max_customer_share=0.2), RUN_DATE)
    with pytest.raises(GateError, match=r"customer 'c4' has 6 of 30 events \(20.0%, at most 19.0%"):
        gate.check(lake, GateConfig(max_customer_share=0.19), RUN_DATE)


def test_the_largest_customer_is_found_in_the_sessions(lake: Lake, tmp_path: Path) -> None:
    events = concentration.of_events(lake.read(EVENTS))
    assert (events and events.customer_id, events and events.events) == ("c4", 6)
    other = changed(lake, tmp_path, file())
    parts = [(f"c{n}", day, 6 - n % 2) for n in range(5) for day in (1, 2)]
    rows = [
        {"customer_id": c, "session_date": date(2021, 4, day), "event_count": n}
        for c, day, n in parts
    ]
    literal_lake.write(other, SESSIONS, rows)
    assert concentration.of_lake(other) == concentration.Largest("c4", 12, 56)


def test_a_ledger_that_does_not_add_up_is_refused(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"f\.csv: 34 records are not 1 header \+ 0 blank \+ 30"):
        gate.check(changed(lake, tmp_path, file(records=34)), GateConfig(), RUN_DATE)


def test_events_that_the_ledger_has_not_are_refused(lake: Lake, tmp_path: Path) -> None:
    more = file(accepted=31, rejected=0)
    with pytest.raises(GateError, match=r"f\.csv: the ledger has 31 accepted.* events 30 of"):
        gate.check(changed(lake, tmp_path / "more", more), GateConfig(), RUN_DATE)
    gone = changed(lake, tmp_path / "gone", file(), file("g"))
    with pytest.raises(GateError, match=r"g\.csv: the ledger has 30 accepted.* events 0 of"):
        gate.check(gone, GateConfig(), RUN_DATE)
    killed = changed(lake, tmp_path / "killed", file("g", "other"))
    with pytest.raises(GateError, match="30 events of source shop are of a file that the ledger"):
        gate.check(killed, GateConfig(), RUN_DATE)


def test_the_job_prints_its_findings(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    where = f"--lake={lake.config.path}"
    job("gate").run([where, "--run-date=2021-04-09"])
    assert capsys.readouterr().out == (
        "Fit to be segmented: 30 events, as the ledger of 2 files says; 2 on 2021-04-08"
        " (median of the days before: 4)\n"
    )
    assert GateError.exit_code == 4
    with pytest.raises(GateError):
        job("gate").run([where, "--set=gate.min_day_share=0.9"])
