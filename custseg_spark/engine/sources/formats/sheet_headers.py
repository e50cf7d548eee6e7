"""Headers of sheets: which row names the columns, below titles and empty rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from custseg_spark.core.mappings.mapping import SourceMapping
from custseg_spark.engine.sources import headers

# A title and an empty row or two stand above a header, not more.
_ROWS_LOOKED_AT = 50

Row = list[str | None]


@dataclass(frozen=True)
class Header:
    """A sheet's columns, the row that names them, how many filled rows it and titles above are,
    and the filled rows that follow."""

    columns: tuple[str, ...]
    row: int
    lines: int
    rows: Iterator[tuple[int, Row]]


def header_of(rows: Iterator[tuple[int, Row]], mapping: SourceMapping) -> Header:
    """The header that the mapping says, else the first row with the most columns that it needs."""
    if mapping.columns_without_header:
        return Header(mapping.columns_without_header, 0, 0, rows)
    first = list(islice(rows, _ROWS_LOOKED_AT))
    at = 0
    if mapping.header_row:
        at = next((i for i, (n, _) in enumerate(first) if n >= mapping.header_row), 0)
    else:
        cells = [[cell or "" for cell in row] for _, row in first]
        at = headers.likeliest_row(cells, mapping) - 1
    row, header = first[at] if first else (1, Row())
    columns = tuple(name or "" for name in header)
    while columns and not columns[-1]:
        columns = columns[:-1]
    return Header(columns, row, at + 1, chain(first[at + 1 :], rows))


def lacking(header: Header, mapping: SourceMapping) -> str | None:
    """Why a sheet isn't one of a mapping's."""
    if not header.columns:
        return "an empty sheet"
    absent = [c for c in mapping.required_source_columns if c not in header.columns]
    return f"another sheet: it has no column '{absent[0]}'" if absent else None
