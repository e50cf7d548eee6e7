"""Frames in memory or of Spark's as sources: copied once as Parquet, known by name and content.

The copy is what both passes of ingest read, so a frame that Spark would compute anew each time,
perhaps otherwise, is one input. The content's hash adds up the hashes of the rows: the order of
rows, of columns and of partitions doesn't matter, nor which library holds the frame.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, MapType, StructField, StructType

from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.events import ids
from custseg_spark.core.events.nested_values import with_paths
from custseg_spark.engine.sources.columns import check_columns
from custseg_spark.engine.sources.discovery import remote
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import parquet
from custseg_spark.engine.sources.formats.parquet import ParquetFile, quoted
from custseg_spark.engine.sources.pieces import Located, MappedPiece
from custseg_spark.engine.sources.streams import PieceStream, RecordStream, RowStream
from custseg_spark.engine.spark import file_systems
from custseg_spark.errors import InputError
from custseg_spark.paths import Place, Remote, spark_uri

_ROWS_PER_GROUP = 250_000
_TASK_BYTES = 1 << 26
_FOLDER = "_frames"
_NESTED = (ArrayType, MapType, StructType)
_WRAP = 1 << 64


@dataclass(frozen=True)
class FrameCopy(SourceFile):
    """A frame's copy: `parts` are Parquet files, their rows in one order."""

    parts: tuple[ParquetFile, ...] = ()

    @property
    def rows(self) -> int:
        """The rows of the frame."""
        return sum(part.physical_records for part in self.parts)

    def parts_as(self, file_id: str) -> list[ParquetFile]:
        """Return the parts under the frame's id in the ledger."""
        return [replace(part, file_id=file_id) for part in self.parts]


@contextmanager
def copied(
    spark: SparkSession, frame: DataFrame | pa.Table, name: str, mapping: MappingFile, beside: Place
) -> Iterator[FrameCopy]:
    """A copy of the frame below the folder `beside`, which every worker reaches, for the block.

    Raises InputError where a column of the mapping is missing, or is there twice.
    """
    _check_names(frame, name, mapping)
    folder = beside / _FOLDER / uuid4().hex
    with tempfile.TemporaryDirectory(prefix="custseg-frame-") as temporary:
        try:
            here = Path(temporary)
            if isinstance(frame, DataFrame):
                _in_an_order_of_its_own(frame).write.parquet(spark_uri(folder))
            else:
                _write(spark, frame, folder, here)
            files = [replace(file, called=name) for file in _parts(spark, folder, here)]
            inspected = [_inspected(file, mapping) for file in files]
            before = accumulate((part.physical_records for part in inspected), initial=0)
            parts = [replace(p, rows_before=n) for p, n in zip(inspected, before, strict=False)]
            digest = _digest(_stream(spark, parts, mapping), name)
            size = sum(file.bytes for file in files)
            yield FrameCopy(folder, "frame", size, digest, called=name, parts=tuple(parts))
        finally:
            _remove(spark, folder)


def _check_names(frame: DataFrame | pa.Table, name: str, mapping: MappingFile) -> None:
    """What Parquet or the mapping can't take is said before a row is copied."""
    names = frame.columns if isinstance(frame, DataFrame) else frame.column_names
    check_columns(with_paths(names, mapping), mapping, f"{name}: the frame")
    folded = [n.lower() for n in names]
    twice = [n for n in names if folded.count(n.lower()) > 1]
    if twice:
        raise InputError(f"{name}: the frame has the column '{twice[0]}' twice (case aside)")


def _in_an_order_of_its_own(frame: DataFrame) -> DataFrame:
    """The rows by a hash of their values, so that their numbers don't depend on partitions."""

    def key(field: StructField) -> Column:
        # A map has no hash.
        value = F.col(quoted(field.name))
        return F.to_json(value) if isinstance(field.dataType, _NESTED) else value

    return frame.orderBy(F.xxhash64(*map(key, frame.schema.fields)))


def _write(spark: SparkSession, table: pa.Table, folder: Place, here: Path) -> None:
    local = here if isinstance(folder, Remote) else folder
    local.mkdir(parents=True, exist_ok=True)
    path = local / "part-00000.parquet"
    try:
        pq.write_table(table, path, row_group_size=_ROWS_PER_GROUP)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"the frame can't be copied as Parquet: {error}") from error
    if isinstance(folder, Remote):
        file_systems.send(spark, path, folder / path.name)


def _parts(spark: SparkSession, folder: Place, here: Path) -> list[SourceFile]:
    """Return the files of the copy, in their order."""
    if not isinstance(folder, Remote):
        return [
            SourceFile(path, "parquet", path.stat().st_size, "", named_outright=True)
            for path in sorted(folder.glob("part-*.parquet"))
        ]
    listed = [f for f in remote.list_files(spark, str(folder)) if f.name.endswith(".parquet")]
    return [replace(remote.with_footer(spark, f, here), named_outright=True) for f in listed]


def _inspected(file: SourceFile, mapping: MappingFile) -> ParquetFile:
    inspected = parquet.inspect(file, "", mapping)
    assert isinstance(inspected, ParquetFile)  # named outright: nothing is passed over
    return inspected


def _stream(
    spark: SparkSession, parts: Sequence[ParquetFile], mapping: MappingFile
) -> RecordStream:
    kernels = mapping.for_kernels()
    if parts and isinstance(parts[0].file.path, Remote):
        return RowStream(spark, kernels, parts)
    pieces = [MappedPiece(kernels, piece) for part in parts for piece in parquet.pieces(part)]
    return PieceStream(spark, pieces, _TASK_BYTES)


def _digest(stream: RecordStream, name: str) -> str:
    sums = np.array(stream.run(_content), dtype=np.uint64).reshape(-1, 3).sum(axis=0)
    return hashlib.sha256(repr((name, *sums.tolist())).encode()).hexdigest()


def _content(located: Iterator[Located]) -> tuple[int, int, int]:
    """Return the number of records, and the sums of the two halves of their hashes."""
    count = high = low = 0
    for part in located:
        records = part.records
        texts = ids.extra_texts(records.values, ()).extend(
            records.malformed["raw_record"].rename("extras")
        )
        highs, lows = ids.hashed(texts)
        count += len(texts)
        high = (high + int(highs.sum(dtype=np.uint64))) % _WRAP
        low = (low + int(lows.sum(dtype=np.uint64))) % _WRAP
    return count, high, low


def _remove(spark: SparkSession, folder: Place) -> None:
    if isinstance(folder, Remote):
        file_systems.remove_remote(spark, folder, whole=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()
