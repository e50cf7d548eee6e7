"""CSV files as records: pieces of whole lines, read by kernels where the tasks run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.events.records import Records
from custseg_spark.core.events.spaced_text import Layout, spaced_records
from custseg_spark.core.events.text import csv_records, multiline_csv_records
from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.engine.sources import headers
from custseg_spark.engine.sources.columns import check_columns
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import texts
from custseg_spark.engine.sources.formats.text_headers import named_columns
from custseg_spark.engine.sources.formats.texts import TextFacts
from custseg_spark.errors import InputError

# Text of a compressed file that is read at a time.
_CHUNK_BYTES = 1 << 25
_ROWS_LOOKED_AT = 50


@dataclass(frozen=True)
class CsvPiece:
    """A stretch of a CSV file: whole lines, or, of a multiline mapping, whole records."""

    file_id: str
    source_file: str
    path: Path
    start: int
    end: int
    first_row: int
    header_row: int
    columns: tuple[str, ...]

    @property
    def size(self) -> int:
        return self.end - self.start

    def records(self, mapping: SourceMapping) -> Iterator[Records]:
        with self.path.open("rb") as stream:
            stream.seek(self.start)
            content = stream.read(self.size)
        if len(content) < self.size:
            raise InputError(f"{self.source_file}: the file has become shorter")
        yield parsed(content, self.columns, mapping, self.first_row, self.header_row)


@dataclass(frozen=True)
class CompressedCsv:
    """A gzip or xz file, which can't be cut: one task reads it, a chunk at a time."""

    file_id: str
    file: SourceFile
    header_row: int
    columns: tuple[str, ...]

    @property
    def source_file(self) -> str:
        return self.file.name

    @property
    def size(self) -> int:
        # Its text is some five times as long.
        return 5 * self.file.bytes

    def records(self, mapping: SourceMapping) -> Iterator[Records]:
        for content, first_row in texts.chunks(
            self.file, _CHUNK_BYTES, multiline=mapping.multiline
        ):
            yield parsed(content, self.columns, mapping, first_row, self.header_row)


def parsed(
    content: bytes,
    columns: Sequence[str],
    mapping: SourceMapping,
    first_row: int,
    header_row: int,
) -> Records:
    """The records of a text of whole lines, or of whole records where values hold line breaks."""
    has_titles, layout = mapping.header_row > 0, Layout.of(mapping)
    if layout.is_spaced:
        return spaced_records(
            content,
            columns,
            layout.widths,
            first_row=first_row,
            header_row=header_row,
            has_titles=has_titles,
        )
    parse = multiline_csv_records if mapping.multiline else csv_records
    return parse(
        content,
        columns,
        delimiter=mapping.delimiter,
        first_row=first_row,
        header_row=header_row,
        has_titles=has_titles,
    )


def inspect(
    file: SourceFile, mapping: MappingFile, piece_bytes: int, scanned: TextFacts | None = None
) -> TextFacts | str:
    """Return the file's facts, its header checked against the mapping; or why it is passed over.

    A file that shares no column with the mapping is something else, and is passed over unless it
    was named outright. Raises InputError, naming file and column, where a column is missing, and
    for a header that is not UTF-8 or names a column twice. `scanned` are the facts of a file that
    Spark has counted.
    """
    facts = scanned or _inspected(file, mapping, piece_bytes)
    if mapping.columns_without_header:
        names = mapping.columns_without_header
        return replace(facts, header=names, header_problem=None, header_row=0, header_lines=0)
    where = f"{file.path}, row {facts.header_row or mapping.header_row or 1}"
    if not file.named_outright and not set(facts.header) & set(mapping.columns.values()):
        return headers.not_its_columns(facts.header)
    if problem := headers.is_record(facts.header, mapping) or facts.header_problem:
        raise InputError(f"{where}: {problem}")
    hint = "" if scanned else _hint(file, mapping)
    check_columns(facts.header, mapping, f"{where}: the header", hint)
    return facts


def _inspected(file: SourceFile, mapping: MappingFile, piece_bytes: int) -> TextFacts:
    inspect_file = texts.inspect_multiline if mapping.multiline else texts.inspect_text
    return inspect_file(file, Layout.of(mapping), piece_bytes, mapping.header_row)


def _hint(file: SourceFile, mapping: MappingFile) -> str:
    """Which of the first rows has the mapping's columns, where the header hasn't."""
    first = next(texts.blocks(file), b"").split(b"\n")[:_ROWS_LOOKED_AT]
    rows = (named_columns(line, Layout.of(mapping))[0] for line in first)
    row = headers.row_with_columns(rows, mapping)
    return f"; row {row} has them: say header_row = {row} in the mapping" if row else ""


def pieces(file: SourceFile, file_id: str, facts: TextFacts) -> list[CsvPiece | CompressedCsv]:
    """Return the pieces of a file of this machine."""
    if file.kind in ("gzip", "xz"):
        return [CompressedCsv(file_id, file, facts.header_row, facts.header)]
    return [
        CsvPiece(
            file_id,
            file.name,
            file.data,
            cut.start,
            cut.end,
            cut.first_row,
            facts.header_row,
            facts.header,
        )
        for cut in facts.cuts
    ]
