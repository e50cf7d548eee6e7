"""Errors of libraries as ours: by the class's name, of Spark's by what Spark says of them."""

import errno
import sqlite3
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from custseg_spark.engine.foreign_errors import translated
from custseg_spark.engine.lake.handles import open_table
from custseg_spark.errors import (
    ConfigurationError,
    ConflictError,
    CustsegError,
    InputError,
    ResourceError,
    TargetError,
)


class SparkError(Exception):
    """As Spark's Python raises it."""


SparkError.__module__ = "pyspark.errors.exceptions.captured"
WORKER = """An exception was thrown from the Python worker:
Traceback (most recent call last):
  File "/x/custseg_spark/engine/spark/tasks.py", line 41, in work
    yield _result(number, called(pickle.loads(packed[number])))
                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
{raised}
 SQLSTATE: 38000
\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.read(PythonRunner.scala:665)
"""


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (
            "custseg_spark.errors.InputError: /x.parquet: damaged:\nsecond line",
            InputError,
            "/x.parquet: damaged:\nsecond line",
        ),
        ("custseg_spark.errors.ConflictError: another run", ConflictError, "another run"),
        (
            "pyarrow.lib.ArrowInvalid: Parquet magic bytes not found in footer.",
            InputError,
            "Parquet magic bytes not found",
        ),
        ("FileNotFoundError: [Errno 2] Failed to open '/a'", InputError, "Failed to open '/a'"),
        ("PermissionError: [Errno 13] Permission denied: '/a'", TargetError, "'/a'"),
        ("MemoryError", ResourceError, "MemoryError"),
        ("OSError: [Errno 28] No space left on device", ResourceError, "No space left"),
        ("ValueError: a mistake of ours", None, ""),
        ("custseg_spark.errors.Nothing: x", None, ""),
    ],
)
def test_what_a_worker_raised(raised: str, kind: type[CustsegError] | None, message: str) -> None:
    found = translated(SparkError(WORKER.format(raised=raised)))
    assert type(found) is (kind or type(None))
    assert message in str(found)
    assert "tasks.py" not in str(found)


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        (
            "[FAILED_READ_FILE.FILE_NOT_EXIST] Encountered error while reading file"
            " file:/l/t/part-0.parquet. File does not exist.",
            InputError,
            "file:/l/t/part-0.parquet: the file is gone; restore it",
        ),
        (
            "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file"
            " file:///l/t/_delta_log/00000000000000000001.json.  SQLSTATE: KD001",
            InputError,
            "_delta_log/00000000000000000001.json: the file is damaged",
        ),
        (
            "[DELTA_TRUNCATED_TRANSACTION_LOG] file:/l/_delta_log/0.json: Unable to reconstruct",
            InputError,
            "a table's log isn't whole: file:/l/_delta_log/0.json",
        ),
        ("[DELTA_CANNOT_CREATE_LOG_PATH] Cannot create file:/proc/x", TargetError, "/proc/x"),
        (
            "[DELTA_CREATE_TABLE_WITH_DIFFERENT_PROPERTY] The specified properties",
            ConflictError,
            "another run wrote the same table meanwhile",
        ),
        ("java.io.IOException: Mkdirs failed (Permission denied)", TargetError, "Permission"),
        ('UnsupportedFileSystemException: No FileSystem for scheme "x"', InputError, '"x"'),
        (
            "java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not",
            ConfigurationError,
            "org.apache.hadoop.fs.s3a.S3AFileSystem",
        ),
        ("java.net.UnknownHostException: nowhere", InputError, "can't be reached: nowhere"),
        ("java.lang.OutOfMemoryError: Java heap space", ResourceError, "Java heap space"),
        (
            "SparkException: Python worker exited unexpectedly (crashed). Consider",
            ResourceError,
            "ran out of resources",
        ),
        (
            "java.net.SocketException: Connection reset",
            ResourceError,
            "a Python worker exited (java.net.SocketException: Connection reset)",
        ),
        ("[UNRESOLVED_COLUMN.WITH_SUGGESTION] a mistake of ours", None, ""),
    ],
)
def test_what_spark_says(said: str, kind: type[CustsegError] | None, message: str) -> None:
    found = translated(SparkError(f"An error occurred while calling o1.collect.\n: {said}\n\tat x"))
    assert type(found) is (kind or type(None))
    assert message in str(found)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConfigurationError("x"), ConfigurationError),
        (MemoryError(), ResourceError),
        (OSError(errno.ENOSPC, "full", "/x"), ResourceError),
        (OSError(errno.EDQUOT, "quota"), ResourceError),
        (PermissionError(errno.EACCES, "denied", "/x"), TargetError),
        (OSError(errno.EROFS, "read-only", b"/caf\xe9"), TargetError),
        (OSError("Couldn't deserialize thrift"), InputError),
        (sqlite3.DatabaseError("file is not a database"), InputError),
        (pa.ArrowInvalid("x"), InputError),
        (pa.ArrowNotImplementedError("x"), InputError),
        (pa.ArrowMemoryError("x"), ResourceError),
        (pl.exceptions.ComputeError("x"), InputError),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), None),
        (ValueError("x"), None),
        (pa.ArrowKeyError("x"), InputError),
        (pl.exceptions.ColumnNotFoundError("x"), None),
        (KeyboardInterrupt(), None),
        (SystemExit(2), None),
    ],
    ids=repr,
)
def test_an_error_of_a_library_or_a_file(
    error: BaseException, kind: type[CustsegError] | None
) -> None:
    assert type(translated(error)) is (kind or type(None))


class Cause:
    """A Java exception, as Spark's Python holds it."""

    def __init__(self, said: str) -> None:
        self.said = said

    def toString(self) -> str:  # noqa: N802
        return self.said

    def getCause(self) -> None:  # noqa: N802
        return None


def test_a_workers_message_ends_where_it_ends() -> None:
    said = WORKER.format(raised="custseg_spark.errors.InputError: /x.parquet: damaged")
    # Python's own text has no more than the traceback; Java's goes on.
    error = SparkError(said.partition("\n SQLSTATE")[0])
    error.java_exception = Cause(f"org.apache.spark.api.python.PythonException: {said}")  # type: ignore[attr-defined]
    assert str(translated(error)) == "/x.parquet: damaged"


def test_a_name_of_bytes_is_shown_escaped() -> None:
    found = translated(OSError(errno.EROFS, "read-only", b"/caf\xe9"))
    assert str(found) == "/caf\\udce9 can't be used: read-only"


def test_a_table_is_named_where_its_log_is_damaged(tmp_path: Path) -> None:
    from deltalake import write_deltalake

    folder = tmp_path / "events"
    for n in range(2):
        write_deltalake(str(folder), pa.table({"a": [n]}), mode="append")
    commit = folder / "_delta_log" / "00000000000000000001.json"
    content = commit.read_bytes()
    for damaged in (content[:-40], b"", b"\xff\xfe", b"[" * 20_000):
        commit.write_bytes(damaged)
        with pytest.raises(InputError, match=r"events: the table's log is damaged: [^\n]+$"):
            open_table(folder)
    commit.write_bytes(content)
    assert open_table(folder).version() == 1


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    from custseg_spark.engine.lake.files import DataFile
    from custseg_spark.engine.lake.native import read_file
    from custseg_spark.engine.lake.schemas import RUNS

    path = tmp_path / "x.parquet"
    schema = pa.schema([RUNS.schema.field("seed")])
    file = DataFile(path.name, None, 1, 1)
    with pytest.raises(InputError, match=r"x\.parquet: the file is gone; restore it"):
        read_file(tmp_path, file, RUNS, schema)
    pq.write_table(pa.table({"seed": [1]}), path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"x\.parquet: the file is damaged: Parquet magic"):
        read_file(tmp_path, file, RUNS, schema)
