"""Workbooks with cells far away, in odd XML, larger than they look: read right or refused."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
import xlsxwriter

from custseg_spark.engine.sources.discovery.files import list_files
from custseg_spark.engine.sources.formats import limits, sheet_rewriting, sheet_survey, xlsx
from custseg_spark.errors import InputError

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = "xl/worksheets/sheet1.xml"


def workbook(folder: Path, rows: str | Iterable[bytes], around: str = "") -> Path:
    """A workbook whose sheet is of this XML."""
    with xlsxwriter.Workbook(folder / "made.xlsx") as book:
        book.add_worksheet("Sales").write(0, 0, "x")
    parts = (
        [f'{around}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'.encode()]
        if isinstance(rows, str)
        else rows
    )
    path = folder / "x.xlsx"
    with (
        zipfile.ZipFile(folder / "made.xlsx") as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            if name != SHEET:
                new.writestr(name, old.read(name))
        with new.open(SHEET, "w") as stream:
            for part in parts:
                stream.write(part)
    return path


def read(path: Path) -> list[tuple[int, list[str | None]]]:
    sheet = xlsx.open_sheet(list_files(str(path))[0], "Sales")
    rows = list(sheet.rows)
    assert [n for n, _ in rows] == list(sheet.filled)
    return rows


NEAR = '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c></row>'


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (NEAR, [(1, ["1", "2"])]),
        (
            f'{NEAR}<row r="1048576"><c r="XFD1048576"><v>3</v></c></row>',
            [(1, ["1", "2", None]), (1048576, [None, None, "3"])],
        ),
        (
            f'{NEAR}<row r="9"><c r="A9"><v>5</v></c><c r="AAA9"><v>7</v></c>'
            '<c r="AAC9"><v>8</v></c></row><row r="1048576"><c r="XFD1048576"/></row>',
            [(1, ["1", "2", None, None, None]), (9, ["5", None, "7", None, "8"])],
        ),
        # What stands in a comment is nothing; a place may be in other quotes, or left out.
        (
            "<row><!-- <c r=\"A1\"><v>9</v></c> --><c><v>1</v></c><c r='C1'><v>2</v></c>"
            "<c><v>3</v></c></row><row/><row><c><v>4</v></c></row>",
            [(1, ["1", None, "2", "3"]), (3, ["4", None, None, None])],
        ),
        (
            '<row r="2"><c t="inlineStr"><is><r><t>a&amp;</t></r><r><t> b</t></r>'
            "<rPh><t>no</t></rPh></is></c><c><f>1+1</f><v>2</v></c></row>",
            [(2, ["a& b", "2"])],
        ),
        ('<row r="5"><c r="B5"><v/></c></row>', []),
    ],
    ids=["plain", "far cell", "far columns", "odd", "runs", "empty"],
)
def test_a_cell_is_where_its_place_says(
    tmp_path: Path, rows: str, expected: list[tuple[int, list[str | None]]]
) -> None:
    assert read(workbook(tmp_path, rows)) == expected


def test_tags_may_have_a_prefix_and_another_encoding(tmp_path: Path) -> None:
    cells = '<x:row r="1"><x:c r="A1" t="str"><x:v>größer</x:v></x:c></x:row>'
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1"?>'
        f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData>{cells}</x:sheetData></x:worksheet>'
    )
    assert read(workbook(tmp_path, [text.encode("latin-1")])) == [(1, ["größer"])]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('<row r="1"><c r="&#88;FD1048576"><v>1</v></c></row>', "of row 1 says that it is at XFD"),
        ('<row r="1"><c r="A4294967295"><v>1</v></c></row>', "of row 1 says that it is at A429"),
        ('<row r="99999999"><c r="A99999999"><v>1</v></c></row>', "row 99999999: a sheet has"),
        ('<row r="1"><!----><c r="ZZZ1"><v>1</v></c></row>', "a cell beyond column 16,384"),
        ('<row r="3"><!----><c><v>1</v></c></row><row r="2"><c><v>1</v></c></row>', "comes after"),
        (f'<row r="1"><c r="A1"><v>{"1" * 5_000_000}</v></c></row>', "a cell of more than 4,194"),
        ('<row r="1"><c r="A1"><v>1</v>', "the workbook can't be read"),
        ("<row><![CDATA[<c>]]></row" * 3, "the workbook is damaged"),
    ],
    ids=["escaped", "row", "beyond rows", "column", "order", "long", "cut", "unclosed"],
)
def test_what_no_sheet_has_is_refused(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(workbook(tmp_path, rows))


def test_entities_that_grow_are_refused(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    declared = f'<!DOCTYPE worksheet [<!ENTITY e0 "{"x" * 99}">{entities}]>'
    with pytest.raises(InputError, match="the workbook is damaged"):
        read(workbook(tmp_path, '<row><c t="str"><v>&e11;</v></c></row>', declared))


def test_more_cells_than_the_memory_is_for_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(
        f'<row r="{n}"><c r="{"ABCD"[n % 4]}{n}"><v>1</v></c></row>' for n in range(1, 9)
    )
    path = workbook(tmp_path, rows)
    assert len(read(path)) == 8
    for module in (sheet_survey, sheet_rewriting, xlsx):
        monkeypatch.setattr(module, "MOST_CELLS", 31)
    with pytest.raises(InputError, match=r"8 rows of 4 columns are more than 31 cells"):
        read(path)


def test_a_part_that_unpacks_to_far_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HARMLESS_BYTES", 1 << 20)
    path = workbook(tmp_path, f"{NEAR}{'<row/>' * 400_000}")
    with pytest.raises(InputError, match=r"sheet1\.xml unpacks to more than 200 times its"):
        read(path)
    # Whatever length the archive itself gives.
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        true = archive.getinfo(SHEET).file_size
    path.write_bytes(content.replace(true.to_bytes(4, "little"), (64).to_bytes(4, "little")))
    with pytest.raises(InputError, match=r"sheet1\.xml unpacks to more than 200 times its"):
        read(path)


@pytest.mark.parametrize("name", [SHEET, SHEET.upper()])
def test_a_part_that_is_there_twice_is_refused(tmp_path: Path, name: str) -> None:
    path = workbook(tmp_path, NEAR)
    with (
        zipfile.ZipFile(path, "a") as archive,
        pytest.warns(UserWarning, match="Dup") if (name == SHEET) else zipfile.ZipFile(path),
    ):
        archive.writestr(name, "other")
    with pytest.raises(InputError, match="has a part twice"):
        read(path)
