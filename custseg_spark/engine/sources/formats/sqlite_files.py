"""SQLite databases of somebody else's, opened without leaving a file beside them."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

LOCK_WAIT_S = 5.0


def open_read_only(path: Path, how: str = "mode=ro") -> sqlite3.Connection:
    """Return a read-only connection: a plain connect would create a file that is missing."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=LOCK_WAIT_S)
    # Bytes, because text in a SQLite file need not be UTF-8; Spark checks that with the rest.
    connection.text_factory = bytes
    return connection


@contextmanager
def opened_outside(path: Path, folder: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection to a database of somebody else's, which leaves no file beside it.

    SQLite makes side files of a database in WAL mode even to read it, and a reader can't remove
    them. They are there already while another program has it open; without, it is read as it is,
    and where a log was left by itself both are copied to `folder`.
    """
    log, shared = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
    if not _is_wal(path) or shared.exists():
        source = open_read_only(path)
    elif log.exists():
        copy = folder / "with-log.sqlite"
        shutil.copyfile(path, copy)
        shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
        source = open_read_only(copy)
    else:
        source = open_read_only(path, "immutable=1")
    with closing(source):
        yield source


def _is_wal(path: Path) -> bool:
    """Whether a database is in WAL mode, as bytes 18 and 19 say."""
    with path.open("rb") as stream:
        return stream.read(20)[18:20] == b"\x02\x02"


def explained(error: sqlite3.DatabaseError) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return f"the database is locked by another process (waited {LOCK_WAIT_S:.0f} s)"
    return f"the database is damaged or truncated: {text}"
