"""Text with runs of blanks between values, or with columns of fixed width."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np
import polars as pl

from custseg_spark.core.events.lines import Lines
from custseg_spark.core.events.records import Records
from custseg_spark.core.events.text import RawTextOfRows, csv_records
from custseg_spark.core.mappings.mapping import WHITESPACE, SourceMapping

# The separator that `apart` puts between values.
SEPARATOR = "\x1f"
_LEADING, _TRAILING = re.compile(rb"(?m)^[ \t]+(?=[^ \t\n])"), re.compile(rb"(?m)(?<=\S)[ \t]+$")
_BETWEEN = re.compile(rb"[ \t]+")


@dataclass(frozen=True)
class Layout:
    """The separator of a line's values: a character, WHITESPACE, or columns of fixed width."""

    delimiter: str = ","
    widths: tuple[int, ...] = ()

    @classmethod
    def of(cls, mapping: SourceMapping) -> "Layout":
        """Return the layout of a mapping."""
        return cls(mapping.delimiter, mapping.widths)

    @property
    def is_spaced(self) -> bool:
        """Whether no single character separates the values."""
        return bool(self.widths) or self.delimiter == WHITESPACE


def spaced_records(
    content: bytes,
    columns: Sequence[str],
    widths: Sequence[int],
    *,
    first_row: int,
    header_row: int,
    has_titles: bool = False,
) -> Records:
    """Return the records of whole lines; the first is the file's line `first_row`, from 1.

    Without `widths` (in characters), runs of blanks and tabs separate values, except at a line's
    ends. A line that continues after its last column has one field too many.
    """
    lines = content.replace(b"\r\n", b"\n")
    records = csv_records(
        apart(lines, widths),
        columns,
        delimiter=SEPARATOR,
        first_row=first_row,
        header_row=header_row,
        has_titles=has_titles,
    )
    count = lines.count(b"\n") + (len(lines) > 0 and not lines.endswith(b"\n"))
    rows = np.arange(first_row, first_row + count, dtype=np.int64)
    as_written = Lines(lines, rows)
    raw = as_written.texts_of_rows(records.malformed["source_row"].to_numpy())
    return replace(
        records,
        raw_text=RawTextOfRows(as_written, records.rows),
        malformed=records.malformed.with_columns(raw_record=pl.Series(raw, dtype=pl.String)),
    )


def apart(lines: bytes, widths: Sequence[int]) -> bytes:
    """Put separators between the values of lines."""
    if not widths:
        trimmed = _TRAILING.sub(b"", _LEADING.sub(b"", lines))
        return _BETWEEN.sub(SEPARATOR.encode(), trimmed)
    bounds = list(pairwise(accumulate(widths, initial=0)))
    text = lines.decode("utf-8", "surrogateescape")
    cut = [_cut(line, bounds) for line in text.split("\n")]
    return "\n".join(cut).encode("utf-8", "surrogateescape")


def _cut(line: str, bounds: Sequence[tuple[int, int]]) -> str:
    if not line:
        return line
    values = [line[begin:end].strip(" \t") for begin, end in bounds]
    beyond = line[bounds[-1][1] :].strip()
    return SEPARATOR.join([*values, beyond] if beyond else values)
