"""CSV files, plain, gzip or unpacked, as raw records: text only, one row a physical line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.discovery.paths import (
    metadata_path,
    of_input_file,
    outright,
    spark_path,
)
from custseg_spark.engine.sources.formats import texts
from custseg_spark.engine.sources.formats.texts import TextFacts
from custseg_spark.engine.sources.raw import (
    NOT_ITS_COLUMNS,
    RawSource,
    check_columns,
    extra_field,
    text_column,
)
from custseg_spark.errors import InputError

# Each partition numbers its rows from its own base: the low 33 bits are the row in it.
_ROW_IN_PARTITION = (1 << 33) - 1


@dataclass(frozen=True)
class CsvFile:
    """A CSV file of a source with its facts."""

    file: SourceFile
    file_id: str
    facts: TextFacts


def inspect(
    file: SourceFile, mapping: MappingFile, split_bytes: int, scanned: TextFacts | None = None
) -> TextFacts | str:
    """The file's facts, its header checked against the mapping; or why it is passed over.

    A file that shares no column with the mapping is something else, and is passed over unless it
    was named outright. Raises InputError, naming file and column, where a column is missing, and
    for a header that is not UTF-8 or names a column twice. `scanned` are the facts of a file that
    Spark has counted.
    """
    if scanned:
        facts = scanned
    elif mapping.multiline:
        facts = texts.inspect_multiline(file, mapping.delimiter)
    else:
        facts = texts.inspect_text(file, mapping.delimiter, split_bytes)
    if not file.named_outright and not set(facts.header) & set(mapping.columns.values()):
        return NOT_ITS_COLUMNS
    if facts.header_problem:
        raise InputError(f"{file.path}, row {facts.header_row}: {facts.header_problem}")
    check_columns(facts.header, mapping, f"{file.path}, row {facts.header_row or 1}: the header")
    return facts


def split_settings(split_bytes: int) -> dict[str, str]:
    """The session settings under which the frames of `read` must be evaluated.

    One split a partition (the open cost fills it up), cut where `rows_before` was counted: that is
    what makes the number of a row known without a second pass.
    """
    names = ("spark.sql.files.maxPartitionBytes", "spark.sql.files.openCostInBytes")
    return dict.fromkeys(names, str(split_bytes))


def read(
    spark: SparkSession,
    sources: Sequence[CsvFile],
    mapping: MappingFile,
    split_bytes: int,
    staging: Path,
) -> list[RawSource]:
    """Raw records of the files, one RawSource for each distinct header among them.

    To be evaluated under `split_settings` of the same `split_bytes`.
    """
    by_header: dict[tuple[str, ...], list[CsvFile]] = {}
    for source in sources:
        by_header.setdefault(source.facts.header, []).append(source)
    reader = _read_multiline if mapping.multiline else _read_lines
    return [reader(spark, group, mapping, split_bytes, staging) for group in by_header.values()]


def _read_lines(
    spark: SparkSession,
    group: Sequence[CsvFile],
    mapping: MappingFile,
    split_bytes: int,
    staging: Path,
) -> RawSource:
    paths = {spark_path(c.file, c.file_id, staging): c for c in group}
    every = lines(spark, list(paths))
    filled = every.select(
        # The question is cheap, trimming isn't.
        F.when(F.endswith("value", F.lit("\r")), F.rtrim("value", F.lit("\r")))
        .otherwise(F.col("value"))
        .alias("raw_record"),
        "spark_path",
        "block_start",
        "row",
    ).where(F.col("raw_record") != "")
    splits = _splits_table(every.inputFiles(), paths, split_bytes)
    numbered = filled.join(
        F.broadcast(spark.createDataFrame(splits)), ["spark_path", "block_start"], how="inner"
    ).withColumn("source_row", F.col("rows_before") + F.col("row") + 1)
    header = group[0].facts.header
    body = numbered.where(F.col("source_row") != F.col("header_row"))
    fields = _fields(F.col("raw_record"), len(header), mapping.delimiter)
    has_nul = any(c.facts.has_nul for c in group)
    split = body.withColumn("fields", fields).withColumn(
        "defect", _defect(~F.is_valid_utf8("raw_record"), header, has_nul=has_nul)
    )
    return RawSource(_to_raw(split, header, mapping), len(header))


def lines(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    """The lines of text files: `value`, the split that each stands in, its `row` in that from 0.

    To be evaluated under `split_settings`.
    """
    text = spark.read.option("lineSep", "\n").text([outright(p) for p in paths])
    return text.select(
        "value",
        F.col("_metadata.file_path").alias("spark_path"),
        F.col("_metadata.file_block_start").alias("block_start"),
        F.monotonically_increasing_id().bitwiseAND(F.lit(_ROW_IN_PARTITION)).alias("row"),
    )


def _splits_table(
    input_files: Sequence[str], paths: dict[str, CsvFile], split_bytes: int
) -> pa.Table:
    """One row a split: Spark's name of the file, where the split begins, rows before it."""
    rows = []
    for uri in input_files:
        source = of_input_file(uri, paths)
        for number, before in enumerate(source.facts.rows_before):
            rows.append(
                {
                    "spark_path": metadata_path(uri),
                    "block_start": number * split_bytes,
                    "rows_before": before,
                    "header_row": source.facts.header_row,
                    "source_file": str(source.file.path),
                    "file_id": source.file_id,
                }
            )
    return pa.Table.from_pylist(rows)


def _fields(line: Column, width: int, delimiter: str) -> Column:
    """The values of a line as an array; null where a quoted line has another number of them.

    A line without a quote is split at its delimiters (a third of the parser's time); the parser
    is for the others alone. It gets one more field to find, because it lets an unclosed quote in
    the last one pass.
    """
    schema = ", ".join(f"c{i} string" for i in range(width + 1)) + ", corrupt string"
    options = {
        "mode": "PERMISSIVE",
        "columnNameOfCorruptRecord": "corrupt",
        "sep": delimiter,
        "escape": '"',
    }
    parsed = F.from_csv(F.concat(line, F.lit(f"{delimiter}.")), schema, options)
    quoted = F.when(parsed["corrupt"].isNull(), F.array(*[parsed[f"c{i}"] for i in range(width)]))
    plain = F.split(line, re.escape(delimiter), -1)
    return F.when(F.contains(line, F.lit('"')), quoted).otherwise(plain)


def _defect(not_utf8: Column, header: Sequence[str], *, has_nul: bool) -> Column:
    """What is wrong with a record as a whole: the code of `quality`'s rules, or null."""
    nul = F.contains("raw_record", F.lit("\x00")) if has_nul else F.lit(False)
    return (
        F.when(not_utf8, "invalid_utf8")
        .when(nul, "nul_byte")
        .when(F.coalesce(F.size("fields"), F.lit(-1)) != len(header), "wrong_field_count")
        .when(_is_header(header), "repeated_header")
    )


def _is_header(header: Sequence[str]) -> Column:
    """Whether a record is the header again, as where files were joined, quoted or not."""
    between = "\x1f"
    trimmed = F.transform("fields", lambda field: F.trim(field))
    joined = F.ltrim(F.array_join(trimmed, between, ""), F.lit("\ufeff"))
    # The first field tells nearly always; a byte order mark may stand before it.
    first = F.rtrim(F.col("fields")[0])
    return F.endswith(first, F.lit(header[0])) & (joined == between.join(header))


def _to_raw(split: DataFrame, header: Sequence[str], mapping: MappingFile) -> DataFrame:
    """The raw contract: `text_<canonical>` for each canonical column, extras in an array."""

    def value(name: str | None) -> Column:
        if name is None or name not in header:
            return F.lit(None).cast("string")
        return F.when(F.col("defect").isNull(), F.col("fields")[list(header).index(name)])

    extras = sorted(set(header) - set(mapping.columns.values()))
    return split.select(
        "file_id",
        "source_file",
        "source_row",
        # Other readers of the tables fail on a string that isn't UTF-8.
        F.when(F.col("defect") == "invalid_utf8", F.make_valid_utf8("raw_record"))
        .otherwise(F.col("raw_record"))
        .alias("raw_record"),
        "defect",
        *[value(mapping.columns.get(c)).alias(text_column(c)) for c in mapping.canonical],
        F.array(*[extra_field(e, value(e)) for e in extras]).cast("array<string>").alias("extras"),
    )


def _read_multiline(
    spark: SparkSession,
    group: Sequence[CsvFile],
    mapping: MappingFile,
    split_bytes: int,
    staging: Path,
) -> RawSource:
    header = group[0].facts.header
    frames = [_multiline_file(spark, c, mapping, staging) for c in group]
    everything = frames[0]
    for frame in frames[1:]:
        everything = everything.unionByName(frame)
    return RawSource(_to_raw(everything, header, mapping), len(header))


def _multiline_file(
    spark: SparkSession, source: CsvFile, mapping: MappingFile, staging: Path
) -> DataFrame:
    """The records of one file, which can't be split: its row numbers count records."""
    header = source.facts.header
    columns = [f"c{i}" for i in range(len(header))]
    path = outright(spark_path(source.file, source.file_id, staging))
    frame = spark.read.csv(
        path,
        schema=", ".join(f"{c} string" for c in columns) + ", corrupt string",
        multiLine=True,
        header=False,
        sep=mapping.delimiter,
        quote='"',
        escape='"',
        columnNameOfCorruptRecord="corrupt",
    )
    # In a file of mixed line ends the parser leaves carriage returns to the last value.
    values = [*map(F.col, columns[:-1]), F.rtrim(columns[-1], F.lit("\r"))]
    # The parser has put U+FFFD where bytes weren't UTF-8.
    replaced = F.lit(False) if source.facts.is_utf8 else F.contains("raw_record", F.lit("\ufffd"))
    return (
        frame.select(
            "*", F.monotonically_increasing_id().bitwiseAND(F.lit(_ROW_IN_PARTITION)).alias("row")
        )
        .select(
            F.lit(source.file_id).alias("file_id"),
            F.lit(str(source.file.path)).alias("source_file"),
            (F.col("row") + 1).alias("source_row"),
            F.coalesce("corrupt", F.to_csv(F.struct(*columns))).alias("raw_record"),
            F.when(F.col("corrupt").isNull(), F.array(*values)).alias("fields"),
        )
        .where(F.col("source_row") > 1)
        .withColumn("defect", _defect(replaced, header, has_nul=source.facts.has_nul))
    )
