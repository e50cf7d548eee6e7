"""Source files beyond this machine: CSV text and Parquet are read by Spark where they are, other
kinds are copied to this machine first.

The driver sees only names, first bytes and footers of a log of any size.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from pyspark.sql import SparkSession

from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.events.spaced_text import Layout
from custseg_spark.engine.sources.discovery.files import (
    HEAD_BYTES,
    HIDDEN,
    SourceFile,
    is_hidden,
    kind_of,
    require_readable,
)
from custseg_spark.engine.sources.discovery.paths import is_read_in_place
from custseg_spark.engine.sources.formats import parquet
from custseg_spark.engine.sources.formats.remote_text import count_lines
from custseg_spark.engine.sources.formats.texts import TextFacts
from custseg_spark.engine.spark import file_systems
from custseg_spark.engine.spark.file_systems import RemoteFile
from custseg_spark.errors import InputError
from custseg_spark.paths import Place, Remote, is_database, place

# A look at each file's first bytes is mostly waiting.
_LOOKS_AT_ONCE = 8
# What Spark reads where it is; text of more than lines with a delimiter needs a look from here.
_TEXTS = ("text", "gzip")
_IN_PLACE = (*_TEXTS, "parquet")
_IN_PLACE_TABLES = ("parquet",)


@dataclass(frozen=True)
class RemoteFiles:
    """A mapping's remote files, and the facts of those that Spark has counted."""

    files: Sequence[SourceFile] = ()
    facts: Mapping[Place, TextFacts] = field(default_factory=dict)


def find(
    spark: SparkSession,
    mapping: MappingFile,
    is_new: Callable[[SourceFile], bool],
    split_bytes: int,
    staging: Path,
) -> RemoteFiles:
    """Return the files of the mapping's remote paths; reads only new files.

    Raises InputError where nothing is there, or a file can't be read.
    """
    listed = [file for path in mapping.path for file in list_files(spark, path)]
    new = [f for f in listed if f.skipped_because is None and is_new(f)]
    if not new:
        return RemoteFiles(listed)
    layout = Layout.of(mapping)
    is_of_lines = not (mapping.multiline or mapping.header_row or layout.is_spaced)
    kinds: tuple[str, ...] = _IN_PLACE if is_of_lines else _IN_PLACE_TABLES
    if mapping.explodes:
        # How many records there are takes a look at the items.
        kinds = tuple(kind for kind in kinds if kind != "parquet")
    with ThreadPoolExecutor(_LOOKS_AT_ONCE) as pool:
        brought = list(pool.map(lambda f: bring(spark, f, staging, in_place=kinds), new))
    texts = [f for f in brought if f.kind in _TEXTS and not (f.skipped_because or f.unpacked)]
    by_path = {f.path: f for f in brought}
    return RemoteFiles(
        [by_path.get(f.path, f) for f in listed],
        count_lines(spark, texts, layout, split_bytes) if texts else {},
    )


def list_files(spark: SparkSession, path: str) -> list[SourceFile]:
    """Return the files of a remote path, folder or glob by name; none of a path of this machine
    or of a database.

    As `files.list_files`, but that the kinds are still unknown.
    """
    root = place(path)
    if not isinstance(root, Remote) or is_database(path):
        return []
    files = [_listed(remote_file, root) for remote_file in file_systems.list_remote(spark, root)]
    require_readable(files, path)
    return files


def _listed(remote_file: RemoteFile, root: Remote) -> SourceFile:
    uri, outright = remote_file.place.uri, remote_file.named_outright
    state = hashlib.sha256(
        f"{uri}\n{remote_file.bytes}\n{remote_file.changed_ms}".encode()
    ).hexdigest()
    file = SourceFile(
        remote_file.place, "remote", remote_file.bytes, state, named_outright=outright
    )
    folder = f"{root.uri.rstrip('/')}/"
    relative = uri.removeprefix(folder) if uri.startswith(folder) else remote_file.place.name
    if not outright and is_hidden(PurePosixPath(relative)):
        return replace(file, kind="hidden", sha256="", skipped_because=HIDDEN)
    return file


def bring(
    spark: SparkSession,
    file: SourceFile,
    staging: Path,
    *,
    in_place: Collection[str] = _IN_PLACE,
) -> SourceFile:
    """The file with its kind, or with the reason to skip it; copied to `staging` unless Spark can
    read it where it is and its kind is one of `in_place`."""
    remote = file.path
    assert isinstance(remote, Remote)
    copy = staging / f"{file.sha256[:32]}{remote.suffix}"

    def whole() -> Path:
        if not copy.exists():
            file_systems.fetch(spark, remote, copy)
        return copy

    head = file_systems.read_beginning(spark, remote, HEAD_BYTES)
    kind, problem = kind_of(remote, head, whole, outright=file.named_outright)
    if problem:
        return replace(file, kind=kind, sha256="", skipped_because=problem)
    if kind in in_place and is_read_in_place(remote, kind):
        return with_footer(spark, file, staging) if kind == "parquet" else replace(file, kind=kind)
    if kind == "sqlite":
        # What isn't in the database yet stands in its log.
        for log in file_systems.list_remote(spark, Remote(f"{remote}-wal")):
            file_systems.fetch(spark, log.place, copy.with_name(f"{copy.name}-wal"))
    return replace(file, kind=kind, unpacked=whole())


def with_footer(spark: SparkSession, file: SourceFile, staging: Path) -> SourceFile:
    """A Parquet file with its footer as a file of its own: thousands might not fit in memory."""
    assert isinstance(file.path, Remote)
    place, size = file.path, file.bytes
    target = staging / f"{file.sha256[:32]}.footer"
    target.write_bytes(parquet.footer(lambda most: file_systems.read_end(spark, place, size, most)))
    return replace(file, kind="parquet", footer=target)


def first(spark: SparkSession, path: str, most: int, staging: Path) -> SourceFile:
    """The first file of a remote path that can be read, copied to `staging`; of text in plain
    sight or gzip no more than `most` bytes.

    Raises InputError where there is none.
    """
    listed = [f for f in list_files(spark, path) if f.skipped_because is None]
    looked_at = (bring(spark, f, staging, in_place=_TEXTS) for f in listed)
    file = next((f for f in looked_at if f.skipped_because is None), None)
    if file is None:
        raise InputError(f"no readable file at {path}")
    if file.unpacked is None and isinstance(file.path, Remote):
        copy = staging / f"beginning{file.path.suffix}"
        copy.write_bytes(file_systems.read_beginning(spark, file.path, most))
        file = replace(file, unpacked=copy)
    return file
