"""Locks of runs at work in a lake; the work of a dead run is finished or removed.

`_runs/<id>.lock` is locked by flock as long as its run lives, whatever ends it, and deleted only by
a run that has ended well; the lock of a killed run stays behind, free, and tells the next run whose
journal and files to look for.
"""

import fcntl
import os
import re
import socket
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from custseg_spark.engine.lake.columns import RUN_ID, Table
from custseg_spark.engine.lake.files import run_of
from custseg_spark.engine.lake.handles import LOG
from custseg_spark.engine.lake.journal import ENDING, RUNS_FOLDER, JournalFile
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.publishing import settle
from custseg_spark.errors import ConflictError

_LOCK = ".lock"
# A lock of another machine may look free where the folder's file system doesn't share locks.
SECONDS_TO_BE_SURE = 24 * 3600
# A run that looks for dead ones holds each free lock for a moment, also one just made.
_TRIES, _SECONDS_BETWEEN = 50, 0.1


@contextmanager
def run_lock(lake: NativeLake, tables: Collection[Table], run_id: str) -> Iterator[None]:
    """Hold the run's lock; at its start settle what dead runs left, at its good end its own.

    Its own leftovers are files of tasks that were tried twice.
    """
    settle_dead_runs(lake, tables)
    with held_lock(lake.root, run_id):
        yield
        remove_uncommitted(lake, tables, {run_id})


@contextmanager
def held_lock(root: Path, run_id: str) -> Iterator[None]:
    """Hold a run's lock in a lake's folder; an error, like a kill, leaves it behind, free."""
    path = _lock_of(root, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _own_lock(path)
    if descriptor is None:
        raise ValueError(f"a run {run_id} is at work already")
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, socket.gethostname().encode())
        yield
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def release(root: Path, run_id: str) -> None:
    """Remove the lock of a run that failed and has left nothing, before it is free."""
    if not JournalFile(root, run_id).path.exists():
        _lock_of(root, run_id).unlink(missing_ok=True)


def settle_dead_runs(lake: NativeLake, tables: Collection[Table]) -> list[Path]:
    """Finish or throw away the journals of dead runs and remove their uncommitted files.

    Looks only at runs that left a lock behind: VACUUM finds the files of all others. Returns the
    paths of the removed files.
    """
    removed: list[Path] = []
    for path in sorted((lake.root / RUNS_FOLDER).glob(f"*{_LOCK}")):
        run_id = path.name.removesuffix(_LOCK)
        descriptor = _dead_lock(path)
        if descriptor is None:
            continue
        try:
            if settle(lake, run_id):
                removed += remove_uncommitted(lake, tables, {run_id})
                path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)
    return removed


def wait_for_journals(lake: NativeLake, tables: Collection[Table]) -> None:
    """Wait until nothing is half published: no run may build on what may be withdrawn.

    A journal of a living run is there for less than a second. Raises ConflictError where one stays.
    """
    for _ in range(_TRIES):
        settle_dead_runs(lake, tables)
        if not any((lake.root / RUNS_FOLDER).glob(f"*{ENDING}")):
            return
        time.sleep(_SECONDS_BETWEEN)
    raise ConflictError(f"another run is publishing in {lake.root}; run again later")


def locked(root: Path) -> set[str]:
    """Return the ids of the runs that have a lock, living or not."""
    return {path.name.removesuffix(_LOCK) for path in (root / RUNS_FOLDER).glob(f"*{_LOCK}")}


def is_at_work(root: Path, run_id: str) -> bool:
    """Whether a run holds its lock, as far as this machine can tell."""
    path = _lock_of(root, run_id)
    descriptor = _dead_lock(path)
    if descriptor is None:
        return path.exists()
    os.close(descriptor)
    return False


def _lock_of(root: Path, run_id: str) -> Path:
    return root / RUNS_FOLDER / f"{run_id}{_LOCK}"


def _dead_lock(path: Path) -> int | None:
    """A descriptor that holds the lock of a dead run; None of a living one, or where in doubt."""
    return _locked(path) if _is_sure(path) else None


def _is_sure(lock: Path) -> bool:
    """Whether a free lock means that its run is dead."""
    with suppress(FileNotFoundError):
        age = time.time() - lock.stat().st_mtime
        is_of_here = lock.read_text() in ("", socket.gethostname())
        return is_of_here or age > SECONDS_TO_BE_SURE
    return False


def _own_lock(path: Path) -> int | None:
    """Return a descriptor that holds a new run's lock; None where a run of the same id has it."""
    for _ in range(_TRIES):
        descriptor = _locked(path, os.O_CREAT)
        if descriptor is not None:
            return descriptor
        time.sleep(_SECONDS_BETWEEN)
    return None


def _locked(path: Path, flags: int = 0) -> int | None:
    """A descriptor that holds a file's lock; None where another has it or there is no file."""
    try:
        descriptor = os.open(path, os.O_RDWR | flags, 0o666)
    except FileNotFoundError:
        return None
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between opening and locking another may have deleted it: then this is nobody's lock.
        if path.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    os.close(descriptor)
    return None


def remove_uncommitted(
    lake: NativeLake, tables: Iterable[Table], run_ids: Collection[str]
) -> list[Path]:
    """Remove files of these runs that no version of a table ever had; return their paths."""
    removed = []
    for table in tables:
        ours = [path for path in _part_files(lake, table, run_ids) if run_of(path.name) in run_ids]
        committed = _ever_committed(lake, table, run_ids) if ours else set()
        for path in ours:
            if path.name not in committed:
                path.unlink(missing_ok=True)
                removed.append(path)
                if table.is_by_run:
                    with suppress(OSError):
                        path.parent.rmdir()
    return removed


def _part_files(lake: NativeLake, table: Table, run_ids: Iterable[str]) -> list[Path]:
    """The files that may be of these runs, which have folders of their own in tables by run."""
    folder, files = lake.folder(table), "part-*.parquet"
    if not table.is_by_run:
        return list(folder.rglob(files))
    return [path for one in run_ids for path in folder.glob(f"*/{RUN_ID}={one}/{files}")]


def _ever_committed(lake: NativeLake, table: Table, run_ids: Collection[str]) -> set[str]:
    """Return the names of files that the table has or, of these runs, had in an older version.

    An older version's are known by the log's own JSON, which is kept for 30 days.
    """
    names = {Path(file.path).name for file in lake.files(table)}
    for file in (lake.folder(table) / LOG).glob("*.json"):
        text = file.read_text("utf-8")
        if any(run_id in text for run_id in run_ids):
            names.update(re.findall(r"part-[0-9A-Za-z-]+\.c000\.zstd\.parquet", text))
    return names
