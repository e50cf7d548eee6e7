"""Locks on folders that one process at a time may fill."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from custseg_spark.errors import ConflictError


@contextmanager
def locked(folder: Path, refusal: str) -> Iterator[None]:
    """Keep other processes out of a folder; the lock ends with the process, also by a kill.

    Raises ConflictError with the text of the refusal where another process holds it.
    """
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ConflictError(refusal) from error
    finally:
        os.close(opened)
