"""A folder of files of any format as a target: written aside, put into place at once."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from custseg_spark import scratch
from custseg_spark.config.places import require_open
from custseg_spark.engine.folder_locks import locked
from custseg_spark.engine.spark.file_systems import remove_remote, send
from custseg_spark.engine.spark.session import get_session
from custseg_spark.errors import ConfigurationError, TargetError
from custseg_spark.outputs.exports import swapping
from custseg_spark.outputs.exports.layout import ReportTable
from custseg_spark.paths import Place, Remote, place

# The name of the manifest beside the files of a remote folder.
MANIFEST = "_manifest.json"

# Writes a table's batches to a file; returns their number of rows.
Write = Callable[[ReportTable, Iterator[pa.RecordBatch], Path], int]


def never(table: ReportTable, batches: Iterator[pa.RecordBatch], path: Path) -> int:
    """Refuse a table: this folder takes whole files."""
    raise TypeError(f"{table.name}: no table is written to {path}")


def named(text: str, kind: str) -> Place:
    """Return the folder of `KIND:DIR`.

    Raises ConfigurationError if it is missing or has a secret.
    """
    folder = text.removeprefix(f"{kind}:")
    if not folder:
        raise ConfigurationError(f"--to {text}: expected {kind}:DIR")
    require_open(folder, "--to")
    return place(folder)


@dataclass(frozen=True)
class Folder:
    """A folder of this machine, or one that Spark's file systems reach.

    `ending` ends the names of its tables' files, `write` writes one.
    """

    folder: Place
    ending: str
    write: Write

    @property
    def shown(self) -> str:
        """The folder as text."""
        return str(self.folder)

    @contextmanager
    def opened(self) -> Iterator["FolderLoading"]:
        """Open a loading into a folder beside the target, on the same disk.

        Leftovers of a killed export are removed. Raises ConflictError if another export writes
        there. A loading for a remote folder is staged on this machine, and nothing keeps other
        exports out.
        """
        if isinstance(self.folder, Remote):
            with scratch.folder("custseg-export-") as staging:
                yield FolderLoading(staging, self.folder, self.ending, self.write)
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            folder = self.folder.resolve()
            beside = folder.with_name(f".{folder.name}.staging")
            with locked(folder, f"another export to {folder} is under way"):
                shutil.rmtree(beside, ignore_errors=True)
                beside.mkdir()
                # The two folders are swapped, so the old one is removed here.
                with locked(beside, f"another export to {beside} is under way"):
                    try:
                        yield FolderLoading(beside, folder, self.ending, self.write)
                    finally:
                        shutil.rmtree(beside)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise TargetError(f"{self.folder} can't be written: {error.strerror}") from error


@dataclass
class FolderLoading:
    """An export under way into a folder."""

    beside: Path
    folder: Place
    ending: str
    write: Write
    names: list[str] = field(default_factory=list)

    def stage(self, table: ReportTable, batches: Iterator[pa.RecordBatch]) -> int:
        """Stage the rows of a table; return their number."""
        name = f"{table.name}.{self.ending}"
        rows = self.write(table, batches, self.beside / name)
        self.names.append(name)
        return rows

    def stage_document(self, name: str, content: Mapping[str, Any]) -> None:
        """Stage a document as JSON."""
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=str)
        self.stage_text(f"{name}.json", text + "\n")

    def stage_text(self, name: str, text: str) -> None:
        """Stage a whole file."""
        (self.beside / name).write_text(text, encoding="utf-8")
        self.names.append(name)

    def publish(self) -> None:
        """Put the files into place, all at once if the system can, otherwise one by one.

        An object store can't swap a folder. There a manifest lists the files that belong together.
        It is removed first and written last, so a folder without a manifest is from a killed
        export.
        """
        if isinstance(self.folder, Remote):
            spark = get_session()
            remove_remote(spark, self.folder / MANIFEST)
            for name in self.names:
                send(spark, self.beside / name, self.folder / name)
            (self.beside / MANIFEST).write_text(self._manifest(), encoding="utf-8")
            send(spark, self.beside / MANIFEST, self.folder / MANIFEST)
            return
        for name in self.names:
            _sync(self.beside / name)
        swapping.put(self.beside, self.folder, self.names)

    def _manifest(self) -> str:
        """Return the SHA-256 of each file by its name, as JSON."""
        hashes = {}
        for name in sorted(self.names):
            with (self.beside / name).open("rb") as file:
                hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return json.dumps({"sha256": hashes}, indent=2) + "\n"


def _sync(file: Path) -> None:
    """Write a file to disk before it takes the old one's name: otherwise a crash could empty it."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
