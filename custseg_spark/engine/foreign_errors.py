"""Errors of libraries and of files as ours, with their exit codes: which file or table, what to do.

The edge asks once for the error that ended a command. An error is known by its class's name, so
that no library is imported for it; an error of a Spark task by the text that Spark makes of it.
"""

import errno
import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from custseg_spark import errors
from custseg_spark.errors import (
    ConfigurationError,
    ConflictError,
    CustsegError,
    InputError,
    ResourceError,
    TargetError,
)

_MOST_SHOWN = 600
_RESTORE = "restore it from a copy, or make a new lake of the sources"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
# A worker that ended while Spark was writing to it or reading from it.
_SOCKET = "java.net.SocketException"
_OUT_OF_RESOURCES = (
    # Java's OutOfMemoryError and Python's own.
    "MemoryError",
    "No space left on device",
    "Disk quota exceeded",
    "Cannot allocate memory",
    "Too many open files",
    "ExecutorLostFailure",
    "GC overhead limit exceeded",
    # What is left of a worker that the system ended for its memory.
    "Python worker exited unexpectedly",
    "Python worker failed to connect back",
    _SOCKET,
)


def translated(error: BaseException) -> CustsegError | None:
    """The error of ours that a library's or a file's error is; None for a mistake of ours."""
    if isinstance(error, CustsegError):
        return error
    if isinstance(error, Exception) and _is_gone(error):
        return ResourceError("Spark's JVM has ended: it was killed, or ran out of memory")
    module = type(error).__module__.partition(".")[0]
    if module in ("py4j", "pyspark", "delta"):
        return _of_spark(error)
    if isinstance(error, OSError):
        return _of_file(error)
    return _by_name(_full_name(type(error)), str(error))


def _is_gone(error: Exception) -> bool:
    """Whether an error is that of a driver whose JVM doesn't answer any more."""
    if type(error).__name__ == "Py4JNetworkError":
        return True
    if not isinstance(error, ConnectionError):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return any("py4j" in frame.filename for frame in frames)


def _of_file(error: OSError) -> CustsegError | None:
    if error.errno in _FULL:
        return ResourceError(f"no space or memory left: {error}")
    if error.filename is not None:
        return TargetError(f"{_printable(error.filename)} can't be used: {error.strerror}")
    # A pipe whose reader has gone is nobody's error.
    return None if error.errno == errno.EPIPE else InputError(f"can't be read: {_short(error)}")


@dataclass(frozen=True)
class _Kind:
    """A kind of error: ours of this class, which says `words` and the library's own text."""

    make: type[CustsegError]
    words: str
    after: str = ""

    def __call__(self, text: str) -> CustsegError:
        return self.make(f"{self.words}: {text}{self.after}")


_SHOWN = " (--debug shows where)"
_DATA = _Kind(InputError, "the data can't be read", _SHOWN)
_DELTA = _Kind(InputError, "a table's log can't be read", f"; {_RESTORE}{_SHOWN}")
_CONFLICT = _Kind(ConflictError, "another run wrote the same table meanwhile, run again")
_PANIC = _Kind(InputError, "a library gave up on the data", _SHOWN)
_DATABASE = _Kind(InputError, "a database can't be used")
_PERMISSION = _Kind(TargetError, "can't be used")
_MISSING = _Kind(InputError, "a file is missing")


def _memory(text: str) -> CustsegError:
    """Python's own error has no text."""
    return ResourceError(f"memory ran out: {text}" if text else "memory ran out")


_BY_NAME: dict[str, Callable[[str], CustsegError]] = {
    "MemoryError": _memory,
    "PermissionError": _PERMISSION,
    "FileNotFoundError": _MISSING,
    "OSError": _DATA,
    "numpy._core._exceptions._ArrayMemoryError": _memory,
    "pyarrow.lib.ArrowMemoryError": _memory,
    "pyarrow.lib.ArrowInvalid": _DATA,
    "pyarrow.lib.ArrowNotImplementedError": _DATA,
    "pyarrow.lib.ArrowException": _DATA,
    "polars.exceptions.ComputeError": _DATA,
    "_internal.CommitFailedError": _CONFLICT,
    "_internal.DeltaError": _DELTA,
    "_internal.DeltaProtocolError": _DELTA,
    "_internal.TableNotFoundError": _DELTA,
    "pyo3_runtime.PanicException": _PANIC,
    "sqlite3.DatabaseError": _DATABASE,
    "sqlite3.OperationalError": _DATABASE,
}


def _by_name(name: str, text: str) -> CustsegError | None:
    """What an error of this class and text is; of a worker's error no more is known."""
    module, _, kind = name.rpartition(".")
    class_ = getattr(errors, kind, None) if module == errors.__name__ else None
    if isinstance(class_, type) and issubclass(class_, CustsegError):
        return class_(text)
    make = _BY_NAME.get(name.removeprefix("builtins."))
    return make(_short(text)) if make else None


def _of_spark(error: BaseException) -> CustsegError | None:
    """By what an error of Spark's and its causes say.

    A task's error is the cause of that of its job, which may say no more than that it failed.
    """
    texts = list(_messages(error))
    message = "\n".join(texts)
    ran_out = [t for t in message.splitlines() if any(sign in t for sign in _OUT_OF_RESOURCES)]
    if ran_out:
        # The task's own line: that of its job has it among others.
        line = min(ran_out, key=len).strip(": ")
        if _SOCKET in line:
            line = f"a Python worker exited ({line})"
        return ResourceError(f"Spark ran out of resources: {line[:_MOST_SHOWN]}")
    # Each by itself: where one text ends, only it says.
    of_workers = [ours for text in texts if (ours := _of_worker(text))]
    if of_workers:
        return of_workers[0]
    for sign in _SIGNS:
        if match := sign.pattern.search(message):
            return sign.make(sign.words.format(match[1].rstrip(".,"), match[0].strip()))
    return None


def _messages(error: Any) -> Iterator[str]:
    yield str(error)
    cause = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    while cause is not None:
        yield str(cause.toString())
        cause = cause.getCause()


# The last lines of a worker's traceback, up to what the JVM adds.
_RAISED = re.compile(
    r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)+"
    r"(?P<name>[A-Za-z_][\w.]*)(?:: (?P<text>(?:.|\n)*?))?\s*(?=\n\s*SQLSTATE:|\n\s+at |\Z)",
    re.M,
)


def _of_worker(message: str) -> CustsegError | None:
    """What a Python worker raised."""
    for match in _RAISED.finditer(message):
        ours = _by_name(match["name"], match["text"] or "")
        if ours:
            return ours
    return None


@dataclass(frozen=True)
class _Sign:
    """What a text of Spark's says by a pattern, in words: {0} is its group, {1} all of it."""

    pattern: re.Pattern[str]
    make: type[CustsegError]
    words: str


_SIGNS = (
    _Sign(
        re.compile(r"FAILED_READ_FILE\.FILE_NOT_EXIST\].*? file (\S+)"),
        InputError,
        f"{{0}}: the file is gone; {_RESTORE}",
    ),
    _Sign(
        re.compile(r"FAILED_READ_FILE\S*\].*? file (\S+)"),
        InputError,
        f"{{0}}: the file is damaged or can't be read; {_RESTORE}",
    ),
    _Sign(
        re.compile(r"\[(DELTA_CREATE_TABLE_WITH_DIFFERENT_\w+|DELTA_CONCURRENT_\w+)\].*"),
        ConflictError,
        "another run wrote the same table meanwhile, run again: {1}",
    ),
    _Sign(
        re.compile(r"\[DELTA_(?:TRUNCATED|LOG_FILE|VERSIONS_NOT|STATE_RECOVER|FILE_NOT)\w*\] (.*)"),
        InputError,
        f"a table's log isn't whole: {{0}}; {_RESTORE}",
    ),
    _Sign(re.compile(r"\[DELTA_CANNOT_CREATE_LOG_PATH\] (.*)"), TargetError, "{0}"),
    _Sign(
        re.compile(r"(?:AccessControlException|AccessDeniedException): (.*)"),
        TargetError,
        "no permission: {0}",
    ),
    _Sign(re.compile(r"(.*(?:Permission denied|Read-only file system).*)"), TargetError, "{0}"),
    _Sign(re.compile(r"(No FileSystem for scheme .*)"), InputError, "{0}"),
    _Sign(
        re.compile(r"ClassNotFoundException: (?:Class )?(\S+)"),
        ConfigurationError,
        "Spark lacks the class {0}; add its package (spark-submit --packages …)",
    ),
    _Sign(
        re.compile(r"(?:UnknownHost|Connect|NoRouteToHost|SocketTimeout)Exception: (.*)"),
        InputError,
        "can't be reached: {0}",
    ),
    _Sign(
        re.compile(r"\[(PARQUET_TYPE_\w+|PARQUET_COLUMN_\w+|CANNOT_MERGE_SCHEMAS\S*)\].*"),
        InputError,
        "Spark can't read the Parquet: {1}",
    ),
)


def _full_name(kind: type[BaseException]) -> str:
    """Return the name of an error's first known class, by its order of base classes."""
    names = [f"{each.__module__}.{each.__qualname__}" for each in kind.__mro__]
    return next((n for n in names if n.removeprefix("builtins.") in _BY_NAME), names[0])


def _short(text: object) -> str:
    """Return the first line of a text: libraries of Rust add where they were."""
    lines = str(text).strip().splitlines()
    return lines[0][:_MOST_SHOWN] if lines else ""


def _printable(name: object) -> str:
    """Return a file's name with the bytes escaped that aren't UTF-8."""
    text = name.decode(errors="surrogateescape") if isinstance(name, bytes) else str(name)
    return text.encode(errors="backslashreplace").decode()
