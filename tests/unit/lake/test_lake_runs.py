"""A run's lock, and what becomes of the files of a run that was killed."""

import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest
from small_lake import FIRST, SECOND, choice, held, small_lake

from custseg_spark.engine.lake.commits import append, replace_dates
from custseg_spark.engine.lake.journal import JournalFile
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.runs import run_lock, settle_dead_runs
from custseg_spark.engine.lake.schemas import MODEL_SELECTION

TABLES = [MODEL_SELECTION]


@pytest.fixture
def lake(tmp_path: Path) -> NativeLake:
    return small_lake(tmp_path / "lake")


def parts(lake: NativeLake) -> set[str]:
    return {path.name for path in lake.folder(MODEL_SELECTION).rglob("part-*.parquet")}


def die_at_work(root: Path) -> None:
    """Commits one file, leaves another and is killed."""
    lake = NativeLake(root)
    with run_lock(lake, TABLES, "killed"):
        committed = choice(lake, FIRST, 2, run_id="killed")
        append(lake, MODEL_SELECTION, [committed], read_version=0)
        choice(lake, FIRST, 3, run_id="killed")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with what a killed run left, which tests copy."""
    lake = small_lake(tmp_path_factory.mktemp("killed") / "lake")
    process = multiprocessing.get_context("spawn").Process(target=die_at_work, args=(lake.root,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(parts(lake)) == 2
    return lake.root


@pytest.fixture
def left(killed: Path, tmp_path: Path) -> NativeLake:
    shutil.copytree(killed, tmp_path / "left")
    return NativeLake(tmp_path / "left")


def test_a_killed_run_s_uncommitted_files_are_gone_after_the_next_run(left: NativeLake) -> None:
    with run_lock(left, TABLES, "next"):
        assert len(parts(left)) == 1
        assert held(left) == {(FIRST, 2)}
    assert list((left.root / "_runs").iterdir()) == []


def test_a_file_of_an_older_version_stays(left: NativeLake) -> None:
    files = [choice(left, FIRST, 4, run_id="other")]
    replace_dates(left, MODEL_SELECTION, [FIRST], files, read_version=1)
    assert len(settle_dead_runs(left, TABLES)) == 1
    older = left.files(MODEL_SELECTION, version=1)
    assert [(left.folder(MODEL_SELECTION) / file.path).exists() for file in older] == [True]


def test_a_journal_of_another_version_keeps_a_killed_run_s_files(left: NativeLake) -> None:
    journal = JournalFile(left.root, "killed")
    journal.path.write_text('{"format": 0}')
    assert settle_dead_runs(left, TABLES) == []
    journal.remove()
    assert len(settle_dead_runs(left, TABLES)) == 1


def test_a_living_run_s_files_stay(lake: NativeLake) -> None:
    with run_lock(lake, TABLES, "living"):
        choice(lake, FIRST, 2, run_id="living")
        with run_lock(lake, TABLES, "other"):
            assert len(parts(lake)) == 1


def test_a_successful_run_leaves_committed_files_only(lake: NativeLake) -> None:
    with run_lock(lake, TABLES, "run"):
        choice(lake, FIRST, 2, run_id="run")
        file = choice(lake, SECOND, 3, run_id="run")
        append(lake, MODEL_SELECTION, [file], read_version=0)
    assert parts(lake) == {Path(file.path).name}


def test_a_run_that_fails_is_tidied_up_after_by_the_next(lake: NativeLake) -> None:
    def fail_at_work() -> None:
        with run_lock(lake, TABLES, "failing"):
            choice(lake, FIRST, 2, run_id="failing")
            raise KeyError

    with pytest.raises(KeyError):
        fail_at_work()
    assert len(settle_dead_runs(lake, TABLES)) == 1
    assert parts(lake) == set()


def test_two_runs_of_one_id_are_refused(lake: NativeLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custseg_spark.engine.lake.runs._SECONDS_BETWEEN", 0)
    with (
        run_lock(lake, TABLES, "run"),
        pytest.raises(ValueError, match="a run run is at work already"),
        run_lock(lake, TABLES, "run"),
    ):
        pass


def test_a_fresh_lock_of_another_machine_counts_as_held(left: NativeLake) -> None:
    lock = left.root / "_runs" / "killed.lock"
    lock.write_text("another-machine")
    assert settle_dead_runs(left, TABLES) == []
    two_days_ago = lock.stat().st_mtime - 2 * 24 * 3600
    os.utime(lock, (two_days_ago, two_days_ago))
    assert len(settle_dead_runs(left, TABLES)) == 1
