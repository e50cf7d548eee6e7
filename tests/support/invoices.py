"""Invoice lines of the `online_retail` mapping from literal values, in each form it comes in."""

import csv
import gzip
import io
import lzma
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import xlsxwriter

COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
_VALUES = {
    "InvoiceNo": "536365",
    "StockCode": "85123A",
    "Description": "WHITE HANGING HEART",
    "Quantity": "6",
    "InvoiceDate": "2010-12-01 08:26:00",
    "UnitPrice": "2.55",
    "CustomerID": "17850.0",
    "Country": "United Kingdom",
}
_NUMBERS = ("Quantity", "UnitPrice", "CustomerID")

Line = dict[str, str]


def invoice(**values: str) -> Line:
    """A good line, with the given values instead."""
    assert values.keys() <= _VALUES.keys()
    return _VALUES | values


def text(lines: Iterable[Line], columns: Sequence[str] = COLUMNS) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([line[c] for c in columns] for line in lines)
    return stream.getvalue().encode()


def write(path: Path, lines: Iterable[Line], columns: Sequence[str] = COLUMNS) -> Path:
    """The lines in the form that the name's ending says."""
    if path.suffix == ".xlsx":
        return _workbook(path, lines, columns)
    packed = {".gz": gzip.compress, ".xz": lzma.compress}.get(path.suffix, bytes)
    path.write_bytes(packed(text(lines, columns)))
    return path


def _workbook(path: Path, lines: Iterable[Line], columns: Sequence[str]) -> Path:
    """Numbers and times as such, as a spreadsheet has them; empty cells where there is nothing."""
    with xlsxwriter.Workbook(path, {"default_date_format": "m/d/yy h:mm"}) as book:
        sheet = book.add_worksheet("Online Retail")
        sheet.write_row(0, 0, columns)
        for row, line in enumerate(lines, start=1):
            for column, name in enumerate(columns):
                _write_cell(sheet, row, column, name, line[name])
    return path


def _write_cell(
    sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, name: str, value: str
) -> None:
    if name == "InvoiceDate":
        sheet.write_datetime(row, column, datetime.fromisoformat(value))
    elif value and (name in _NUMBERS or value.isdecimal()):
        sheet.write_number(row, column, float(value))
    elif value:
        sheet.write_string(row, column, value)
