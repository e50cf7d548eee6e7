"""A sheet that isn't plain, or is mostly empty, written again without what is empty.

Its rows stand one below the other and far columns beside the near ones, so that a library may take
memory for the rectangle around them. No Spark in this module.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from custseg_spark.engine.sources.formats.sheet_survey import (
    MOST_CELLS,
    column_letters,
    column_number,
)
from custseg_spark.engine.sources.formats.workbook import Workbook
from custseg_spark.errors import InputError

MOST_COLUMNS, MOST_ROWS = 16_384, 1_048_576
# What stands further to the right than so many empty columns is moved near.
_WIDEST_GAP = 100
_PLACE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")


@dataclass
class _Row:
    """A row's cells that hold a value: the column's number, and the element's inside."""

    number: int
    cells: dict[int, str] = field(default_factory=dict)


def rewritten(book: Workbook, part: str, target: Path) -> list[int]:
    """Write the workbook with the sheet alone to `target`; the numbers of the rows in it.

    Raises InputError for cells beyond a sheet's end, or more than the bounds allow.
    """
    numbers, columns = _used(book, part)
    if len(numbers) * len(columns) > MOST_CELLS:
        raise InputError(
            f"{book.path}: {len(numbers):,} rows of {len(columns):,} columns are more than"
            f" {MOST_CELLS:,} cells; save the sheet as CSV"
        )
    places = _near(columns)
    with zipfile.ZipFile(target, "w") as archive:
        for name in book.beside(part):
            with archive.open(name, "w") as stream:
                for block in book.blocks(name):
                    stream.write(block)
        with archive.open(part, "w", force_zip64=True) as stream:
            stream.write(
                b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
                b"<sheetData>"
            )
            for place, row in enumerate(_rows(book, part), 1):
                stream.write(_written(row, place, places))
            stream.write(b"</sheetData></worksheet>")
    return numbers


def _used(book: Workbook, part: str) -> tuple[list[int], list[int]]:
    """Return the rows and the columns that hold a value."""
    numbers: list[int] = []
    columns: set[int] = set()
    for row in _rows(book, part):
        if numbers and row.number <= numbers[-1]:
            raise InputError(f"{book.path}: row {row.number} comes after row {numbers[-1]}")
        numbers.append(row.number)
        columns.update(row.cells)
    return numbers, sorted(columns)


def _near(columns: list[int]) -> dict[int, int]:
    """Return the new place of each column: gaps that are too wide are closed."""
    places, moved = {column: column for column in columns[:1]}, 0
    for before, column in pairwise(columns):
        moved += column - before - 1 if column - before > _WIDEST_GAP else 0
        places[column] = column - moved
    return places


def _written(row: _Row, number: int, places: dict[int, int]) -> bytes:
    cells = (
        f'<c r="{column_letters(places[column])}{number}"{inside}</c>'
        for column, inside in sorted(row.cells.items())
    )
    return f'<row r="{number}">{"".join(cells)}</row>'.encode()


class _Bytes(io.RawIOBase):
    """Blocks of bytes as a file to read."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        super().__init__()
        self._blocks, self._rest = iter(blocks), b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self._rest = self._rest or next(self._blocks, b"")
        block, self._rest = self._rest[:size], self._rest[size:]
        return block


def _rows(book: Workbook, part: str) -> Iterator[_Row]:
    """The rows that hold a value, in the file's order, by a parser of XML."""
    row, column = _Row(0), 0
    source = _Bytes(book.blocks(part))
    parents: list[ElementTree.Element] = []
    for event, element in ElementTree.iterparse(source, events=("start", "end")):
        kind = element.tag.rpartition("}")[2]
        if event == "start":
            parents.append(element)
            if kind == "row":
                row, column = _Row(_row_number(book, element, row.number)), 0
            continue
        parents.pop()
        if kind == "c":
            column = _column(book, element, row.number, column)
            inside = _inside(element)
            if inside is not None:
                row.cells[column] = inside
        elif kind == "row" and row.cells:
            yield row
        if kind in ("c", "row") or (parents and kind not in _OF_CELLS):
            # What has been seen; else the tree would grow to the whole sheet.
            parents[-1].remove(element)


_OF_CELLS = ("v", "is", "t", "r", "f", "rPh", "rPr")


def _row_number(book: Workbook, element: ElementTree.Element, before: int) -> int:
    given = element.get("r", "")
    number = int(given) if re.fullmatch(r"[0-9]{1,9}", given) else before + 1
    if not 0 < number <= MOST_ROWS:
        raise InputError(f"{book.path}: row {number}: a sheet has {MOST_ROWS:,}")
    return number


def _column(book: Workbook, cell: ElementTree.Element, row: int, before: int) -> int:
    """Return the column of a cell: that of its place, which is in its row, or the next."""
    given = cell.get("r")
    if given is None:
        number = before + 1
    else:
        place = _PLACE.fullmatch(given)
        if place is None or int(place[2]) != row:
            raise InputError(f"{book.path}: a cell of row {row} says that it is at {given[:40]}")
        number = column_number(place[1].upper())
    if number > MOST_COLUMNS:
        raise InputError(f"{book.path}: row {row}: a cell beyond column {MOST_COLUMNS:,}")
    return number


def _inside(cell: ElementTree.Element) -> str | None:
    """What stands in a cell's element behind its place; None without a value."""
    attributes = "".join(
        f" {name}={quoteattr(cell.get(name, ''))}" for name in ("t", "s") if name in cell.attrib
    )
    for child in cell:
        kind = child.tag.rpartition("}")[2]
        if kind == "v" and child.text:
            return f"{attributes}><v>{escape(child.text)}</v>"
        if kind == "is":
            return f'{attributes}><is><t xml:space="preserve">{escape(_text(child))}</t></is>'
    return None


def _text(item: ElementTree.Element) -> str:
    """Return a text in place, of its runs, without the signs of how it is spoken."""
    texts = []
    for child in item:
        kind = child.tag.rpartition("}")[2]
        if kind == "t":
            texts.append(child.text or "")
        elif kind == "r":
            texts.append(_text(child))
    return "".join(texts)
