"""Folders of one process's own files, which outlive a kill only until the next of their kind."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A new folder `<prefix>…` in `parent` (None: the temporary folder), removed at the end.

    Folders of this prefix whose processes were killed are removed first. The prefix must be ours
    alone: a living process holds a lock on its folder, and what has none is taken for dead.
    """
    around = Path(tempfile.gettempdir()) if parent is None else parent
    remove_abandoned(prefix, around)
    # Under a name that nobody looks for until it is locked.
    made = Path(tempfile.mkdtemp(prefix=f"new-{prefix}", dir=around))
    lock = os.open(made, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = made.rename(made.with_name(made.name.removeprefix("new-")))
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def remove_abandoned(prefix: str, around: Path) -> None:
    """Remove the folders of a prefix that no living process holds."""
    for path in around.glob(f"{prefix}*"):
        with suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
