"""Parquet files as records: every value as the text that a person would type for it.

The footer says how many rows a file has. Files of this machine are read by the tasks, a row group
each; remote files by Spark, all files of one schema together.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.events.nested_tables import flattened, items_of
from custseg_spark.core.events.nested_values import with_paths
from custseg_spark.core.events.records import Records
from custseg_spark.core.events.tables import column_texts, table_records
from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.engine.sources.columns import NOT_ITS_COLUMNS, check_columns
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.discovery.paths import (
    metadata_path,
    of_input_file,
    outright,
)
from custseg_spark.engine.sources.formats import limits
from custseg_spark.engine.sources.pieces import ROWS_PER_CHUNK, Located, file_runs
from custseg_spark.errors import InputError

_MAGIC = b"PAR1"
_USUAL_FOOTER_BYTES = 1 << 16
# More is not a length but damage.
_MOST_FOOTER_BYTES = 1 << 28
_DAMAGES = (pa.ArrowException, OSError)
# No unpacked column of a row group is larger; a page of many gigabytes would fill the memory.
_MOST_COLUMN_BYTES = 1 << 33
# A record has more than a bit that differs from the others'; a row of nothing takes none.
_MOST_ROWS_A_BYTE, _FEW_ROWS = 64, 10_000_000


@dataclass(frozen=True)
class ParquetFile:
    """A file with its schema and the number of its rows, as its footer has them.

    Where a mapping explodes a column, each item is a record; `group_records` counts the records of
    each row group. `rows_before` counts the records of a larger file's parts before this one.
    """

    file: SourceFile
    file_id: str
    schema: pa.Schema
    physical_records: int
    group_records: tuple[int, ...] = ()
    rows_before: int = 0


def inspect(file: SourceFile, file_id: str, mapping: MappingFile) -> ParquetFile | str:
    """Return the file's footer, its columns checked against the mapping; or why it is passed over.

    Raises InputError for a damaged file, an absent column, one that is there twice but for its
    case, and a column of the mapping that holds more than one value.
    """
    try:
        with pq.ParquetFile(file.footer or file.data) as opened:
            schema, records = opened.schema_arrow, opened.metadata.num_rows
            _check_size(file, opened.metadata)
    except _DAMAGES as error:
        raise _damaged(file, error) from error
    if not file.named_outright and not set(schema.names) & set(mapping.columns.values()):
        return NOT_ITS_COLUMNS
    _check(schema, mapping, file.name)
    if not (mapping.explodes and mapping.nested in schema.names):
        return ParquetFile(file, file_id, schema, records)
    with explained(file.name):
        groups = tuple(_exploded_records(file, mapping.nested))
    return ParquetFile(file, file_id, schema, sum(groups), groups)


def _exploded_records(file: SourceFile, nested: str) -> Iterator[int]:
    """Count the records of each row group; reads only one value of the items."""
    with pq.ParquetFile(file.data) as opened:
        leaves = (opened.schema.column(i).path for i in range(len(opened.schema)))
        leaf = next(path for path in leaves if path.partition(".")[0] == nested)
        for number in range(opened.metadata.num_row_groups):
            lists = opened.read_row_group(number, columns=[leaf], use_threads=False)[nested]
            yield int(items_of(lists).sum())


def _check(schema: pa.Schema, mapping: MappingFile, where: str) -> None:
    check_columns(with_paths(schema.names, mapping), mapping, f"{where}: the file")
    folded = Counter(name.lower() for name in schema.names)
    # Spark finds columns whatever their case.
    twice = [name for name in schema.names if folded[name.lower()] > 1]
    if twice:
        raise InputError(f"{where}: the file has the column '{twice[0]}' twice (case aside)")
    for source in mapping.columns.values():
        kind = schema.field(source).type if source in schema.names else pa.null()
        if pa.types.is_nested(kind):
            raise InputError(f"{where}: the column '{source}' is {kind}; expected a single value")
        if _is_span(kind):
            expected = "a number, a text, a date, or a time with its date"
            raise InputError(f"{where}: the column '{source}' is {kind}; expected {expected}")


def _is_span(kind: pa.DataType) -> bool:
    return bool(pa.types.is_duration(kind) or pa.types.is_time(kind) or pa.types.is_interval(kind))


def _check_size(file: SourceFile, footer: pq.FileMetaData) -> None:
    """Raise InputError for what unpacks to far more than a log of that length can hold."""
    if footer.num_rows > _FEW_ROWS + _MOST_ROWS_A_BYTE * file.bytes:
        raise InputError(
            f"{file.path}: {footer.num_rows:,} rows in {file.bytes:,} bytes; that is no log"
        )
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        for place in range(group.num_columns):
            column = group.column(place)
            packed, unpacked = column.total_compressed_size, column.total_uncompressed_size
            what = f"{file.path}: the column '{column.path_in_schema}' of row group {number}"
            limits.check(packed, unpacked, what)
            if unpacked > _MOST_COLUMN_BYTES:
                raise InputError(f"{what} unpacks to {unpacked:,} bytes")


def footer(read_end: Callable[[int], bytes]) -> bytes:
    """The footer of a file, by itself as good as the file for its schema and the number of rows.

    `read_end` reads at most so many of the file's last bytes. Of a damaged file its end.
    """
    end = read_end(_USUAL_FOOTER_BYTES)
    needed = int.from_bytes(end[-8:-4], "little") + 8
    is_whole = needed <= len(end)
    if is_whole or not end.endswith(_MAGIC) or needed > _MOST_FOOTER_BYTES:
        return end[-needed:]
    return read_end(needed)


def first_rows(
    file: SourceFile, most: int, decimal: str = "."
) -> tuple[list[str], list[list[str | None]]]:
    """The names of the columns and at most so many rows, as text, numbers with this decimal sign.

    Raises as `inspect` does.
    """
    rows: list[list[str | None]] = []
    try:
        with pq.ParquetFile(file.data) as opened:
            names = list(opened.schema_arrow.names)
            for batch in opened.iter_batches(batch_size=most):
                cells = [column_texts(c, decimal)[0].to_list() for c in batch.columns]
                rows += [list(row) for row in zip(*cells, strict=True)]
                if len(rows) >= most:
                    break
    except _DAMAGES as error:
        raise _damaged(file, error) from error
    return names, rows[:most]


@contextmanager
def explained(where: str) -> Iterator[None]:
    """What is wrong with a file as InputError."""
    try:
        yield
    except _DAMAGES as error:
        message = " ".join(str(error).split())
        raise InputError(f"{where}: the Parquet file is damaged: {message}") from error


def _damaged(file: SourceFile, error: Exception) -> InputError:
    message = " ".join(str(error).split())
    return InputError(f"{file.name}: the Parquet file is damaged: {message}")


@dataclass(frozen=True)
class ParquetPiece:
    """A row group of a file of this machine; `first_row` is the number of its first row."""

    file_id: str
    source_file: str
    path: Path
    row_group: int
    first_row: int
    size: int

    def records(self, mapping: SourceMapping) -> Iterator[Records]:
        row = self.first_row
        try:
            # INT96, which Spark and Impala write, ends in the year 2262 in nanoseconds.
            with pq.ParquetFile(
                self.path, coerce_int96_timestamp_unit="us", page_checksum_verification=True
            ) as opened:
                for batch in opened.iter_batches(
                    batch_size=ROWS_PER_CHUNK, row_groups=[self.row_group], use_threads=False
                ):
                    table = flattened(pa.Table.from_batches([batch]), mapping)
                    rows = np.arange(row, row + len(table), dtype=np.int64)
                    yield table_records(table, rows, decimal=mapping.decimal)
                    row += len(table)
        except _DAMAGES as error:
            where = f"{self.source_file}{_damaged_column(self.path, self.row_group)}"
            message = " ".join(str(error).split())
            raise InputError(f"{where}: the Parquet file is damaged: {message}") from error


def _damaged_column(path: Path, row_group: int) -> str:
    """Which column of a row group can't be read, in words; nothing where each can."""
    try:
        with pq.ParquetFile(path) as opened:
            names = list(opened.schema_arrow.names)
    except _DAMAGES:
        return ""
    for name in names:
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as opened:
                opened.read_row_group(row_group, columns=[name], use_threads=False)
        except _DAMAGES:
            return f", column '{name}'"
    return ""


def pieces(source: ParquetFile) -> list[ParquetPiece]:
    """Return a piece for each row group that has rows."""
    cut, row = [], source.rows_before + 1
    with pq.ParquetFile(source.file.data) as opened:
        for number in range(opened.metadata.num_row_groups):
            group = opened.metadata.row_group(number)
            if group.num_rows:
                cut.append(
                    ParquetPiece(
                        source.file_id,
                        source.file.name,
                        source.file.data,
                        number,
                        row,
                        group.total_byte_size,
                    )
                )
            row += source.group_records[number] if source.group_records else group.num_rows
    return cut


def remote_frame(
    spark: SparkSession, sources: Sequence[ParquetFile]
) -> tuple[DataFrame, Mapping[int, tuple[str, str]]]:
    """The rows of remote files of one schema with file number and row, and the files by number."""
    by_path = {str(source.file.path): source for source in sources}
    numbers = {source.file_id: n for n, source in enumerate(sources)}
    table = spark.read.parquet(*map(outright, by_path))
    names = table.columns
    input_files = [(u, of_input_file(u, by_path)) for u in table.inputFiles()]
    rows = [(metadata_path(u), numbers[s.file_id], s.rows_before) for u, s in input_files]
    ddl = "spark_path string, file int, rows_before bigint"
    files = F.broadcast(spark.createDataFrame(rows, ddl))
    located = table.select(
        *[F.col(quoted(n)).alias(f"c{i}") for i, n in enumerate(names)],
        F.col("_metadata.row_index").alias("row_index"),
        F.col("_metadata.file_path").alias("spark_path"),
    ).join(files, "spark_path", how="inner")
    row = (F.col("rows_before") + F.col("row_index") + 1).alias("source_row")
    numbered = located.select("file", row, *[f"c{i}" for i in range(len(names))])
    return numbered, {numbers[s.file_id]: (s.file_id, s.file.name) for s in sources}


def located_rows(
    batches: Iterator[pa.RecordBatch],
    files: Mapping[int, tuple[str, str]],
    columns: Sequence[str],
    mapping: SourceMapping,
) -> Iterator[Located]:
    """The records of the rows of `remote_frame`, a batch and file at a time."""
    for batch in batches:
        for number, start, end in file_runs(batch.column(0).to_pylist()):
            part = pa.Table.from_batches([batch.slice(start, end - start)])
            file_id, name = files[number]
            values = part.select(range(2, part.num_columns)).rename_columns(list(columns))
            rows = part.column(1).to_numpy()
            records = table_records(flattened(values, mapping), rows, decimal=mapping.decimal)
            yield Located(mapping, file_id, name, records)


def same_schema(sources: Sequence[ParquetFile]) -> list[list[ParquetFile]]:
    """Return the files grouped by their schema."""
    by_schema: dict[str, list[ParquetFile]] = {}
    for source in sources:
        by_schema.setdefault(source.schema.remove_metadata().to_string(), []).append(source)
    return list(by_schema.values())


def quoted(name: str) -> str:
    """Return a column's name as Spark takes it, whatever is in it."""
    return "`" + name.replace("`", "``") + "`"
