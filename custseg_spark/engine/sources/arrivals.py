"""What a micro-batch of a stream brings, as files for ingest: files, messages, or rows."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources import frames
from custseg_spark.engine.sources.discovery.files import SourceFile, arrived, hashed
from custseg_spark.paths import Place, Remote, place

_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


@dataclass(frozen=True)
class Arrival:
    """Something to ingest, by its name in the ledger; `file` is None where only Spark reaches it.

    `at` is when it came, None where nobody says.
    """

    name: str
    file: SourceFile | None
    at: datetime | None = None

    @property
    def path(self) -> str | None:
        """The URI of what only Spark reaches."""
        return self.name if self.file is None else None


def of_files(rows: Sequence[Any]) -> list[Arrival]:
    """Return the files of a landing folder's batch, by name."""
    files = [_of_file(row.path, _utc(row.modificationTime)) for row in rows]
    return sorted(files, key=lambda arrival: arrival.name)


def _of_file(uri: str, at: datetime) -> Arrival:
    where = place(uri)
    if isinstance(where, Remote):
        return Arrival(where.uri, None, at)
    # Hadoop's own text of a path is not escaped; a name with a % in it isn't either.
    path = where if where.exists() else Path(unquote(str(where)))
    file = arrived(path)
    return Arrival(file.name, file, at)


def _utc(at: datetime) -> datetime:
    """Spark hands out times of the machine's zone."""
    return at.astimezone(UTC)


@contextmanager
def of_messages(frame: DataFrame, name: str, staging: Path) -> Iterator[list[Arrival]]:
    """Messages of a topic as a file of JSON lines, in the order of partitions and offsets.

    The ledger knows them by their content, as it knows a file: a batch that comes again is known.
    """
    begins_array = F.substring(F.ltrim(F.col("value").cast("string")), 1, 1) == F.lit("[")
    # A file that begins with [ is an array, and not lines of objects.
    in_order = frame.where(F.col("value").isNotNull()).orderBy(begins_array, "partition", "offset")
    messages = in_order.select("timestamp", "value").toArrow()
    if not len(messages):
        yield []
        return
    folder = staging / f"messages-{uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        path = folder / "messages.jsonl"
        path.write_bytes(_lines(messages["value"]))
        file = hashed(SourceFile(path, "json", path.stat().st_size, "", named_outright=True))
        yield [Arrival(name, replace(file, called=name), _oldest(messages["timestamp"]))]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lines(values: pa.ChunkedArray) -> bytes:
    """Return a message a line: a line end in JSON can only be a blank between its words."""
    return b"".join(value.translate(_LINE_ENDS) + b"\n" for value in values.to_pylist())


def _oldest(times: pa.ChunkedArray) -> datetime | None:
    oldest: datetime | None = pc.min(times).as_py()
    return oldest.astimezone(UTC) if oldest else None


@contextmanager
def of_rows(
    spark: SparkSession, frame: DataFrame, name: str, mapping: MappingFile, beside: Place
) -> Iterator[list[Arrival]]:
    """Rows of a table as a copy in Parquet, known by name and content."""
    if frame.isEmpty():
        yield []
        return
    with frames.copied(spark, frame, name, mapping, beside) as copy:
        yield [Arrival(copy.name, copy)]
