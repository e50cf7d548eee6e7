"""Source files beyond this machine: CSV text is counted and read by Spark where it is, other kinds
are copied to this machine first.

The driver sees only names and first bytes of a log of any size.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from custseg_spark import session
from custseg_spark.errors import InputError
from custseg_spark.places import Place, Remote, place
from custseg_spark.session import RemoteFile, settings
from custseg_spark.sources import csv, texts
from custseg_spark.sources.files import (
    HEAD_BYTES,
    HIDDEN,
    SourceFile,
    is_hidden,
    kind_of,
    require_readable,
)
from custseg_spark.sources.paths import is_read_in_place, local_path
from custseg_spark.sources.profile import Profile
from custseg_spark.sources.texts import TextFacts

# A look at each file's first bytes is mostly waiting.
_LOOKS_AT_ONCE = 8
# Spark's name for what came of reading a file, and of nothing else in the scan.
_UNREADABLE = "FAILED_READ_FILE"


@dataclass(frozen=True)
class Found:
    """A profile's remote files, and the facts of those that Spark has counted."""

    files: Sequence[SourceFile] = ()
    facts: Mapping[Place, TextFacts] = field(default_factory=dict)


def find(
    spark: SparkSession,
    profile: Profile,
    is_new: Callable[[SourceFile], bool],
    split_bytes: int,
    staging: Path,
) -> Found:
    """The files of the profile's remote paths; nothing of those that aren't new is read.

    Raises InputError where nothing is there, or a file can't be read.
    """
    listed = [file for path in profile.path for file in list_files(spark, path)]
    new = [f for f in listed if f.skipped_because is None and is_new(f)]
    if not new:
        return Found(listed)
    with ThreadPoolExecutor(_LOOKS_AT_ONCE) as pool:
        brought = list(
            pool.map(lambda f: bring(spark, f, staging, in_place=not profile.multiline), new)
        )
    in_place = [f for f in brought if f.skipped_because is None and f.unpacked is None]
    by_path = {f.path: f for f in brought}
    return Found(
        [by_path.get(f.path, f) for f in listed],
        count_lines(spark, in_place, profile.delimiter, split_bytes) if in_place else {},
    )


def list_files(spark: SparkSession, path: str) -> list[SourceFile]:
    """The files of a remote path, folder or glob by name; none of a path of this machine.

    As `files.list_files`, but that the kinds are still unknown.
    """
    root = place(path)
    if not isinstance(root, Remote):
        return []
    files = [_listed(found, root) for found in session.list_remote(spark, root)]
    require_readable(files, path)
    return files


def _listed(found: RemoteFile, root: Remote) -> SourceFile:
    uri, outright = found.place.uri, found.named_outright
    state = hashlib.sha256(f"{uri}\n{found.bytes}\n{found.changed_ms}".encode()).hexdigest()
    file = SourceFile(found.place, "remote", found.bytes, state, named_outright=outright)
    folder = f"{root.uri.rstrip('/')}/"
    relative = uri.removeprefix(folder) if uri.startswith(folder) else found.place.name
    if not outright and is_hidden(PurePosixPath(relative)):
        return replace(file, kind="hidden", sha256="", skipped_because=HIDDEN)
    return file


def bring(
    spark: SparkSession, file: SourceFile, staging: Path, *, in_place: bool = True
) -> SourceFile:
    """The file with its kind; copied to `staging` unless Spark can read it where it is, or with
    the reason to skip it."""
    remote = file.path
    assert isinstance(remote, Remote)
    copy = staging / f"{file.sha256[:32]}{remote.suffix}"

    def whole() -> Path:
        if not copy.exists():
            session.fetch(spark, remote, copy)
        return copy

    head = session.read_beginning(spark, remote, HEAD_BYTES)
    kind, problem = kind_of(remote, head, whole, outright=file.named_outright)
    if problem:
        return replace(file, kind=kind, sha256="", skipped_because=problem)
    if in_place and kind in ("text", "gzip") and is_read_in_place(remote, kind):
        return replace(file, kind=kind)
    if kind == "sqlite":
        # What isn't in the database yet stands in its log.
        for log in session.list_remote(spark, Remote(f"{remote}-wal")):
            session.fetch(spark, log.place, copy.with_name(f"{copy.name}-wal"))
    return replace(file, kind=kind, unpacked=whole())


def first(spark: SparkSession, path: str, most: int, staging: Path) -> SourceFile:
    """The first file of a remote path that can be read, copied to `staging`; of text in plain
    sight or gzip no more than `most` bytes.

    Raises InputError where there is none.
    """
    listed = [f for f in list_files(spark, path) if f.skipped_because is None]
    looked_at = (bring(spark, f, staging) for f in listed)
    file = next((f for f in looked_at if f.skipped_because is None), None)
    if file is None:
        raise InputError(f"no readable file at {path}")
    if file.unpacked is None and isinstance(file.path, Remote):
        copy = staging / f"beginning{file.path.suffix}"
        copy.write_bytes(session.read_beginning(spark, file.path, most))
        file = replace(file, unpacked=copy)
    return file


def count_lines(
    spark: SparkSession, files: Sequence[SourceFile], delimiter: str, split_bytes: int
) -> dict[Place, TextFacts]:
    """What `texts.inspect_text` says of each file, from one scan by Spark.

    Raises InputError for a broken gzip, and where the lines don't add up to the file's bytes.
    """
    by_uri = {str(f.path): f for f in files}
    with settings(spark, csv.split_settings(split_bytes)):
        try:
            rows = _splits(csv.lines(spark, list(by_uri))).collect()
        except Py4JJavaError as error:
            said, cause = unquote(str(error.java_exception)), error.java_exception.getCause()
            if _UNREADABLE not in said or cause is None:
                raise
            names = ", ".join(uri for uri in by_uri if uri in said)
            raise InputError(f"{names}: can't be read: {cause.getMessage()}") from error
    of_file: dict[str, list[Row]] = {uri: [] for uri in by_uri}
    for row in rows:
        of_file[local_path(row.spark_path)].append(row)
    return {
        file.path: _facts(file, sorted(of_file[uri], key=_start), delimiter, split_bytes)
        for uri, file in by_uri.items()
    }


def _splits(lines: DataFrame) -> DataFrame:
    """One row a split: lines, their bytes, blank ones, NULs, the first one that isn't blank."""
    is_blank = F.length(F.rtrim("value", F.lit("\r"))) == 0
    content = F.substring(F.col("value").cast("binary"), 1, texts.LONGEST_HEADER)
    return lines.groupBy("spark_path", "block_start").agg(
        F.count("*").alias("lines"),
        F.sum(F.octet_length("value")).alias("bytes"),
        F.count(F.when(is_blank, True)).alias("blank"),
        F.bool_or(F.contains("value", F.lit("\x00"))).alias("has_nul"),
        F.min(F.when(~is_blank, F.struct("row", content.alias("line")))).alias("first"),
    )


def _start(row: Row) -> int:
    return int(row.block_start)


def _facts(file: SourceFile, splits: Sequence[Row], delimiter: str, split_bytes: int) -> TextFacts:
    lines = sum(row.lines for row in splits)
    if file.kind == "text":
        _check_bytes(file, lines + sum(row.bytes for row in splits))
    held = {row.block_start // split_bytes: row.lines for row in splits}
    borders = range(-(-file.bytes // split_bytes) - 1) if file.kind == "text" else range(0)
    before = tuple(accumulate((held.get(i, 0) for i in borders), initial=0))
    first = next((row for row in splits if row.first), None)
    header_row = 0
    if first:
        header_row = before[first.block_start // split_bytes] + first.first.row + 1
    return TextFacts(
        *texts.named_columns(bytes(first.first.line) if first else b"", delimiter),
        header_row=header_row,
        physical_records=lines,
        blank=sum(row.blank for row in splits),
        rows_before=before,
        has_nul=any(row.has_nul for row in splits),
    )


def _check_bytes(file: SourceFile, counted: int) -> None:
    """Every byte stands in a line. The last one may lack its end, and a byte order mark is none of
    the first one's for Spark."""
    if file.bytes - counted not in (-1, 0, 2, 3):
        raise InputError(
            f"{file.path}: its file system says {file.bytes:,} bytes, its lines have {counted:,};"
            " the file may have changed while it was read"
        )
