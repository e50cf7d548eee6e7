"""JSON files as raw records: JSON lines, or one array of objects, whose objects become lines.

Python parses the lines inside `mapInArrow`: Spark's parser makes doubles of numbers and takes the
last of two equal keys.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import json_text
from custseg_spark.engine.sources.raw import NOT_ITS_COLUMNS, RawSource, check_columns, text_column
from custseg_spark.errors import InputError

_LINES_PER_BATCH = 10_000
_TASK_BYTES = 1 << 23
# So many lines tell which keys there are.
_LOOKED_AT = 1_000


@dataclass(frozen=True)
class Piece:
    """A stretch of a file that begins and ends between lines, and the lines before it."""

    path: str
    offset: int
    end: int
    rows_before: int
    file_id: str
    source_file: str


@dataclass(frozen=True)
class JsonFile:
    """A file of JSON lines: how many there are, and in what pieces to read them."""

    file: SourceFile
    file_id: str
    physical_records: int
    blank: int
    pieces: tuple[Piece, ...]


def inspect(file: SourceFile, file_id: str, mapping: MappingFile, staging: Path) -> JsonFile | str:
    """The file's lines, counted without a parser; or why it is passed over.

    Raises InputError where a column of the mapping is in no record, or an array is broken.
    """
    if _is_array(file.data):
        target = staging / f"{file_id}.jsonl"
        staging.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8") as lines:
            lines.writelines(f"{r}\n" for r in json_text.array_lines(file.data, mapping.nested))
        file = replace(file, unpacked=target)
    found = _columns(file.data, mapping.nested)
    if found is not None:
        if not file.named_outright and not found & set(mapping.columns.values()):
            return NOT_ITS_COLUMNS
        check_columns(found, mapping, f"{file.path}: the first objects' table")
    return _cut(file, file_id)


def first_records(file: SourceFile, nested: str, most: int) -> list[json_text.Record]:
    """The first records of a file; those that aren't records are left out."""
    if _is_array(file.data):
        encoded = (r.encode() for r in json_text.array_lines(file.data, nested))
        return _records(islice(encoded, most), nested)
    with file.data.open("rb") as stream:
        return _records(islice(stream, most), nested)


def _records(lines: Iterable[bytes], nested: str) -> list[json_text.Record]:
    found = (json_text.record(line, (nested,)) for line in lines)
    return [record for record, defect in found if not defect]


def _is_array(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _columns(path: Path, nested: str) -> set[str] | None:
    """The keys of the first records; none where there is no record among the first lines."""
    with path.open("rb") as stream:
        records = _records(islice(stream, _LOOKED_AT), nested)
    return {key for record in records for key in record} if records else None


def _cut(file: SourceFile, file_id: str) -> JsonFile:
    number = blank = offset = position = before = 0
    pieces: list[Piece] = []

    def close() -> None:
        pieces.append(Piece(str(file.data), offset, position, before, file_id, str(file.path)))

    with file.data.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            position += len(line)
            blank += not line.strip()
            if position - offset >= _TASK_BYTES:
                close()
                offset, before = position, number
    if position > offset:
        close()
    return JsonFile(file, file_id, number, blank, tuple(pieces))


def read(spark: SparkSession, sources: Sequence[JsonFile], mapping: MappingFile) -> RawSource:
    """Raw records of the files; `source_row` is the line, of an array the record's number."""
    pieces = [piece for source in sources for piece in source.pieces]
    columns = mapping.canonical
    names = [mapping.columns.get(c) for c in columns]
    own = set(mapping.columns.values())
    taken = {*own, mapping.nested}
    fields = ["file_id", "source_file", "source_row", "raw_record", "defect"]
    texts = [text_column(c) for c in columns]
    types = [pa.string(), pa.string(), pa.int64(), pa.string(), pa.string()]
    types += [*[pa.string()] * len(texts), pa.list_(pa.string())]
    schema = pa.schema(list(zip([*fields, *texts, "extras"], types, strict=True)))

    def rows(piece: Piece) -> Iterator[tuple[Any, ...]]:
        for number, line in _lines(piece):
            record, defect = json_text.record(line, taken)
            values = [record.get(name) if name else None for name in names]
            others = sorted(record.keys() - own)
            extras = [f"{k}={v}" for k in others if (v := (record[k] or "").strip())]
            raw = line.decode("utf-8", errors="replace")
            yield (piece.file_id, piece.source_file, number, raw, defect, *values, extras)

    def parse(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for index in batch.column(0).to_pylist():
                of_piece = rows(pieces[index])
                while some := list(islice(of_piece, _LINES_PER_BATCH)):
                    arrays = [
                        pa.array(values, type=field.type)
                        for values, field in zip(zip(*some, strict=True), schema, strict=True)
                    ]
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    spark_schema = ", ".join(
        ["file_id string, source_file string, source_row bigint, raw_record string, defect string"]
        + [f"{t} string" for t in texts]
        + ["extras array<string>"]
    )
    size = sum(piece.end - piece.offset for piece in pieces)
    tasks = max(1, min(len(pieces), -(-size // _TASK_BYTES)))
    numbers = spark.range(0, len(pieces), 1, numPartitions=tasks)
    return RawSource(numbers.mapInArrow(parse, spark_schema), len(own))


def _lines(piece: Piece) -> Iterator[tuple[int, bytes]]:
    """The lines of a piece that aren't blank, with their numbers."""
    with Path(piece.path).open("rb") as stream:
        stream.seek(piece.offset)
        position, number = piece.offset, piece.rows_before
        while position < piece.end:
            line = stream.readline()
            if not line:
                raise InputError(f"{piece.source_file}: the file has become shorter")
            position, number = position + len(line), number + 1
            if kept := line.strip():
                yield number, kept
