"""Text files beyond this machine, counted by Spark: what `texts` says of those that are here."""

from collections.abc import Sequence
from itertools import accumulate
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.discovery.paths import of_input_file
from custseg_spark.engine.sources.formats import csv, texts
from custseg_spark.engine.sources.formats.texts import TextFacts
from custseg_spark.engine.spark.session import settings
from custseg_spark.errors import InputError
from custseg_spark.paths import Place

# Spark's name for what came of reading a file, and of nothing else in the scan.
_UNREADABLE = "FAILED_READ_FILE"


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
        of_input_file(row.spark_path, of_file).append(row)
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
