"""Who is at work in a lake: a run holds a lock, and a dead run's uncommitted files are removed.

`_runs/<id>.lock` is locked by flock as long as its run lives, whatever ends it, and deleted only by
a run that has ended well; the lock of a killed run stays behind, free, and tells the next run whose
files to look for. `_runs/<id>.journal` says that a run's files are still to be committed, by the
run that goes on where it ended.
"""

import fcntl
import os
import re
import socket
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.files import run_of
from custseg_spark.engine.lake.handles import LOG
from custseg_spark.engine.lake.native import NativeLake

_RUNS, _LOCK, _JOURNAL = "_runs", ".lock", ".journal"
# A lock of another machine may look free where the folder's file system doesn't share locks.
_SECONDS_TO_BE_SURE = 24 * 3600
# A run that looks for dead ones holds each free lock for a moment, also one just made.
_TRIES, _SECONDS_BETWEEN = 50, 0.1


@contextmanager
def run_lock(lake: NativeLake, tables: Collection[Table], run_id: str) -> Iterator[None]:
    """Holds the run's lock; at its start removes what dead runs left, at its good end its own.

    Its own leftovers are files of tasks that were tried twice.
    """
    remove_leftovers(lake, tables)
    path = lake.root / _RUNS / f"{run_id}{_LOCK}"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _own_lock(path)
    if descriptor is None:
        raise ValueError(f"a run {run_id} is at work already")
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, socket.gethostname().encode())
        yield
        _remove_uncommitted(lake, tables, {run_id})
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def journal(lake: NativeLake, run_id: str) -> Path:
    """The file that keeps a run's files while it exists, whether the run lives or not."""
    return lake.root / _RUNS / f"{run_id}{_JOURNAL}"


def remove_leftovers(lake: NativeLake, tables: Iterable[Table]) -> list[Path]:
    """Removes the uncommitted files of runs that have neither a lock nor a journal; their paths.

    Only those of runs that left a lock behind are looked for: VACUUM finds all others.
    """
    removed: list[Path] = []
    for path in sorted((lake.root / _RUNS).glob(f"*{_LOCK}")):
        run_id = path.name.removesuffix(_LOCK)
        if journal(lake, run_id).exists() or not _is_sure(path):
            continue
        descriptor = _locked(path)
        if descriptor is None:
            continue
        try:
            removed += _remove_uncommitted(lake, tables, {run_id})
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)
    return removed


def _is_sure(lock: Path) -> bool:
    """Whether a free lock means that its run is dead."""
    with suppress(FileNotFoundError):
        age = time.time() - lock.stat().st_mtime
        is_of_here = lock.read_text() in ("", socket.gethostname())
        return is_of_here or age > _SECONDS_TO_BE_SURE
    return False


def _own_lock(path: Path) -> int | None:
    """A descriptor that holds a new run's lock; None where a run of the same id has it."""
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


def _remove_uncommitted(
    lake: NativeLake, tables: Iterable[Table], run_ids: Collection[str]
) -> list[Path]:
    removed = []
    for table in tables:
        folder = lake.folder(table)
        ours = [path for path in folder.rglob("part-*.parquet") if run_of(path.name) in run_ids]
        committed = _ever_committed(lake, table, run_ids) if ours else set()
        for path in ours:
            if path.name not in committed:
                path.unlink(missing_ok=True)
                removed.append(path)
    return removed


def _ever_committed(lake: NativeLake, table: Table, run_ids: Collection[str]) -> set[str]:
    """The names of files that the table has or, of these runs, had in an older version.

    An older version's are known by the log's own JSON, which is kept for 30 days.
    """
    names = {Path(file.path).name for file in lake.files(table)}
    for file in (lake.folder(table) / LOG).glob("*.json"):
        text = file.read_text("utf-8")
        if any(run_id in text for run_id in run_ids):
            names.update(re.findall(r"part-[0-9A-Za-z-]+\.c000\.zstd\.parquet", text))
    return names
