"""The first records of a file, as text for guessing and as a small file for the readers."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path

from custseg_spark.core.mappings.first_records import FirstRecords
from custseg_spark.core.mappings.headers import with_header
from custseg_spark.core.mappings.mapping import WHITESPACE, SourceMapping
from custseg_spark.engine.sources import nested_heads
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import json, parquet, sqlite, texts, unpacking, xlsx
from custseg_spark.engine.sources.formats.text_headers import ONLY_RETURNS
from custseg_spark.errors import InputError
from custseg_spark.paths import Place

MOST_RECORDS = 10_000
# A look takes a second: of wide records fewer are read.
MOST_BYTES = 1 << 22
_DELIMITERS = ",;\t|"
# So many sheets are looked at for one that has columns enough.
_MOST_SHEETS, _NARROWEST = 10, 2
# Where titles may stand, and what tells the delimiter.
_FIRST_LINES = 50

_Row = Sequence[str | None]
_Numbered = list[tuple[int, _Row]]


@dataclass(frozen=True, kw_only=True)
class Head(FirstRecords):
    """The first records of a file: `file` is a text file of them under the name of the whole.

    `is_whole`: there are no more. `is_table`: the file itself is no text of lines.
    """

    file: SourceFile
    is_whole: bool
    is_table: bool = False


def head(file: SourceFile, mapping: SourceMapping | None, staging: Path) -> Head:
    """The head of a file as a mapping reads it, or as it seems to be meant where there is none.

    Without a mapping the largest or first table is taken, and delimiter, header and nested records
    are guessed. Raises InputError for a file that can't be read that far.
    """
    target = staging / "head.csv"
    if file.kind in _TABLES:
        records, is_whole = _of_table(file, mapping)
        header = [records.columns] if records.has_header else []
        target.write_bytes(_as_csv([*header, *records.rows]))
    else:
        content, is_whole = _beginning(file)
        _check_line_ends(content, file)
        records, content = _of_text(content, mapping, file.path, is_whole=is_whole)
        target.write_bytes(content)
    values = {f.name: getattr(records, f.name) for f in fields(FirstRecords)}
    return Head(
        file=replace(file, kind="text", unpacked=target),
        is_whole=is_whole,
        is_table=file.kind in _TABLES,
        **values,
    )


def _check_line_ends(content: bytes, file: SourceFile) -> None:
    lines = content.strip()
    if b"\r" in lines and b"\n" not in lines:
        raise InputError(f"{file.path}: {ONLY_RETURNS}")


def _of_table(file: SourceFile, mapping: SourceMapping | None) -> tuple[FirstRecords, bool]:
    table, nested, rows = _TABLES[file.kind](file, mapping)
    is_whole = len(rows) <= MOST_RECORDS + 1
    texts_ = [(n, tuple(_one_line(v) for v in row)) for n, row in rows[: MOST_RECORDS + 1]]
    records = _records_of(texts_, mapping, ",")
    sheets = tuple(xlsx.sheet_names(file)) if file.kind == "xlsx" else ()
    return replace(records, table=table, nested=nested, sheets=sheets), is_whole


def _records_of(
    rows: Sequence[tuple[int, tuple[str, ...]]], mapping: SourceMapping | None, delimiter: str
) -> FirstRecords:
    """The records under their header: where the mapping says it is, else where it seems to be."""
    numbers, records = tuple(n for n, _ in rows[:_FIRST_LINES]), tuple(r for _, r in rows)
    if not records or (mapping and mapping.columns_without_header):
        names = mapping.columns_without_header if mapping else ()
        return FirstRecords(columns=names, rows=records, delimiter=delimiter, has_header=not names)
    header_row = mapping.header_row if mapping else 0
    at = numbers.index(header_row) if header_row in numbers else 0
    first = FirstRecords(
        columns=tuple(name.strip() for name in records[at]),
        rows=records[at + 1 :],
        delimiter=delimiter,
        header_row=header_row,
        row_numbers=numbers,
    )
    return with_header(first) if mapping is None else first


def _of_text(
    content: bytes, mapping: SourceMapping | None, where: Place, *, is_whole: bool
) -> tuple[FirstRecords, bytes]:
    """Return the records of a text's beginning, and the text to its last whole record."""
    if b"\r" in content and b"\n" not in content:
        raise InputError(f"{where}: lines end in carriage returns only; convert them to line feeds")
    has_line_breaks = sum(line.count(b'"') % 2 for line in content.split(b"\n")) > 1
    if has_line_breaks and not is_whole:
        content = _to_last_record(content)
    text = content.decode("utf-8-sig", errors="replace")
    delimiter = mapping.delimiter if mapping else _delimiter(text)
    rows = _rows(text, delimiter, has_line_breaks=has_line_breaks, where=where)
    records = _records_of(rows, mapping, delimiter)
    return replace(records, has_line_breaks=has_line_breaks), content


def _beginning(file: SourceFile) -> tuple[bytes, bool]:
    """Return the first lines of a text file, complete ones; whether that is all of it."""
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
    *complete, _ = bytes(content[: 2 * MOST_BYTES]).split(b"\n")
    return b"\n".join(complete[: MOST_RECORDS + 1]) + b"\n", False


def _to_last_record(content: bytes) -> bytes:
    """What stands before the last line end outside quotes, and that."""
    quotes = position = end = 0
    for line in content.splitlines(keepends=True):
        quotes, position = quotes + line.count(b'"'), position + len(line)
        end = end if quotes % 2 else position
    return content[:end]


def _rows(
    text: str, delimiter: str, *, has_line_breaks: bool, where: Place
) -> list[tuple[int, tuple[str, ...]]]:
    """The records that aren't blank, numbered; each line for itself where no value has a break."""
    lines = text.split("\n")
    if delimiter == WHITESPACE:
        split = [(n, tuple(line.split())) for n, line in enumerate(lines, start=1)]
        return [(n, record) for n, record in split if record]
    sources: Iterable[tuple[int, Iterable[str]]] = (
        [(1, io.StringIO(text, newline=""))]
        if has_line_breaks
        else ((n, [line]) for n, line in enumerate(lines, start=1))
    )
    try:
        return [
            (first + further, tuple(record))
            for first, source in sources
            for further, record in enumerate(csv.reader(source, delimiter=delimiter))
            if any(record)
        ]
    except csv.Error as error:
        raise InputError(f"{where}: not a table of text: {error}") from error


def _delimiter(text: str) -> str:
    """What parts the first lines into the same number of values, the most of them."""
    lines = list(islice((line for line in text.split("\n") if line.strip()), _FIRST_LINES))
    scores = {d: _regularity(lines, d) for d in _DELIMITERS}
    best = max(_DELIMITERS, key=scores.__getitem__)
    if scores[best][1] > 1:
        return best
    fields_ = Counter(len(line.split()) for line in lines)
    width, times = fields_.most_common(1)[0] if fields_ else (0, 0)
    return WHITESPACE if width > 2 and times > len(lines) / 2 and len(lines) > 1 else best


def _regularity(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """The share of lines with the usual number of values, and that number; 0 for a single one."""
    try:
        counts = Counter(len(next(csv.reader([line], delimiter=delimiter))) for line in lines)
    except csv.Error:
        return 0.0, 0
    if not counts:
        return 0.0, 0
    width, times = max(counts.items(), key=lambda item: (item[1], item[0]))
    # Lines of a value that is quoted over several count for none.
    return (0.0, 0) if width < 2 else (round(times / len(lines), 1), width)


def _one_line(value: str | None) -> str:
    """Return a value without line breaks, or the lines would no longer be rows."""
    return " ".join((value or "").splitlines())


def _as_csv(rows: Iterable[Sequence[str]]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode()


_Table = tuple[str, str, _Numbered]


def _numbered(names: _Row, rows: Iterable[_Row]) -> _Numbered:
    return list(enumerate([names, *rows], start=1))


def _of_sqlite(file: SourceFile, mapping: SourceMapping | None) -> _Table:
    table = mapping.table if mapping else ""
    name, columns, rows = sqlite.first_rows(file, table, MOST_RECORDS + 1)
    return name, "", _numbered(columns, rows)


def _of_sheet(file: SourceFile, mapping: SourceMapping | None) -> _Table:
    """Return the rows of the sheet that a mapping names, else of the first that is a table."""
    names = _asked_sheets(mapping) or xlsx.sheet_names(file)[:_MOST_SHEETS]
    first: _Table = ("", "", [])
    for name in names:
        sheet = xlsx.open_sheet(file, name, MOST_RECORDS + 2)
        rows: _Numbered = list(islice(sheet.rows, MOST_RECORDS + 2))
        first = first if first[2] else (sheet.name, "", rows)
        if sum(len(row) >= _NARROWEST for _, row in rows) > 1:
            return sheet.name, "", rows
    return first


def _asked_sheets(mapping: SourceMapping | None) -> Sequence[str]:
    if mapping is None or mapping.sheets == xlsx.ALL:
        return ()
    return mapping.sheets or ((mapping.table,) if mapping.table else ())


def _of_parquet(file: SourceFile, mapping: SourceMapping | None) -> _Table:
    decimal = mapping.decimal if mapping else "."
    names, rows = parquet.first_rows(file, MOST_RECORDS + 1, decimal)
    records = [dict(zip(names, row, strict=True)) for row in rows]
    return _of_records(names, records, mapping)


def _of_json(file: SourceFile, mapping: SourceMapping | None) -> _Table:
    """Return the first objects as a table; it has no name of its own."""
    merged = mapping.nested if mapping and not mapping.explodes else ""
    records = json.first_records(file, merged, MOST_RECORDS + 1)
    columns = list(dict.fromkeys(key for record in records for key in record))
    return _of_records(columns, records, mapping)


def _of_records(
    columns: Sequence[str],
    records: Sequence[Mapping[str, str | None]],
    mapping: SourceMapping | None,
) -> _Table:
    """Records with their nested values, if they have any, as columns by their paths."""
    objects = nested_heads.objects(records)
    nested = nested_heads.nested_key(objects) if mapping is None else mapping.nested
    is_path = mapping is None or any("." in source for source in mapping.columns.values())
    if is_path and any(isinstance(v, dict | list) for record in objects for v in record.values()):
        records = nested_heads.flat_records(objects, nested)
        columns = list(dict.fromkeys(key for record in records for key in record))
    return "", nested, _numbered(columns, ([r.get(c) for c in columns] for r in records))


_TABLES = {"sqlite": _of_sqlite, "xlsx": _of_sheet, "parquet": _of_parquet, "json": _of_json}
