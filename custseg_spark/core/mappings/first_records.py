"""The first records of a source as text, of which a mapping is guessed."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FirstRecords:
    """The names of the columns and the first records, which may have other widths.

    `table` is the table or sheet that they are of, `delimiter` what parts a line's values.
    `header_row` is the header's row where something stands above it, else 0; without a header
    (`has_header`) the names are ours. `nested` is the key under which records
    are in others, `row_numbers` are those of the first rows, the header's among them. `sheets` are
    all of a workbook.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str = ","
    table: str = ""
    has_line_breaks: bool = False
    header_row: int = 0
    has_header: bool = True
    nested: str = ""
    row_numbers: tuple[int, ...] = ()
    sheets: tuple[str, ...] = ()
