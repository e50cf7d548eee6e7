"""Set who may read new files: the umask of this process while it works on a lake.

Driver and tasks write by many libraries, and all of them heed the umask. Spark's writers have one
of their own (`fs.permissions.umask-mode`, see `session.withhold`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
# Of everybody at work in this process, whose files are made under the strictest.
_held: list[int] = []
_before = 0


@contextmanager
def withheld(umask: str | int) -> Iterator[None]:
    """Files and folders made in the block lack these permissions, three octal digits as text.

    A umask belongs to the whole process: while several threads are at work, what any of them
    withholds is withheld, and the last one to end gives back what was before.
    """
    bits = umask if isinstance(umask, int) else int(umask, 8)
    _take(bits)
    try:
        yield
    finally:
        _give_back(bits)


def current() -> int:
    """Return the umask that is in force."""
    with _lock:
        umask = os.umask(0o077)
        os.umask(umask)
    return umask


def _take(bits: int) -> None:
    global _before
    with _lock:
        if not _held:
            _before = os.umask(bits)
        _held.append(bits)
        os.umask(_all())


def _give_back(bits: int) -> None:
    with _lock:
        _held.remove(bits)
        os.umask(_all() if _held else _before)


def _all() -> int:
    together = 0
    for bits in _held:
        together |= bits
    return together
