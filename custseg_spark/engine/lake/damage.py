"""Report damage to a table's files with the file's name and the remedy."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from deltalake.exceptions import DeltaError

from custseg_spark.errors import InputError

_DAMAGES = (DeltaError, pa.ArrowException, OSError)
# Not the file's fault: raised unchanged.
_OTHERS = (errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


@contextmanager
def named(path: Path, what: str = "the file") -> Iterator[None]:
    """An error of reading a table's file, or its log, as InputError with the path."""
    try:
        yield
    except _DAMAGES as error:
        if isinstance(error, OSError) and error.errno in _OTHERS:
            raise
        is_gone = isinstance(error, FileNotFoundError)
        # Behind the first line Rust says where it was.
        why = "is gone" if is_gone else f"is damaged: {str(error).strip().splitlines()[0]}"
        raise InputError(
            f"{path}: {what} {why}; restore it from a copy, or make a new lake of the sources"
        ) from error
