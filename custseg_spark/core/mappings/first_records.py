"""The first records of a source as text, from which a mapping is guessed."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FirstRecords:
    """The names of the columns and the first records, which may have more or fewer values.

    `table` is their table or sheet, `delimiter` separates a line's values. `header_row` is the
    header's row if anything stands above it, else 0; without a header (`has_header`) the names are
    made up. `nested` is the key of records within records. `row_numbers` are the numbers of the
    first rows, with the header's. `sheets` are all sheets of a workbook.
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
