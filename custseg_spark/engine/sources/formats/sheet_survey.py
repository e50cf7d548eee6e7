"""Where a sheet of a workbook holds values, by its XML alone: the ledger's left side.

Independent of the library that reads the cells. That library takes memory for the whole rectangle
around all cells, so one stray cell at the far end would be hundreds of gigabytes: the survey says
whether a sheet is as spreadsheets write it, and its rectangle filled. No Spark in this module.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from custseg_spark.engine.sources.formats.workbook import Workbook
from custseg_spark.errors import InputError

# All columns of a sheet, each with some dozen bytes around its value.
_MOST_ROW_BYTES = 1 << 26
# Of the rectangle, at 32 bytes a cell.
MOST_CELLS = 1 << 26
_FEW_CELLS, _MOST_EMPTY = 1 << 22, 16
_ROW_END = re.compile(rb"</(?:\w+:)?row>")
_ROW_START = re.compile(rb"<(?:\w+:)?row\b[^>]*>")
_ROW_NUMBER = re.compile(rb'\sr="(\d+)"')
# A cell's value, or its text in place; not the empty ones that carry nothing but a format.
_VALUE = re.compile(rb"<(?:\w+:)?(?:v\b[^>/]*>[^<]|is\b[^>/]*>)")
_PLACED_CELL = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"')
# How a cell's element begins that may not say its place. To look for bytes is faster.
_CELL = (b"<c ", b"<c>", b"<c/")
# Comments, and texts in which tags may stand; tags of a prefix, or cut in lines; another encoding.
_NOT_PLAIN = (b"<!", b":c ", b":c>", b":row", b"<c\n", b"<c\r", b"<c\t", b"\x00")
_UTF8 = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>|<\w)")
_OTHER_ENCODING = re.compile(rb"""\A[^>]*encoding=["'](?!utf-8["'])""", re.I)


@dataclass
class Survey:
    """The numbers of the rows that hold a value, from 1, and whether the sheet is plain.

    In a plain one each cell says its place and stands in its row.
    """

    filled: list[int] = field(default_factory=list)
    is_plain: bool = True
    cells: int = 0
    columns: set[bytes] = field(default_factory=set)
    rows: set[int] = field(default_factory=set)

    @property
    def rectangle(self) -> int:
        """How many cells there are between the outermost ones."""
        if not self.columns:
            return 0
        numbers = [column_number(letters.decode()) for letters in self.columns]
        return (max(numbers) - min(numbers) + 1) * (max(self.rows) - min(self.rows) + 1)

    @property
    def is_dense(self) -> bool:
        """Whether the rectangle isn't much larger than its cells need."""
        return self.rectangle <= max(_FEW_CELLS, _MOST_EMPTY * self.cells)


def survey(book: Workbook, part: str) -> Survey:
    """Look at a sheet's part. Raises InputError for a row beyond the bounds."""
    result, number = Survey(), 0
    for rows in _stretches(book, part, result):
        numbers = []
        for row in _ROW_END.split(rows):
            # Rows of nothing stand before this one as empty elements.
            for start in _ROW_START.finditer(row):
                given = _ROW_NUMBER.search(start[0])
                number = int(given[1]) if given else number + 1
            numbers.append(number)
            if _VALUE.search(row):
                result.filled.append(number)
        _see_cells(rows, numbers, result)
    return result


def _see_cells(rows: bytes, numbers: list[int], result: Survey) -> None:
    """Note where the cells of some rows are, and whether each says so and is in one of these."""
    placed = _PLACED_CELL.findall(rows)
    columns, own_rows = zip(*placed, strict=True) if placed else ((), ())
    result.columns.update(columns)
    result.rows.update(numbers)
    result.cells += len(placed)
    result.is_plain &= set(own_rows) <= {b"%d" % number for number in numbers}
    result.is_plain &= len(placed) == sum(rows.count(beginning) for beginning in _CELL)


def _stretches(book: Workbook, part: str, result: Survey) -> Iterator[bytes]:
    """The XML of some whole rows after others, and what follows the last."""
    rest, is_first = b"", True
    for block in book.blocks(part):
        if is_first:
            result.is_plain &= bool(_UTF8.match(block)) and not _OTHER_ENCODING.match(block)
            is_first = False
        text = rest + block
        if result.is_plain:
            # With the end of the block before: a tag may be cut there.
            looked_at = text[max(0, len(rest) - 8) :]
            result.is_plain = not any(sign in looked_at for sign in _NOT_PLAIN)
        end = max(text.rfind(b"</row>"), text.rfind(b":row>"))
        if end >= 0:
            yield text[:end]
            text = text[end:]
        rest = text
        if len(rest) > _MOST_ROW_BYTES:
            raise InputError(f"{book.path}: a row of more than {_MOST_ROW_BYTES:,} bytes")
    yield rest


def column_number(letters: str) -> int:
    """Return the number of a column, from 1, by its letters: 28 of AB."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def column_letters(number: int) -> str:
    """Return the letters of a column by its number, from 1."""
    letters = ""
    while number:
        number, place = divmod(number - 1, 26)
        letters = chr(ord("A") + place) + letters
    return letters
