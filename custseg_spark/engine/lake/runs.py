"""Who is at work in a lake: a run holds a lock, and a dead run's uncommitted files are removed.

`_runs/<id>.lock` is locked by flock as long as its run lives, whatever ends it, and deleted only by
a run that has ended well; the lock of a killed run stays behind, free, and tells the next run whose
files to look for. `_runs/<id>.journal` says that a run's files are still to be committed, by the
run that goes on where it ended.
"""

import fcntl
import os
import socket
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from custseg_spark.engine.lake.files import run_of
from custseg_spark.engine.lake.handles import LOG
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import Table

_RUNS, _LOCK, _JOURNAL = "_runs", ".lock", ".journal"
# A lock of another machine may look free where the folder's file system doesn't share locks.
_SECONDS_TO_BE_SURE = 24 * 3600


@contextmanager
def run_lock(lake: NativeLake, tables: Collection[Table], run_id: str) -> Iterator[None]:
    """Holds the run's lock; at its start removes what dead runs left, at its good end its own.

    Its own leftovers are files of tasks that were tried twice.
    """
    remove_leftovers(lake, tables)
    path = lake.root / _RUNS / f"{run_id}{_LOCK}"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _locked(path, create=True)
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
        descriptor = _locked(path, create=False)
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


def _locked(path: Path, *, create: bool) -> int | None:
    """A descriptor that holds the lock of a file that is there; None where another has it."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o666)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        # Between opening and locking another may have deleted it: then this is no one's lock.
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)


def _remove_uncommitted(
    lake: NativeLake, tables: Iterable[Table], run_ids: Collection[str]
) -> list[Path]:
    removed = []
    for table in tables:
        folder = lake.folder(table)
        ours = [path for path in folder.rglob("part-*.parquet") if run_of(path.name) in run_ids]
        committed = _ever_committed(folder, run_ids) if ours else ""
        for path in ours:
            if path.name not in committed:
                path.unlink(missing_ok=True)
                removed.append(path)
    return removed


def _ever_committed(folder: Path, run_ids: Collection[str]) -> str:
    """The lines of the log that name files of these runs, added or, for older versions, removed.

    The log's own JSON, which is kept for 30 days, also holds what a checkpoint has forgotten.
    """
    lines = []
    for file in sorted((folder / LOG).glob("*.json")):
        text = file.read_text("utf-8")
        lines += [line for line in text.splitlines() if any(run in line for run in run_ids)]
    return "\n".join(lines)
