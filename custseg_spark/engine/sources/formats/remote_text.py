"""Text files beyond this machine: counted and read by Spark where they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import unquote

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from custseg_spark.core.events.spaced_text import Layout
from custseg_spark.core.events.text import line_records
from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.discovery.paths import metadata_path, of_input_file, outright
from custseg_spark.engine.sources.formats.text_headers import LONGEST_HEADER, named_columns
from custseg_spark.engine.sources.formats.texts import TextFacts
from custseg_spark.engine.sources.pieces import Located, file_runs
from custseg_spark.engine.spark.session import settings
from custseg_spark.errors import InputError
from custseg_spark.paths import Place

# Spark's name for what came of reading a file, and of nothing else in the scan.
_UNREADABLE = "FAILED_READ_FILE"
# Each partition numbers its rows from its own base: the low 33 bits are the row in it.
_ROW_IN_PARTITION = (1 << 33) - 1


@dataclass(frozen=True)
class RemoteText:
    """A text file that Spark reads, with its facts."""

    file: SourceFile
    file_id: str
    facts: TextFacts


@dataclass(frozen=True)
class FileOfLines:
    """What a task must know of a file whose lines it gets."""

    file_id: str
    source_file: str
    header_row: int
    columns: tuple[str, ...]


def split_settings(split_bytes: int) -> dict[str, str]:
    """Return the session settings under which `lines` and `frame` must be evaluated.

    One split a partition (the open cost fills it up), cut where `rows_before` was counted: that is
    what makes the number of a row known without a second pass.
    """
    names = ("spark.sql.files.maxPartitionBytes", "spark.sql.files.openCostInBytes")
    return dict.fromkeys(names, str(split_bytes))


def lines(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    """The lines of text files: `value`, the split that each stands in, its `row` in that from 0."""
    text = spark.read.option("lineSep", "\n").text([outright(p) for p in paths])
    return text.select(
        "value",
        F.col("_metadata.file_path").alias("spark_path"),
        F.col("_metadata.file_block_start").alias("block_start"),
        F.monotonically_increasing_id().bitwiseAND(F.lit(_ROW_IN_PARTITION)).alias("row"),
    )


def frame(
    spark: SparkSession, sources: Sequence[RemoteText], split_bytes: int
) -> tuple[DataFrame, Mapping[int, FileOfLines]]:
    """Return the lines of the files with file number and row, and the files by these numbers."""
    by_path = {str(source.file.path): source for source in sources}
    every = lines(spark, list(by_path))
    numbers = {source.file_id: n for n, source in enumerate(sources)}
    splits = _splits_table(every.inputFiles(), by_path, numbers, split_bytes)
    numbered = every.join(
        F.broadcast(spark.createDataFrame(splits)), ["spark_path", "block_start"], how="inner"
    )
    rows = numbered.select(
        "file",
        (F.col("rows_before") + F.col("row") + 1).alias("source_row"),
        # As bytes: what isn't UTF-8 must arrive as it is.
        F.col("value").cast("binary").alias("line"),
    )
    files = {
        numbers[s.file_id]: FileOfLines(s.file_id, s.file.name, s.facts.header_row, s.facts.header)
        for s in sources
    }
    return rows, files


def located_lines(
    batches: Iterator[pa.RecordBatch], files: Mapping[int, FileOfLines], mapping: SourceMapping
) -> Iterator[Located]:
    """The records of the lines of `frame`, a batch and file at a time."""
    for batch in batches:
        for number, start, end in file_runs(batch.column(0).to_pylist()):
            file = files[number]
            records = line_records(
                batch.column(2).slice(start, end - start),
                batch.column(1).to_numpy()[start:end],
                file.columns,
                delimiter=mapping.delimiter,
                header_row=file.header_row,
            )
            yield Located(mapping, file.file_id, file.source_file, records)


def _splits_table(
    input_files: Sequence[str],
    by_path: Mapping[str, RemoteText],
    numbers: Mapping[str, int],
    split_bytes: int,
) -> pa.Table:
    """Return one row a split: Spark's name of the file, where the split begins, rows before it."""
    rows = []
    for uri in input_files:
        source = of_input_file(uri, by_path)
        for number, before in enumerate(source.facts.rows_before):
            rows.append(
                {
                    "spark_path": metadata_path(uri),
                    "block_start": number * split_bytes,
                    "rows_before": before,
                    "file": numbers[source.file_id],
                }
            )
    return pa.Table.from_pylist(rows)


def count_lines(
    spark: SparkSession, files: Sequence[SourceFile], layout: Layout, split_bytes: int
) -> dict[Place, TextFacts]:
    """What `texts.inspect_text` says of each file, from one scan by Spark.

    Raises InputError for a broken gzip, and where the lines don't add up to the file's bytes.
    """
    by_uri = {str(f.path): f for f in files}
    with settings(spark, split_settings(split_bytes)):
        try:
            rows = _splits(lines(spark, list(by_uri))).collect()
        except Py4JJavaError as error:
            message, cause = unquote(str(error.java_exception)), error.java_exception.getCause()
            if _UNREADABLE not in message or cause is None:
                raise
            names = ", ".join(uri for uri in by_uri if uri in message)
            raise InputError(f"{names}: can't be read: {cause.getMessage()}") from error
    of_file: dict[str, list[Row]] = {uri: [] for uri in by_uri}
    for row in rows:
        of_input_file(row.spark_path, of_file).append(row)
    return {
        file.path: _facts(file, sorted(of_file[uri], key=_start), layout, split_bytes)
        for uri, file in by_uri.items()
    }


def _splits(lines: DataFrame) -> DataFrame:
    """Return one row a split: lines, their bytes, blank ones, the first one that isn't blank."""
    is_blank = F.length(F.rtrim("value", F.lit("\r"))) == 0
    content = F.substring(F.col("value").cast("binary"), 1, LONGEST_HEADER)
    return lines.groupBy("spark_path", "block_start").agg(
        F.count("*").alias("lines"),
        F.sum(F.octet_length("value")).alias("bytes"),
        F.count(F.when(is_blank, True)).alias("blank"),
        F.min(F.when(~is_blank, F.struct("row", content.alias("line")))).alias("first"),
    )


def _start(row: Row) -> int:
    return int(row.block_start)


def _facts(file: SourceFile, splits: Sequence[Row], layout: Layout, split_bytes: int) -> TextFacts:
    lines = sum(row.lines for row in splits)
    if file.kind == "text":
        _check_bytes(file, lines + sum(row.bytes for row in splits))
    lines_by_split = {row.block_start // split_bytes: row.lines for row in splits}
    borders = range(-(-file.bytes // split_bytes) - 1) if file.kind == "text" else range(0)
    before = tuple(accumulate((lines_by_split.get(i, 0) for i in borders), initial=0))
    first = next((row for row in splits if row.first), None)
    header_row = 0
    if first:
        header_row = before[first.block_start // split_bytes] + first.first.row + 1
    return TextFacts(
        *named_columns(bytes(first.first.line) if first else b"", layout),
        header_row=header_row,
        header_lines=1 if first else 0,
        physical_records=lines,
        blank=sum(row.blank for row in splits),
        rows_before=before,
    )


def _check_bytes(file: SourceFile, counted: int) -> None:
    """Every byte stands in a line. The last one may lack its end, and a byte order mark is none of
    the first one's for Spark."""
    if file.bytes - counted not in (-1, 0, 2, 3):
        raise InputError(
            f"{file.path}: its file system says {file.bytes:,} bytes, its lines have {counted:,};"
            " the file may have changed while it was read"
        )
