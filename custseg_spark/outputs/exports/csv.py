"""CSV files and JSON documents in a folder: written aside, put into place at once."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from custseg_spark import scratch
from custseg_spark.config.places import require_open
from custseg_spark.engine.folder_locks import held
from custseg_spark.engine.spark.file_systems import remove_remote, send
from custseg_spark.engine.spark.session import get_session
from custseg_spark.errors import ConfigurationError, TargetError
from custseg_spark.outputs.exports import swapping
from custseg_spark.outputs.exports.layout import ReportTable, in_seconds
from custseg_spark.outputs.spreadsheets import safe_texts
from custseg_spark.paths import Place, Remote, place

# Beside the files of a remote folder.
MANIFEST = "_manifest.json"


@dataclass(frozen=True)
class CsvFolder:
    """A folder of this machine, or one that Spark's file systems reach."""

    folder: Place

    @classmethod
    def of(cls, text: str) -> "CsvFolder":
        """The folder of `csv:DIR`."""
        folder = text.removeprefix("csv:")
        if not folder:
            raise ConfigurationError(f"--to {text}: expected csv:DIR")
        require_open(folder, "--to")
        return cls(place(folder))

    @property
    def shown(self) -> str:
        """The place in words."""
        return str(self.folder)

    @contextmanager
    def opened(self) -> Iterator["CsvLoading"]:
        """A loading into a folder beside the wanted one, on the same disk.

        ConflictError if another export writes there; what a killed one left is removed. One for a
        remote folder is staged on this machine, and nothing keeps others out.
        """
        if isinstance(self.folder, Remote):
            with scratch.folder("custseg-export-") as staging:
                yield CsvLoading(staging, self.folder)
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            folder = self.folder.resolve()
            beside = folder.with_name(f".{folder.name}.staging")
            with held(folder, f"another export to {folder} is under way"):
                shutil.rmtree(beside, ignore_errors=True)
                beside.mkdir()
                # It will be the folder, and the folder what is removed here.
                with held(beside, f"another export to {beside} is under way"):
                    try:
                        yield CsvLoading(beside, folder)
                    finally:
                        shutil.rmtree(beside)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            raise TargetError(f"{self.folder} can't be written: {error.strerror}") from error


@dataclass
class CsvLoading:
    """An export under way into a folder."""

    beside: Path
    folder: Place
    names: list[str] = field(default_factory=list)

    def stage(self, table: ReportTable, batches: Iterator[pa.RecordBatch]) -> int:
        """Takes the rows of a table; how many they were. Null is empty, empty text is quoted."""
        name, rows = f"{table.name}.csv", 0
        with (self.beside / name).open("wb") as file:
            file.write((",".join(f'"{n}"' for n in table.schema.names) + "\n").encode())
            for batch in batches:
                csv.write_csv(_safe(batch), file, csv.WriteOptions(include_header=False))
                rows += batch.num_rows
        self.names.append(name)
        return rows

    def stage_document(self, name: str, content: Mapping[str, Any]) -> None:
        """Takes a document, as JSON."""
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=str)
        (self.beside / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        self.names.append(f"{name}.json")

    def publish(self) -> None:
        """Puts the files into place, all at once where the system can; else one by one.

        An object store can't swap a folder. There a manifest says which files belong together: it
        goes first and comes last, so that a folder without one is of an export that was killed.
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
        """The SHA-256 of each file by its name, as JSON."""
        hashes = {}
        for name in sorted(self.names):
            with (self.beside / name).open("rb") as file:
                hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return json.dumps({"sha256": hashes}, indent=2) + "\n"


def _sync(file: Path) -> None:
    """On the disk before it takes the old one's name, or a crash of the machine could empty it."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def _safe(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with its texts made safe for spreadsheets, times to the second."""
    return pa.RecordBatch.from_arrays([_written(c) for c in batch.columns], batch.schema.names)


def _written(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        return in_seconds(column)
    return safe_texts(column) if pa.types.is_string(column.type) else column
