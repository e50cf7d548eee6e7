"""The first records of a file, as text for guessing and as a small file for the readers."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from custseg_spark.core.mappings.first_records import FirstRecords
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import json, parquet, sqlite, texts, unpacking, xlsx
from custseg_spark.errors import InputError
from custseg_spark.paths import Place

MOST_RECORDS = 10_000
MOST_BYTES = 1 << 22
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, kw_only=True)
class Head(FirstRecords):
    """The first records of a file: `file` is a text file of them under the name of the whole.

    `is_whole`: there are no more.
    """

    file: SourceFile
    is_whole: bool


def head(file: SourceFile, table: str, delimiter: str, staging: Path) -> Head:
    """The head of a file; without a table the largest or first one, without a delimiter a guess.

    Of a JSON array `table` is the key under which an object's records are.

    Raises InputError for a file that can't be read that far.
    """
    if file.kind in _TABLES:
        table, rows = _TABLES[file.kind](file, table)
        content, delimiter = _as_csv(rows[: MOST_RECORDS + 1]), ","
        is_whole = len(rows) <= MOST_RECORDS + 1
    else:
        table = ""
        content, is_whole = _beginning(file)
    has_line_breaks = sum(line.count(b'"') % 2 for line in content.split(b"\n")) > 1
    if has_line_breaks and not is_whole:
        content = _to_last_record(content)
    target = staging / "head.csv"
    target.write_bytes(content)
    text = content.decode("utf-8-sig", errors="replace")
    delimiter = delimiter or _delimiter(text)
    records = _records(text, delimiter, has_line_breaks=has_line_breaks, where=file.path)
    return Head(
        file=replace(file, kind="text", unpacked=target),
        columns=tuple(name.strip() for name in records[0]) if records else (),
        rows=tuple(records[1:]),
        delimiter=delimiter,
        table=table,
        is_whole=is_whole,
        has_line_breaks=has_line_breaks,
    )


def _beginning(file: SourceFile) -> tuple[bytes, bool]:
    """The first lines of a text file, complete ones; whether that is all of it."""
    blocks = unpacking.blocks(file) if file.kind == "xz" else texts.blocks(file)
    content, lines, is_whole = bytearray(), 0, True
    for block in blocks:
        content += block
        lines += block.count(b"\n")
        if lines > MOST_RECORDS or len(content) > MOST_BYTES:
            is_whole = False
            break
    if is_whole:
        return bytes(content), True
    *complete, _ = bytes(content).split(b"\n")
    return b"\n".join(complete[: MOST_RECORDS + 1]) + b"\n", False


def _to_last_record(content: bytes) -> bytes:
    """What stands before the last line end outside quotes, and that."""
    quotes = position = end = 0
    for line in content.splitlines(keepends=True):
        quotes, position = quotes + line.count(b'"'), position + len(line)
        end = end if quotes % 2 else position
    return content[:end]


def _records(
    text: str, delimiter: str, *, has_line_breaks: bool, where: Place
) -> list[tuple[str, ...]]:
    """The records that aren't blank; each line for itself where no value holds a line break."""
    lines = text.split("\n")
    sources: Iterable[Iterable[str]] = (
        [io.StringIO(text, newline="")] if has_line_breaks else ([line] for line in lines)
    )
    try:
        return [
            tuple(record)
            for source in sources
            for record in csv.reader(source, delimiter=delimiter)
            if any(record)
        ]
    except csv.Error as error:
        raise InputError(f"{where}: not a table of text: {error}") from error


def _delimiter(text: str) -> str:
    """What stands most often between the names of the first line that isn't blank."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    return max(_DELIMITERS, key=first.count)


def _as_csv(rows: Iterable[Sequence[str | None]]) -> bytes:
    """Rows as lines; a value's line breaks become blanks, or the lines would no longer be rows."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(
        [" ".join((value or "").splitlines()) for value in row] for row in rows
    )
    return stream.getvalue().encode()


def _of_sqlite(file: SourceFile, table: str) -> tuple[str, list[Sequence[str | None]]]:
    name, columns, rows = sqlite.first_rows(file, table, MOST_RECORDS + 1)
    return name, [columns, *rows]


def _of_sheet(file: SourceFile, table: str) -> tuple[str, list[Sequence[str | None]]]:
    sheet = xlsx.open_sheet(file, table, MOST_RECORDS + 2)
    return sheet.name, [row for _, row in islice(sheet.rows, MOST_RECORDS + 2)]


def _of_parquet(file: SourceFile, _: str) -> tuple[str, list[Sequence[str | None]]]:
    names, rows = parquet.first_rows(file, MOST_RECORDS + 1)
    return "", [names, *rows]


def _of_json(file: SourceFile, nested: str) -> tuple[str, list[Sequence[str | None]]]:
    """The first objects as a table; it has no name of its own."""
    records = json.first_records(file, nested, MOST_RECORDS + 1)
    columns = list(dict.fromkeys(key for record in records for key in record))
    return "", [columns, *([record.get(c) for c in columns] for record in records)]


_TABLES = {"sqlite": _of_sqlite, "xlsx": _of_sheet, "parquet": _of_parquet, "json": _of_json}
