"""Delimited text as records: ordinary records by Polars, odd ones one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from custseg_spark.core.events.lines import Lines, record_ends
from custseg_spark.core.events.odd_lines import fields_or_defect, is_header, lines_swallowed
from custseg_spark.core.events.quoted_lines import is_simply_quoted
from custseg_spark.core.events.records import (
    NONE_MALFORMED,
    Flags,
    Ints,
    Malformed,
    Records,
    malformed_frame,
    text_values,
)

# Bytes that only the reader of single records handles.
_ODD_BYTES = (b'"', b"\r", b"\0")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def csv_records(
    content: bytes,
    columns: Sequence[str],
    *,
    delimiter: str,
    first_row: int,
    header_row: int,
    has_titles: bool = False,
) -> Records:
    """Return the records of whole lines; the first is the file's line `first_row`, from 1.

    `columns` are the header's names. `header_row` is the header's line in the file; the header and
    any titles above it are left out.
    """
    rows = (first_row, header_row, has_titles)
    return _records_from(content, columns, delimiter, *rows, multiline=False)


def multiline_csv_records(
    content: bytes,
    columns: Sequence[str],
    *,
    delimiter: str,
    first_row: int,
    header_row: int,
    has_titles: bool = False,
) -> Records:
    """Return the records of text whose quoted values may hold line breaks: rows count records.

    `content` is whole records, as in a file with balanced quotes. A record with line breaks outside
    quotes counts as one malformed record per line. So there are more records than the count of
    bytes gives, and the ledger shows that the file can't be read.
    """
    rows = (first_row, header_row, has_titles)
    return _records_from(content, columns, delimiter, *rows, multiline=True)


def line_records(
    lines: pa.StringArray,
    rows: Ints,
    columns: Sequence[str],
    *,
    delimiter: str,
    header_row: int = 0,
) -> Records:
    """Return the records of lines that a reader has already split; `rows` ascend.

    No line holds a line feed; their bytes may not be UTF-8.
    """
    texts = lines.cast(pa.binary()).fill_null(b"")
    whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), texts)
    joined = pc.binary_join(whole, b"\n")
    content = joined[0].as_py() + b"\n" if len(lines) else b""
    stretch = Lines(_with_line_feeds(content), rows)
    return _records(stretch, columns, delimiter, np.flatnonzero(rows == header_row))


def _records_from(
    content: bytes,
    columns: Sequence[str],
    delimiter: str,
    first_row: int,
    header_row: int,
    has_titles: bool,
    *,
    multiline: bool,
) -> Records:
    content = _with_line_feeds(content)
    has_quoted_ends = multiline and b'"' in content
    if has_quoted_ends:
        count = len(record_ends(content, multiline=True))
    else:
        count = content.count(b"\n") + (len(content) > 0 and not content.endswith(b"\n"))
    rows = np.arange(first_row, first_row + count, dtype=np.int64)
    stretch = Lines(content, rows, has_quoted_ends)
    is_header = rows == header_row
    if has_titles and first_row <= header_row:
        is_header = (rows <= header_row) & (stretch.ends > stretch.starts)
    return _records(stretch, columns, delimiter, np.flatnonzero(is_header))


def _with_line_feeds(content: bytes) -> bytes:
    # Looking for a single byte is many times as fast as for two.
    return content.replace(b"\r\n", b"\n") if b"\r" in content else content


def _records(lines: Lines, columns: Sequence[str], delimiter: str, header_at: Ints) -> Records:
    plain = _plain_values(lines, columns, delimiter)
    if plain is None:
        return _mixed_records(lines, columns, delimiter, header_at)
    is_left_out = np.zeros(len(lines.rows), np.bool_)
    is_left_out[header_at] = True
    repeated = _repeated_headers(plain, columns, is_left_out)
    malformed = [(int(lines.rows[i]), lines.text(i), "repeated_header") for i in repeated]
    is_left_out[repeated] = True
    values, rows = _kept(plain, lines.rows, is_left_out)
    return Records(
        values, rows, malformed_frame(malformed), RawTextOfRows(lines, rows), len(header_at)
    )


def _plain_values(lines: Lines, columns: Sequence[str], delimiter: str) -> pl.DataFrame | None:
    """Return the values of a stretch of ordinary records only; None if there may be others."""
    content, count = lines.content, len(lines.rows)
    if not count or len(columns) < 2 or len(delimiter.encode()) > 1:
        return None
    if any(mark in content for mark in _ODD_BYTES):
        return None
    if not content.isascii() and _BYTE_ORDER_MARK in content:
        return None
    if content.count(delimiter.encode()) != (len(columns) - 1) * count:
        return None
    # If the total number of delimiters is right and no record has too many, each has its own.
    return _read(content, columns, delimiter, count=count)


def _read(
    content: bytes, columns: Sequence[str], delimiter: str, *, count: int, quote: str | None = None
) -> pl.DataFrame | None:
    """Return the values of so many records; None if the reader finds another number."""
    if not count:
        return text_values(columns, [])
    try:
        values = pl.read_csv(
            content,
            has_header=False,
            schema=dict.fromkeys(columns, pl.String),
            separator=delimiter,
            quote_char=quote,
            truncate_ragged_lines=False,
        )
    except pl.exceptions.PolarsError:
        return None
    return values if len(values) == count else None


def _repeated_headers(
    values: pl.DataFrame, columns: Sequence[str], is_left_out: Flags
) -> list[int]:
    # Hardly any record ends with the name of its longest-named column.
    longest = max(range(len(columns)), key=lambda i: len(columns[i]))
    name = columns[longest]
    alike = values.get_column(name).str.strip_chars(" ").str.ends_with(name).fill_null(name == "")
    at = np.flatnonzero(alike.to_numpy() & ~is_left_out).tolist()
    return [i for i in at if is_header([v or "" for v in values.row(i)], columns)]


def _kept(values: pl.DataFrame, rows: Ints, is_left_out: Flags) -> tuple[pl.DataFrame, Ints]:
    at = np.flatnonzero(is_left_out)
    if not len(at):
        return values, rows
    if len(at) == 1 and at[0] == 0:
        return values.slice(1), rows[1:]
    return values.filter(~is_left_out), rows[~is_left_out]


class RawTextOfRows:
    """The text of records by their position among the kept ones."""

    def __init__(self, lines: Lines, rows: Ints) -> None:
        self._lines, self._rows = lines, rows

    def __call__(self, positions: Ints) -> list[str]:
        return self._lines.texts_of_rows(self._rows[positions])


def _mixed_records(
    lines: Lines, columns: Sequence[str], delimiter: str, header_at: Ints
) -> Records:
    """Read a stretch of plain, simply quoted and odd records, each kind in its own way."""
    if not len(lines.rows):
        return Records(text_values(columns, []), lines.rows, NONE_MALFORMED, lambda _: [])
    is_open = np.ones(len(lines.rows), np.bool_)
    is_open[header_at] = False
    parts, malformed = [], []
    for quote, is_of_kind in ((None, Lines.is_plain), ('"', is_simply_quoted)):
        is_read = is_open & is_of_kind(lines, len(columns), delimiter)
        part = _part(lines, is_read, columns, delimiter, quote)
        if part:
            parts.append(part[:2])
            malformed += part[2]
            is_open &= ~is_read
    odd = _odd_records(lines, np.flatnonzero(is_open), columns, delimiter)
    parts.append((text_values(columns, odd.fields), np.array(odd.rows, np.int64)))
    values, rows = _in_order(parts)
    every_malformed = malformed_frame([*malformed, *odd.malformed])
    raw_text = RawTextOfRows(lines, rows)
    return Records(values, rows, every_malformed, raw_text, len(header_at), odd.blank)


def _in_order(parts: Sequence[tuple[pl.DataFrame, Ints]]) -> tuple[pl.DataFrame, Ints]:
    filled = [part for part in parts if len(part[1])] or parts[:1]
    if len(filled) == 1:
        return filled[0]
    rows = np.concatenate([rows for _, rows in filled])
    order = np.argsort(rows, kind="stable")
    return pl.concat([values for values, _ in filled])[order], rows[order]


def _part(
    lines: Lines, is_read: Flags, columns: Sequence[str], delimiter: str, quote: str | None
) -> tuple[pl.DataFrame, Ints, list[Malformed]] | None:
    """Return the values of some records, their rows, and repeated headers among them.

    None if the reader doesn't find exactly these records.
    """
    rows = lines.rows[is_read]
    values = _read(lines.only(is_read), columns, delimiter, count=len(rows), quote=quote)
    if values is None:
        return None
    is_repeated = np.zeros(len(rows), np.bool_)
    is_repeated[_repeated_headers(values, columns, is_repeated)] = True
    texts = lines.texts_of_rows(rows[is_repeated])
    repeated = zip(rows[is_repeated].tolist(), texts, strict=True)
    return *_kept(values, rows, is_repeated), [(row, t, "repeated_header") for row, t in repeated]


@dataclass
class _OddRecords:
    """Records that were read one by one: the fields and row of each, or its defect."""

    fields: list[list[str]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)
    blank: int = 0


def _odd_records(lines: Lines, at: Ints, columns: Sequence[str], delimiter: str) -> _OddRecords:
    odd = _OddRecords()
    for index, row in zip(at.tolist(), lines.rows[at].tolist(), strict=True):
        line = lines.line(index)
        record = fields_or_defect(line, columns, delimiter) if line else None
        if record is None:
            odd.blank += 1
        elif isinstance(record, str):
            odd.malformed += [(row, lines.text(index), record)] * lines_swallowed(line, delimiter)
        else:
            odd.fields.append(record)
            odd.rows.append(row)
    return odd
