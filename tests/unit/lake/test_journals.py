"""The journal of a publication: killed after each of its steps, a run counts in full or not at all.

A segmentation's tables, with a row each; no JVM.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from small_lake import FIRST, SECOND, rows

from custseg_spark.engine.lake import commits, publishing
from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.files import DataFile, write_part
from custseg_spark.engine.lake.journal import Journal, JournalFile, Step, of_text
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.publishing import ReadVersion, publish, settle
from custseg_spark.engine.lake.runs import held_lock, settle_dead_runs, wait_for_journals
from custseg_spark.engine.lake.schemas import (
    EVENTS,
    INGEST_FILES,
    MODEL_SELECTION,
    REJECTED_EVENTS,
    RUNS,
    SEGMENT_POINTS,
)
from custseg_spark.errors import ConflictError

TABLES = (MODEL_SELECTION, SEGMENT_POINTS, RUNS, REJECTED_EVENTS, EVENTS, INGEST_FILES)


class KilledError(BaseException):
    """Stands for a kill: nothing in the product catches it."""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of tables without rows, which tests copy."""
    made = NativeLake(tmp_path_factory.mktemp("empty") / "lake")
    made.create(TABLES)
    return made.root


@pytest.fixture
def lake(empty: Path, tmp_path: Path) -> NativeLake:
    shutil.copytree(empty, tmp_path / "lake")
    return NativeLake(tmp_path / "lake")


def written(lake: NativeLake, table: Table, day: date | None, run: str, **row: Any) -> DataFile:
    values = {**row, **({table.date_column: day} if table.date_column else {})}
    return write_part(
        rows(table, values), table, lake.folder(table), day, run_id=run, task=0, of_run=run
    )


def run_of(lake: NativeLake, run: str, k: int, day: date = FIRST) -> Journal:
    """A run with its files written and nothing committed."""
    held = {r["run_date"]: r["run_id"] for r in lake.read(RUNS).to_pylist()}
    last = Step(RUNS, (written(lake, RUNS, day, run, run_id=run),), lake.version(RUNS), day)
    steps = (
        Step(MODEL_SELECTION, (written(lake, MODEL_SELECTION, day, run, k=k),)),
        Step(SEGMENT_POINTS, (written(lake, SEGMENT_POINTS, day, run, segment_id=k),)),
        replace(last, alone=True),
    )
    return Journal(run, steps, day, held.get(day))


def published(lake: NativeLake) -> set[tuple[date, str, int, int]]:
    """Run date, id, k and segment of what the tables hold for the runs that `runs` holds."""
    found = set()
    for run in lake.read(RUNS).to_pylist():
        day, run_id = run["run_date"], run["run_id"]
        [k] = [f for f in lake.files(MODEL_SELECTION, [day]) if f.run_id == run_id]
        [point] = [f for f in lake.files(SEGMENT_POINTS, [day]) if f.run_id == run_id]
        selection = lake.read_files(MODEL_SELECTION, [k], ["run_id", "k"]).to_pylist()
        points = lake.read_files(SEGMENT_POINTS, [point], ["segment_id"]).to_pylist()
        assert [row["run_id"] for row in selection] == [run_id]
        found.add((day, run_id, selection[0]["k"], points[0]["segment_id"]))
    return found


def all_rows(lake: NativeLake) -> list[int]:
    return sorted(lake.read(MODEL_SELECTION, ["k"])["k"].to_pylist())


def killed_after(monkeypatch: pytest.MonkeyPatch, calls: int) -> Iterator[None]:
    """Kills at the beginning of a write: of the journal, a commit, or its removal."""
    left = calls

    def mortal(work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            if not left:
                raise KilledError
            left -= 1
            return work(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for name in ("write", "remove"):
            patch.setattr(JournalFile, name, mortal(getattr(JournalFile, name)))
        patch.setattr(commits, "_write", mortal(commits._write))
        yield


kill_after = pytest.fixture(lambda monkeypatch: lambda calls: killed_after(monkeypatch, calls))
Kill = Callable[[int], Iterator[None]]


def attempt(work: Callable[[], None], kill: Iterator[None]) -> bool:
    """Whether the work was through before it was killed."""
    next(kill)
    try:
        work()
    except KilledError:
        return False
    finally:
        next(kill, None)
    return True


def test_a_journal_comes_back_as_it_was(lake: NativeLake) -> None:
    journal = run_of(lake, "a", 2)
    assert of_text(journal.as_json()) == journal
    assert of_text(journal.as_json().replace('"format": 1', '"format": 2')) is None


def test_a_run_takes_the_place_of_the_one_before(lake: NativeLake) -> None:
    publish(lake, run_of(lake, "a", 2))
    publish(lake, run_of(lake, "b", 9, SECOND))
    publish(lake, run_of(lake, "c", 3))
    assert published(lake) == {(FIRST, "c", 3, 3), (SECOND, "b", 9, 9)}
    assert all_rows(lake) == [3, 9]
    assert list((lake.root / "_runs").iterdir()) == []


@pytest.mark.parametrize("calls", range(8))
def test_a_rerun_killed_anywhere_is_the_old_or_the_new_one_in_full(
    lake: NativeLake, kill_after: Kill, calls: int
) -> None:
    old, new = {(FIRST, "a", 2, 2)}, {(FIRST, "b", 3, 3)}
    publish(lake, run_of(lake, "a", 2))
    rerun = run_of(lake, "b", 3)
    through = attempt(lambda: publish(lake, rerun), kill_after(calls))
    # The journal, two tables, `runs`: from the fourth commit on it counts.
    assert published(lake) == (new if calls >= 4 else old)
    assert through is (calls >= 7)
    # Whoever opens the lake next finishes it once anything was committed; each time the same.
    for _ in range(2):
        assert settle(lake, "b")
        assert published(lake) == (new if calls >= 2 else old)
        assert all_rows(lake) == ([3] if calls >= 2 else [2])
    # And the retry.
    publish(lake, run_of(lake, "c", 4))
    assert published(lake) == {(FIRST, "c", 4, 4)}
    assert all_rows(lake) == [4]


@pytest.mark.parametrize("calls", range(7))
def test_finishing_a_journal_may_be_killed_as_well(
    lake: NativeLake, kill_after: Kill, calls: int
) -> None:
    publish(lake, run_of(lake, "a", 2))
    rerun = run_of(lake, "b", 3)
    attempt(lambda: publish(lake, rerun), kill_after(2))
    attempt(lambda: settle(lake, "b") and None, kill_after(calls))
    settle(lake, "b")
    assert published(lake) == {(FIRST, "b", 3, 3)}
    assert all_rows(lake) == [3]


def test_of_two_runs_of_a_date_the_later_is_a_conflict_and_leaves_nothing(lake: NativeLake) -> None:
    first, second = run_of(lake, "a", 2), run_of(lake, "b", 3)
    publish(lake, second)
    with pytest.raises(ConflictError, match="another run wrote") as conflict:
        publish(lake, first)
    assert conflict.value.exit_code == 5
    assert published(lake) == {(FIRST, "b", 3, 3)}
    assert all_rows(lake) == [3]


def test_a_run_of_another_date_is_one_too_as_segments_ids_must_differ(lake: NativeLake) -> None:
    first, second = run_of(lake, "a", 2), run_of(lake, "b", 3, SECOND)
    publish(lake, second)
    with pytest.raises(ConflictError):
        publish(lake, first)


def test_a_journal_is_withdrawn_where_another_run_was_published_since(
    lake: NativeLake, kill_after: Kill
) -> None:
    killed, other = run_of(lake, "a", 2), run_of(lake, "b", 3)
    attempt(lambda: publish(lake, killed), kill_after(3))
    publish(lake, other)
    assert settle(lake, "a")
    assert published(lake) == {(FIRST, "b", 3, 3)}
    assert all_rows(lake) == [3]


@pytest.mark.parametrize("calls", range(5))
def test_a_withdrawal_that_is_killed_goes_on(
    lake: NativeLake, kill_after: Kill, calls: int
) -> None:
    killed, other = run_of(lake, "a", 2), run_of(lake, "b", 3)
    attempt(lambda: publish(lake, killed), kill_after(3))
    publish(lake, other)
    attempt(lambda: settle(lake, "a") and None, kill_after(calls))
    settle(lake, "a")
    assert published(lake) == {(FIRST, "b", 3, 3)}
    assert all_rows(lake) == [3]
    assert not JournalFile(lake.root, "a").path.exists()


def test_a_journal_whose_files_are_gone_is_withdrawn(lake: NativeLake, kill_after: Kill) -> None:
    publish(lake, run_of(lake, "a", 2))
    killed = run_of(lake, "b", 3)
    attempt(lambda: publish(lake, killed), kill_after(2))
    [lost] = killed.steps[1].adds
    (lake.folder(SEGMENT_POINTS) / lost.path).unlink()
    assert settle(lake, "b")
    assert published(lake) == {(FIRST, "a", 2, 2)}
    assert all_rows(lake) == [2]


def test_a_journal_that_was_not_written_to_its_end_is_none(lake: NativeLake) -> None:
    journal = JournalFile(lake.root, "a")
    journal.write(run_of(lake, "a", 2))
    half_written = journal.path.rename(journal.path.with_suffix(".journal-to-be"))
    assert settle(lake, "a")
    assert not half_written.exists()
    assert published(lake) == set()


def test_what_was_read_must_still_hold(lake: NativeLake) -> None:
    read = [ReadVersion(EVENTS, 0, before=SECOND)]
    late = written(lake, EVENTS, SECOND, "x", file_id="f")
    commits.append(lake, EVENTS, [late], read_version=0)
    # Events of the run date and later aren't read.
    publish(lake, run_of(lake, "a", 2, SECOND), read)
    early = written(lake, EVENTS, FIRST, "x", file_id="f")
    commits.append(lake, EVENTS, [early], read_version=1)
    with pytest.raises(ConflictError, match="events meanwhile"):
        publish(lake, run_of(lake, "b", 3, SECOND), read)
    assert published(lake) == {(SECOND, "a", 2, 2)}


def ingest_of(lake: NativeLake, run: str) -> Journal:
    """An ingest of one file with an event and a refused record."""
    files = (
        (REJECTED_EVENTS, written(lake, REJECTED_EVENTS, FIRST, run, file_id=run)),
        (EVENTS, written(lake, EVENTS, FIRST, run, file_id=run)),
        (INGEST_FILES, written(lake, INGEST_FILES, None, run, file_id=run)),
    )
    return Journal(run, tuple(Step(table, (f,), lake.version(table)) for table, f in files))


def ingested(lake: NativeLake) -> list[list[str]]:
    tables = (REJECTED_EVENTS, EVENTS, INGEST_FILES)
    return [sorted(lake.read(table, ["file_id"])["file_id"].to_pylist()) for table in tables]


@pytest.mark.parametrize("calls", range(6))
def test_an_ingest_killed_anywhere_has_all_three_tables_or_none(
    lake: NativeLake, kill_after: Kill, calls: int
) -> None:
    publish(lake, ingest_of(lake, "a"))
    attempt(lambda: publish(lake, ingest_of(lake, "b")), kill_after(calls))
    settle(lake, "b")
    assert ingested(lake) == [["a", "b"] if calls >= 2 else ["a"]] * 3


def test_of_two_ingests_the_later_is_a_conflict(lake: NativeLake) -> None:
    first, second = ingest_of(lake, "a"), ingest_of(lake, "b")
    publish(lake, second)
    with pytest.raises(ConflictError):
        publish(lake, first)
    assert ingested(lake) == [["b"]] * 3


def test_nothing_builds_on_what_is_half_published(
    lake: NativeLake, kill_after: Kill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custseg_spark.engine.lake.runs._SECONDS_BETWEEN", 0)
    with held_lock(lake.root, "a"):
        attempt(lambda: publish(lake, ingest_of(lake, "a")), kill_after(3))
        with pytest.raises(ConflictError, match="another run is publishing"):
            wait_for_journals(lake, TABLES)
    # Its lock is gone as after a good end; with the lock of a killed run it is finished.
    (lake.root / "_runs" / "a.lock").touch()
    wait_for_journals(lake, TABLES)
    assert ingested(lake) == [["a"]] * 3


def test_the_files_of_a_journal_that_was_thrown_away_are_gone(
    lake: NativeLake, kill_after: Kill
) -> None:
    attempt(lambda: publish(lake, run_of(lake, "a", 2)), kill_after(1))
    (lake.root / "_runs" / "a.lock").touch()
    assert len(settle_dead_runs(lake, TABLES)) == 3
    assert published(lake) == set()
    assert not list(lake.root.rglob("part-*.parquet"))
    assert publishing.settle(lake, "a")
