"""Streams of records for kernels: pieces that tasks open, or files that Spark reads."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.engine.sources import pieces
from custseg_spark.engine.sources.formats import parquet, remote_text
from custseg_spark.engine.sources.formats.parquet import ParquetFile
from custseg_spark.engine.sources.formats.remote_text import FileOfLines, RemoteText
from custseg_spark.engine.sources.pieces import Located, MappedPiece
from custseg_spark.engine.spark import tasks
from custseg_spark.engine.spark.session import settings

R = TypeVar("R", covariant=True)
# Called once per task with all records of the task.
Kernel = Callable[[Iterator[Located]], R]


class RecordStream(Protocol):
    """Records of some files, which can be read more than once."""

    def run(self, kernel: Kernel[R]) -> list[R]:
        """Return the kernel's small result of each task, in the order of files and rows."""

    def frame(self, kernel: Kernel[Iterator[pa.Table]], ddl: str) -> DataFrame:
        """Return the rows that the kernel makes of the records."""


@dataclass(frozen=True)
class _OverPieces(Generic[R]):
    kernel: Kernel[R]

    def __call__(self, task: Sequence[MappedPiece]) -> R:
        return self.kernel(pieces.located(task))


@dataclass(frozen=True)
class PieceStream:
    """Pieces of files that every worker can open."""

    spark: SparkSession
    pieces: Sequence[MappedPiece]
    task_bytes: int

    def run(self, kernel: Kernel[R]) -> list[R]:
        return tasks.run(self.spark, _OverPieces(kernel), self._tasks())

    def frame(self, kernel: Kernel[Iterator[pa.Table]], ddl: str) -> DataFrame:
        return tasks.flat_map(self.spark, _OverPieces(kernel), self._tasks(), ddl)

    def _tasks(self) -> list[Sequence[MappedPiece]]:
        return pieces.tasks(self.pieces, self.task_bytes)


@dataclass(frozen=True)
class _OverLines(Generic[R]):
    kernel: Kernel[R]
    files: Mapping[int, FileOfLines]
    mapping: SourceMapping

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> R:
        return self.kernel(remote_text.located_lines(batches, self.files, self.mapping))


@dataclass(frozen=True)
class LineStream:
    """Text files of one mapping that only Spark reaches."""

    spark: SparkSession
    mapping: SourceMapping
    sources: Sequence[RemoteText]
    split_bytes: int

    def run(self, kernel: Kernel[R]) -> list[R]:
        with settings(self.spark, remote_text.split_settings(self.split_bytes)):
            frame, files = remote_text.frame(self.spark, self.sources, self.split_bytes)
            return tasks.run_on_partitions(frame, _OverLines(kernel, files, self.mapping))

    def frame(self, kernel: Kernel[Iterator[pa.Table]], ddl: str) -> DataFrame:
        """Return the same; to be evaluated under `remote_text.split_settings`."""
        frame, files = remote_text.frame(self.spark, self.sources, self.split_bytes)
        return tasks.map_partitions(frame, _OverLines(kernel, files, self.mapping), ddl)


@dataclass(frozen=True)
class _OverRows(Generic[R]):
    kernel: Kernel[R]
    files: Mapping[int, tuple[str, str]]
    columns: Sequence[str]
    mapping: SourceMapping

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> R:
        return self.kernel(parquet.located_rows(batches, self.files, self.columns, self.mapping))


@dataclass(frozen=True)
class RowStream:
    """Parquet files of one mapping and schema that only Spark reaches."""

    spark: SparkSession
    mapping: SourceMapping
    sources: Sequence[ParquetFile]

    def run(self, kernel: Kernel[R]) -> list[R]:
        frame, over = self._over(kernel)
        return tasks.run_on_partitions(frame, over)

    def frame(self, kernel: Kernel[Iterator[pa.Table]], ddl: str) -> DataFrame:
        frame, over = self._over(kernel)
        return tasks.map_partitions(frame, over, ddl)

    def _over(self, kernel: Kernel[R]) -> tuple[DataFrame, _OverRows[R]]:
        frame, files = parquet.remote_frame(self.spark, self.sources)
        columns = self.sources[0].schema.names
        return frame, _OverRows(kernel, files, columns, self.mapping)
