"""Read JSON files as records: JSON lines, or one array of objects, which become lines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.events.json_lines import json_records
from custseg_spark.core.events.nested_values import with_paths
from custseg_spark.core.events.records import Records
from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.engine.sources.columns import NOT_ITS_COLUMNS, check_columns
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import json_text
from custseg_spark.errors import InputError

_TASK_BYTES = 1 << 23
# The keys are taken from so many lines.
_LOOKED_AT = 1_000


@dataclass(frozen=True)
class JsonPiece:
    """A stretch of whole lines of a file, and the number of lines before it."""

    path: Path
    offset: int
    end: int
    rows_before: int
    file_id: str
    source_file: str

    @property
    def size(self) -> int:
        return self.end - self.offset

    def records(self, mapping: SourceMapping) -> Iterator[Records]:
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            content = stream.read(self.size)
        if len(content) < self.size:
            raise InputError(f"{self.source_file}: the file has become shorter")
        yield json_records(content, mapping, first_row=self.rows_before + 1)


@dataclass(frozen=True)
class JsonFile:
    """A file of JSON lines: their number, and the pieces to read them."""

    file: SourceFile
    file_id: str
    physical_records: int
    blank: int
    pieces: tuple[JsonPiece, ...]


def inspect(file: SourceFile, file_id: str, mapping: MappingFile, staging: Path) -> JsonFile | str:
    """Count the file's lines without a parser, or say why the file is skipped.

    Raises InputError if no record has a column of the mapping, or an array is broken.
    """
    records = _staged_records(file, mapping)
    if records is not None:
        target = staging / f"{file_id}.jsonl"
        staging.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", errors="surrogateescape") as lines:
            lines.writelines(f"{record}\n" for record in records)
        file = replace(file, unpacked=target)
    columns = _columns(file.data, "" if mapping.explodes else mapping.nested)
    if columns is not None:
        columns = with_paths(columns, mapping)
        if not file.named_outright and not columns & set(mapping.columns.values()):
            return NOT_ITS_COLUMNS
        check_columns(columns, mapping, f"{file.path}: the first objects' table")
    return _cut(file, file_id)


def _staged_records(file: SourceFile, mapping: MappingFile) -> Iterator[str] | None:
    """Return the records of a file that aren't its lines, as lines; None where they are."""
    if _is_array(file.data):
        return json_text.array_lines(file.data, mapping.nested, explodes=mapping.explodes)
    return json_text.exploded_lines(file.data, mapping.nested) if mapping.explodes else None


def first_records(file: SourceFile, nested: str, most: int) -> list[json_text.Record]:
    """Return the first records of a file, without lines that are no records."""
    if _is_array(file.data):
        encoded = (r.encode() for r in json_text.array_lines(file.data, nested))
        return _records(islice(encoded, most), nested)
    with file.data.open("rb") as stream:
        return _records(islice(stream, most), nested)


def _records(lines: Iterable[bytes], nested: str) -> list[json_text.Record]:
    parsed = (json_text.record(line, (nested,)) for line in lines)
    return [record for record, defect in parsed if not defect]


def _is_array(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _columns(path: Path, nested: str) -> set[str] | None:
    """Return the keys of the first records; none without a record among the first lines."""
    with path.open("rb") as stream:
        records = _records(islice(stream, _LOOKED_AT), nested)
    return {key for record in records for key in record} if records else None


def _cut(file: SourceFile, file_id: str) -> JsonFile:
    number = blank = offset = position = before = 0
    pieces: list[JsonPiece] = []

    def close() -> None:
        pieces.append(JsonPiece(file.data, offset, position, before, file_id, file.name))

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
