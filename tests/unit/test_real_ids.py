"""Ids that a program has written as floating numbers, in each form of file: 17850.0 is 17850."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from checkout import HEADER

from custseg_spark.config.mappings import MappingFile, load_mapping
from custseg_spark.config.shipped import conf_dir
from custseg_spark.core.events.validation import validate_events
from custseg_spark.engine.sources.discovery import files
from custseg_spark.engine.sources.discovery.files import SourceFile
from custseg_spark.engine.sources.formats import csv, parquet, sqlite, xlsx
from custseg_spark.engine.sources.pieces import Piece

COLUMNS = HEADER.split(",")
AT = "2019-10-01 00:00:0{} UTC"
# As pandas writes a frame of integers with gaps: every column of numbers is REAL.
ROWS = [
    (AT.format(1), "view", 44600062.0, 2053013555631882.0, "a.b", "c", 35.79, 17850.0, "s1"),
    (AT.format(2), "cart", 3900821.0, None, None, None, 33.2, 500.0, None),
    (AT.format(3), "purchase", 17200506.0, 12.0, None, "c", 543.1, 541312140.0, "s2"),
    (AT.format(4), "view", 1.0, 12.0, None, "c", 0.0, None, "s2"),
]


def _csv(path: Path) -> None:
    lines = [",".join("" if v is None else str(v) for v in row) for row in ROWS]
    path.write_text("\n".join([HEADER, *lines]) + "\n")


def _database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        types = ("TEXT", "TEXT", "REAL", "REAL", "TEXT", "TEXT", "REAL", "REAL", "TEXT")
        columns = ", ".join(f"{c} {t}" for c, t in zip(COLUMNS, types, strict=True))
        connection.execute(f"CREATE TABLE Ecommerce_data ({columns})")
        connection.executemany("INSERT INTO Ecommerce_data VALUES (?,?,?,?,?,?,?,?,?)", ROWS)
        connection.commit()


def _workbook(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Ecommerce_data")
        for number, row in enumerate([COLUMNS, *ROWS]):
            sheet.write_row(number, 0, row)


def _parquet(path: Path) -> None:
    cells = zip(*ROWS, strict=True)
    pq.write_table(pa.table(dict(zip(COLUMNS, map(list, cells), strict=True))), path)


def _csv_pieces(file: SourceFile, mapping: MappingFile, _: Path) -> Sequence[Piece]:
    facts = csv.inspect(file, mapping, 1 << 20)
    assert not isinstance(facts, str)
    return csv.pieces(file, "f", facts)


def _database_pieces(file: SourceFile, mapping: MappingFile, staging: Path) -> Sequence[Piece]:
    return sqlite.pieces(sqlite.inspect(file, "f", mapping, staging))


def _workbook_pieces(file: SourceFile, mapping: MappingFile, staging: Path) -> Sequence[Piece]:
    sheet = xlsx.inspect(file, "f", mapping, staging)
    assert not isinstance(sheet, str)
    return xlsx.pieces(*sheet)


def _parquet_pieces(file: SourceFile, mapping: MappingFile, _: Path) -> Sequence[Piece]:
    opened = parquet.inspect(file, "f", mapping)
    assert not isinstance(opened, str)
    return parquet.pieces(opened)


Write = Callable[[Path], None]
Pieces = Callable[[SourceFile, MappingFile, Path], Sequence[Piece]]


def events(path: Path, write: Write, pieces: Pieces, **overrides: object) -> pl.DataFrame:
    """The events of the rows in a form of file, without their place in it."""
    write(path)
    mapping = load_mapping("ecommerce_events", overrides, [conf_dir() / "sources"])
    [file] = files.list_files(str(path))
    validated = [
        validate_events(
            records,
            mapping,
            source_file="log",
            file_id="f",
            latest=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for piece in pieces(file, mapping, path.parent / "staging")
        for records in piece.records(mapping)
    ]
    assert [row for part in validated for row in part.rejected["reasons"].to_list()] == [
        [{"code": "missing_customer", "field": "user_id", "value": None, "expected": "an id"}]
    ]
    return pl.concat(part.events for part in validated).drop("source_row")


@pytest.fixture(scope="module")
def of_parquet(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return events(tmp_path_factory.mktemp("real") / "log.parquet", _parquet, _parquet_pieces)


def test_real_ids_of_parquet_are_whole(of_parquet: pl.DataFrame) -> None:
    ids = of_parquet.select("customer_id", "product_id", "category_id")
    assert ids.rows() == [
        ("17850", "44600062", "2053013555631882"),
        ("500", "3900821", None),
        ("541312140", "17200506", "12"),
    ]


@pytest.mark.parametrize(
    ("name", "write", "pieces", "overrides"),
    [
        ("log.db", _database, _database_pieces, {}),
        ("log.xlsx", _workbook, _workbook_pieces, {}),
        ("log.csv", _csv, _csv_pieces, {}),
        ("log.csv", _csv, _csv_pieces, {"whole_numbers": ["product_id", "customer_id"]}),
    ],
    ids=["sqlite", "xlsx", "csv", "csv with whole_numbers"],
)
def test_the_same_real_ids_are_the_same_events_in_another_form(
    of_parquet: pl.DataFrame,
    tmp_path: Path,
    name: str,
    write: Write,
    pieces: Pieces,
    overrides: dict[str, object],
) -> None:
    in_another_form = events(tmp_path / name, write, pieces, **overrides)
    assert in_another_form.rows(named=True) == of_parquet.rows(named=True)


# More digits than a double holds: 1515915625519388267 as programs hand it on.
LOST = [(AT.format(1), "view", 1.0, None, None, None, 1.0, 1515915625519388000.0, "s1")]


@pytest.mark.parametrize("scientific_ids", [False, True])
@pytest.mark.parametrize("form", ["db", "xlsx", "parquet", "csv"])
def test_ids_beyond_what_a_double_holds_have_lost_digits_in_each_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, scientific_ids: bool
) -> None:
    monkeypatch.setattr("test_real_ids.ROWS", LOST)
    write, pieces = FORMS[form]
    path = tmp_path / f"log.{form}"
    write(path)
    said = {"scientific_ids": scientific_ids}
    mapping = load_mapping("ecommerce_events", said, [conf_dir() / "sources"])
    [file] = files.list_files(str(path))
    [piece] = pieces(file, mapping, tmp_path / "staging")
    [records] = piece.records(mapping)
    latest = datetime(2026, 1, 1, tzinfo=UTC)
    found = validate_events(records, mapping, source_file="x", file_id="f", latest=latest)
    if scientific_ids:
        assert found.events["customer_id"].to_list() == ["1.515915625519388E+18"]
    else:
        [[reason]] = found.rejected["reasons"].to_list()
        assert (reason["code"], reason["field"]) == ("lost_digits", "user_id")


FORMS: dict[str, tuple[Write, Pieces]] = {
    "db": (_database, _database_pieces),
    "xlsx": (_workbook, _workbook_pieces),
    "parquet": (_parquet, _parquet_pieces),
    "csv": (_csv, _csv_pieces),
}
