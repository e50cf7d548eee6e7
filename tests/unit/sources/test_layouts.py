"""Layouts of text and workbooks: headers, titles, runs of blanks, fixed widths, sheets."""

import gzip
import lzma
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from custseg_spark.config.mappings import MappingFile, mapping_of
from custseg_spark.core.events.validation import validate_events
from custseg_spark.engine.sources.discovery.files import list_files
from custseg_spark.engine.sources.formats import csv, texts, xlsx
from custseg_spark.engine.sources.formats.xlsx import XlsxFile
from custseg_spark.engine.sources.heads import head
from custseg_spark.errors import InputError

LATEST = datetime(2026, 1, 1, tzinfo=UTC)
LOG = {
    "event_at_formats": ["unix_s"],
    "columns": {"event_at": "ts", "event_type": "kind", "customer_id": "user"},
    "event_types": {"pv": "view", "buy": "purchase"},
}
SALES = {
    "event_at_formats": ["yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss", "yyyyMMdd"],
    "event_type": "purchase",
    "columns": {"event_at": "day", "customer_id": "who", "unit_price": "price"},
}
NAMES = ["user", "item", "category", "kind", "ts"]


def log(**more: Any) -> MappingFile:
    return mapping_of({**LOG, **more}, "log")


def sales(**more: Any) -> MappingFile:
    return mapping_of({**SALES, **more}, "sales")


def read(path: Path, mapping: MappingFile) -> tuple[texts.TextFacts, pl.DataFrame, pl.DataFrame]:
    """The facts of a text file, its events and its refused records; the ledger adds up."""
    [file] = list_files(str(path))
    facts = csv.inspect(file, mapping, 64)
    assert not isinstance(facts, str)
    events, rejected, counted = [], [], 0
    for piece in csv.pieces(file, "f", facts):
        for records in piece.records(mapping):
            found = validate_events(records, mapping, source_file="x", file_id="f", latest=LATEST)
            events.append(found.events)
            rejected.append(found.rejected)
            counted += records.physical
    assert counted == facts.physical_records
    kept, refused = pl.concat(events), pl.concat(rejected)
    assert len(kept) + len(refused) + facts.blank + facts.header_lines == facts.physical_records
    return facts, kept, refused


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_file_without_a_header_loses_no_record(tmp_path: Path) -> None:
    lines = [f"{n},7,3,{'buy' if n % 2 else 'pv'},151218910{n}" for n in range(10)]
    path = write(tmp_path / "UserBehavior.csv", *lines)
    facts, events, rejected = read(path, log(columns_without_header=NAMES))
    assert (facts.header_lines, len(events), len(rejected)) == (0, 10, 0)
    assert events["customer_id"].to_list() == [str(n) for n in range(10)]
    assert events["source_row"].to_list() == list(range(1, 11))


@pytest.mark.parametrize(
    ("first", "columns"),
    [
        ("1,1,1,buy,1512189107", {"event_at": "1512189107", "customer_id": "1"}),
        ("a@b.de,x,2019-10-01 00:00:00", {}),
        ("1,2014-04-07T10:51:09.277Z,214536502,0", {}),
        ("u,12.90", {}),
    ],
)
def test_a_record_is_no_header(tmp_path: Path, first: str, columns: dict[str, str]) -> None:
    path = write(tmp_path / "log.csv", first, first.replace("1", "2"))
    mapping = sales(columns={**SALES["columns"], **columns})  # type: ignore[dict-item]
    with pytest.raises(InputError, match=r"row 1: its first line looks like a record.*columns_wit"):
        read(path, mapping)


def test_a_year_is_a_columns_name(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "day,who,price,2019,2020", "2024-03-01,a,1,2,3")
    assert len(read(path, sales())[1]) == 1


def test_a_record_for_a_header_is_told_of_a_file_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", "x,2019-10-01", "y,2019-10-02")
    [file] = list_files(str(tmp_path))
    assert "looks like a record" in str(csv.inspect(file, sales(), 64))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_titles_above_a_header_are_header(tmp_path: Path, end: str) -> None:
    lines = ["Sales of March", "", "from,to,who", "day,who,price", "2024-03-01,a,1", "", "x,y,z"]
    path = tmp_path / "log.csv"
    path.write_bytes(end.join(lines).encode())
    facts, events, rejected = read(path, sales(header_row=4))
    assert (facts.header_lines, facts.blank, facts.physical_records) == (3, 2, 7)
    assert events["source_row"].to_list() == [5]
    assert rejected["source_row"].to_list() == [7]


def test_where_the_header_is_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "Sales", "", "day,who,price", "2024-03-01,a,1")
    with pytest.raises(InputError, match="has no column 'day'; row 3 has them: say header_row = 3"):
        read(path, sales())
    with pytest.raises(InputError, match="row 9: the header has no column"):
        read(path, sales(header_row=9))


def test_runs_of_blanks_part_values(tmp_path: Path) -> None:
    """As the customers of CDNOW are published."""
    path = write(tmp_path / "cdnow.txt", " 00001 19970101  1   11.77", "00002\t19970112  1 12.00  ",
                 "", " 00002 19970112", "  ")  # fmt: skip
    mapping = sales(delimiter="whitespace", columns_without_header=["who", "day", "n", "price"])
    facts, events, rejected = read(path, mapping)
    assert events.select("customer_id", "unit_price").rows() == [
        ("00001", pl.Series(["11.77"]).cast(pl.Decimal(18, 4))[0]),
        ("00002", pl.Series(["12.00"]).cast(pl.Decimal(18, 4))[0]),
    ]
    assert facts.blank == 1
    assert rejected["raw_record"].to_list() == [" 00002 19970112", "  "]


def test_runs_of_blanks_part_a_headers_names(tmp_path: Path) -> None:
    path = write(tmp_path / "log.txt", "day         who  price", "2024-03-01  a    1.5")
    assert read(path, sales(delimiter="whitespace"))[1]["customer_id"].to_list() == ["a"]


def test_columns_of_fixed_width(tmp_path: Path) -> None:
    rows = ["20240301Ännä Ö  1.50", "20240302          2", "20240303x", "20240304b      1.00 9"]
    path = write(tmp_path / "log.txt", *rows)
    mapping = sales(
        widths=[8, 7, 5], columns_without_header=["day", "who", "price"],
        optional_columns=["unit_price"],
    )  # fmt: skip
    _, events, rejected = read(path, mapping)
    assert events.select("customer_id", "unit_price").cast(pl.String).rows() == [
        ("Ännä Ö", "1.5000"),
        ("x", "0.0000"),
    ]
    reasons = {r: c[0]["code"] for r, c in rejected.select("source_row", "reasons").iter_rows()}
    assert reasons == {2: "missing_customer", 4: "wrong_field_count"}
    assert rejected["raw_record"].to_list() == [rows[1], rows[3]]


def test_lines_that_end_in_carriage_returns_are_told(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"day,who,price\r2024-03-01,a,1\r")
    with pytest.raises(InputError, match="carriage returns only; convert them to line feeds"):
        read(path, sales())
    [file] = list_files(str(path))
    with pytest.raises(InputError, match="carriage returns only; convert them to line feeds"):
        head(file, None, tmp_path)


def test_columns_without_names_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "day,,who,price,", "2024-03-01,,a,1,")
    with pytest.raises(InputError, match="has no name for columns 2, 5; name them"):
        read(path, sales())
    named = write(tmp_path / "index.csv", ",day,who,price", "0,2024-03-01,a,1")
    assert len(read(named, sales())[1]) == 1


@pytest.mark.parametrize(
    ("inner", "name"),
    [
        (gzip.compress(b"day,who\n"), "gzip"),
        (lzma.compress(b"day,who\n"), "xz"),
        (b"PAR1xxxx", "Parquet"),
        (b"PK\x03\x04xxx", "a zip archive or workbook"),
        (b"SQLite format 3\x00", "a SQLite database"),
    ],
    # gzip writes the time.
    ids=["gzip", "xz", "Parquet", "zip", "SQLite"],
)
@pytest.mark.parametrize(("outer", "compress"), [("gzip", gzip.compress), ("xz", lzma.compress)])
def test_what_was_compressed_twice_is_told(
    tmp_path: Path, outer: str, compress: Any, inner: bytes, name: str
) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(compress(inner))
    with pytest.raises(InputError, match=f"{outer} of {name}, expected text: decompress it once"):
        read(path, sales())


ROWS = [["2024-03-01", "a", 1], ["2024-03-02", "b", 2]]
HEADER = ["day", "who", "price"]


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return path


def sheets_of(path: Path, mapping: MappingFile) -> list[XlsxFile]:
    [file] = list_files(str(path))
    found = xlsx.inspect(file, "f", mapping, path.parent / f"{path.stem}-staging")
    assert not isinstance(found, str)
    return found


def days(found: Sequence[XlsxFile], mapping: MappingFile) -> list[str]:
    pieces = [piece for one in found if not one.file.skipped_because for piece in xlsx.pieces(one)]
    return [str(v) for p in pieces for r in p.records(mapping) for v in r.values["day"]]


TWO_YEARS = {
    "2009": [HEADER, *ROWS],
    "notes": [["made by", "hand"]],
    "2010": [HEADER, *ROWS, *ROWS],
}


def test_all_sheets_that_fit_are_files_of_their_own(tmp_path: Path) -> None:
    path = workbook(tmp_path / "log.xlsx", TWO_YEARS)
    found = sheets_of(path, sales())
    assert [(one.file.name, one.sheet, one.physical_records) for one in found] == [
        (f"{path}#2009", "2009", 3),
        (f"{path}#notes", "notes", 0),
        (f"{path}#2010", "2010", 5),
    ]
    assert found[0].file_id == "f" != found[2].file_id
    assert found[1].file.skipped_because == "another sheet: it has no column 'day'"
    assert len(days(found, sales())) == 6
    again = sheets_of(workbook(tmp_path / "again.xlsx", TWO_YEARS), sales(sheets="all"))
    assert [one.file_id for one in again] == [one.file_id for one in found]


@pytest.mark.parametrize("said", [{"sheets": ["2010"]}, {"table": "2010"}])
def test_a_mapping_names_its_sheets(tmp_path: Path, said: dict[str, Any]) -> None:
    path = workbook(tmp_path / "log.xlsx", TWO_YEARS)
    [found] = sheets_of(path, sales(**said))
    assert (found.file.name, found.file_id, found.physical_records) == (str(path), "f", 5)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"sheets": ["2011"]}, "there is no sheet '2011'"),
        ({"sheets": ["2009", "notes"]}, "sheet 'notes', row 1: the header has no column 'day'"),
    ],
)
def test_a_named_sheet_must_fit(tmp_path: Path, said: dict[str, Any], message: str) -> None:
    path = workbook(tmp_path / "log.xlsx", TWO_YEARS)
    with pytest.raises(InputError, match=message):
        sheets_of(path, sales(**said))


@pytest.mark.parametrize("said", [{}, {"header_row": 4}])
def test_a_header_below_titles_is_found(tmp_path: Path, said: dict[str, Any]) -> None:
    rows = [["Sales of March"], [], ["made", "by", "hand"], HEADER, *ROWS]
    [found] = sheets_of(workbook(tmp_path / "log.xlsx", {"s": rows}), sales(**said))
    assert (found.header, found.blank, found.physical_records) == (3, 1, 6)
    assert days([found], sales()) == ["2024-03-01", "2024-03-02"]


def test_a_sheet_without_a_header(tmp_path: Path) -> None:
    mapping = sales(columns_without_header=HEADER)
    [found] = sheets_of(workbook(tmp_path / "log.xlsx", {"s": ROWS}), mapping)
    assert (found.header, found.physical_records, len(days([found], mapping))) == (0, 2, 2)
    with pytest.raises(InputError, match="looks like a record"):
        sheets_of(workbook(tmp_path / "b.xlsx", {"s": ROWS}), sales())
