"""The first records of workbooks: which sheet is looked at, where its header is."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import xlsxwriter

from custseg_spark.core.mappings import guessing, proposing, shapes
from custseg_spark.engine.sources import heads
from custseg_spark.engine.sources.discovery import files

ORDERS = [
    ["Order No", "Order Date", "Customer", "SKU", "Price"],
    *[[f"o{n}", f"2022-01-{n + 11}", f"c{n % 3}", f"s{n % 2}", 5.5] for n in range(6)],
]


def workbook(path: Path, **sheets: Sequence[Sequence[object]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return path


def proposed(path: Path) -> dict[str, object]:
    [file] = files.list_files(str(path))
    head = heads.head(file, None, path.parent)
    found = shapes.shapes(head.columns, head.rows)
    text = proposing.mapping_file(head, found, guessing.guess(found))
    return tomllib.loads(text)


def test_all_sheets_of_a_workbook_that_fit_are_proposed(tmp_path: Path) -> None:
    mapping = proposed(workbook(tmp_path / "a.xlsx", Year1=ORDERS, Year2=ORDERS))
    assert mapping["sheets"] == "all"
    assert "table" not in mapping


def test_a_sheet_of_words_before_the_records_is_passed_over(tmp_path: Path) -> None:
    notes = [["Exported by the till"], ["Ask Jo"]]
    mapping = proposed(workbook(tmp_path / "a.xlsx", Notes=notes, Orders=ORDERS))
    columns = mapping["columns"]
    assert isinstance(columns, dict)
    assert columns["customer_id"] == "Customer"


def test_a_header_below_its_title_has_the_row_of_the_sheet(tmp_path: Path) -> None:
    titled = [["Orders of January"], [], *ORDERS]
    mapping = proposed(workbook(tmp_path / "a.xlsx", Orders=titled))
    assert mapping["header_row"] == 3
