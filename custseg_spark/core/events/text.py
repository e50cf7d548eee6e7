"""Delimited text as records: ordinary ones by Polars, odd ones one by one."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from custseg_spark.core.events.lines import Lines, record_ends
from custseg_spark.core.events.odd_lines import fields_or_defect, is_header
from custseg_spark.core.events.records import (
    Flags,
    Ints,
    Malformed,
    Records,
    malformed_frame,
    text_values,
)

# A read of a frame that isn't one block would make every later step slower.
_ODD_MARKS = (b'"', b"\r", b"\0", b"\xef\xbb\xbf")


def csv_records(
    content: bytes, columns: Sequence[str], *, delimiter: str, first_row: int, header_row: int
) -> Records:
    """The records of whole lines, of which the first is the file's line `first_row`, from 1.

    `columns` are the header's names; `header_row` is the header's line in the file, left out if it
    is among these.
    """
    return _records_from(content, columns, delimiter, first_row, header_row, multiline=False)


def multiline_csv_records(
    content: bytes, columns: Sequence[str], *, delimiter: str, first_row: int, header_row: int
) -> Records:
    """The records of text whose quoted values may hold line breaks: rows count records.

    `content` is whole records, as of a file whose quotes are balanced.
    """
    return _records_from(content, columns, delimiter, first_row, header_row, multiline=True)


def line_records(
    lines: pa.StringArray,
    rows: Ints,
    columns: Sequence[str],
    *,
    delimiter: str,
    header_row: int = 0,
) -> Records:
    """The records of lines that a reader has cut already; `rows` ascend.

    No line holds a line feed; their bytes may not be UTF-8.
    """
    whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines.fill_null(""))
    joined = pc.binary_join(whole.cast(pa.list_(pa.binary())), b"\n")
    content = joined[0].as_py() + b"\n" if len(lines) else b""
    stretch = Lines(content.replace(b"\r\n", b"\n"), rows)
    return _records(stretch, columns, delimiter, np.flatnonzero(rows == header_row))


def _records_from(
    content: bytes,
    columns: Sequence[str],
    delimiter: str,
    first_row: int,
    header_row: int,
    *,
    multiline: bool,
) -> Records:
    if b"\r\n" in content:
        content = content.replace(b"\r\n", b"\n")
    has_quoted_ends = multiline and b'"' in content
    if has_quoted_ends:
        count = len(record_ends(content, multiline=True))
    else:
        count = content.count(b"\n") + (len(content) > 0 and not content.endswith(b"\n"))
    rows = np.arange(first_row, first_row + count, dtype=np.int64)
    stretch = Lines(content, rows, has_quoted_ends)
    return _records(stretch, columns, delimiter, np.flatnonzero(rows == header_row))


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
    return Records(values, rows, malformed_frame(malformed), _raw_text(lines, rows), len(header_at))


def _plain_values(lines: Lines, columns: Sequence[str], delimiter: str) -> pl.DataFrame | None:
    """The values of a stretch of ordinary records alone; None where there may be others."""
    content, count = lines.content, len(lines.rows)
    if not count or len(columns) < 2 or len(delimiter.encode()) > 1:
        return None
    if any(mark in content for mark in _ODD_MARKS):
        return None
    if content.count(delimiter.encode()) != (len(columns) - 1) * count:
        return None
    try:
        values = _read(content, columns, delimiter)
    except pl.exceptions.PolarsError:
        return None
    # As many delimiters as all records need, and none has too many: each has exactly its own.
    return values if len(values) == count else None


def _read(content: bytes, columns: Sequence[str], delimiter: str) -> pl.DataFrame:
    return pl.read_csv(
        content,
        has_header=False,
        schema=dict.fromkeys(columns, pl.String),
        separator=delimiter,
        quote_char=None,
        truncate_ragged_lines=False,
    )


def _repeated_headers(
    values: pl.DataFrame, columns: Sequence[str], is_left_out: Flags
) -> list[int]:
    # Nearly no record ends its longest-named column with that name.
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


def _raw_text(lines: Lines, rows: Ints) -> "RawTextOfRows":
    return RawTextOfRows(lines, rows)


class RawTextOfRows:
    """The text of records by their position among those that were kept."""

    def __init__(self, lines: Lines, rows: Ints) -> None:
        self._lines, self._rows = lines, rows

    def __call__(self, positions: Ints) -> list[str]:
        return self._lines.texts_of_rows(self._rows[positions])


def _mixed_records(
    lines: Lines, columns: Sequence[str], delimiter: str, header_at: Ints
) -> Records:
    """The records of a stretch with odd ones among them, which are read one by one."""
    if not len(lines.rows):
        values = text_values(columns, [])
        return Records(values, lines.rows, malformed_frame([]), RawTextOfRows(lines, lines.rows))
    is_odd = lines.is_odd(len(columns), delimiter)
    is_odd[header_at] = True
    values, rows, malformed = _ordinary(lines, is_odd, columns, delimiter)
    is_header_row = set(header_at.tolist())
    fields: list[list[str]] = []
    odd_rows: list[int] = []
    blank = 0
    for index in np.flatnonzero(is_odd).tolist():
        if index in is_header_row:
            continue
        line = lines.line(index)
        if not line:
            blank += 1
            continue
        found = fields_or_defect(line, columns, delimiter)
        row = int(lines.rows[index])
        if isinstance(found, str):
            malformed.append((row, lines.text(index), found))
        else:
            fields.append(found)
            odd_rows.append(row)
    if fields:
        values = pl.concat([values, text_values(columns, fields)])
        rows = np.concatenate([rows, np.array(odd_rows, np.int64)])
        order = np.argsort(rows, kind="stable")
        values, rows = values[order], rows[order]
    raw_text = RawTextOfRows(lines, rows)
    return Records(values, rows, malformed_frame(malformed), raw_text, len(header_at), blank)


def _ordinary(
    lines: Lines, is_odd: Flags, columns: Sequence[str], delimiter: str
) -> tuple[pl.DataFrame, Ints, list[Malformed]]:
    content, rows = lines.without(is_odd), lines.rows[~is_odd]
    if not content:
        return text_values(columns, []), rows, []
    values = _read(content, columns, delimiter)
    none_left_out = np.zeros(len(rows), np.bool_)
    repeated = _repeated_headers(values, columns, none_left_out)
    malformed = [
        (int(row), text, "repeated_header")
        for row, text in zip(rows[repeated], lines.texts_of_rows(rows[repeated]), strict=True)
    ]
    none_left_out[repeated] = True
    values, rows = _kept(values, rows, none_left_out)
    return values, rows, malformed
