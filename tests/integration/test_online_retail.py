"""Invoices: returns, cleaning, duplicates, forms of file, through the job; broken files."""

import json
import lzma
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from checkout import SHARED_DATA, job
from invoices import COLUMNS, Line, invoice, text, write
from ledger import Ledger, Read, RunJob, events, ledger, reading, reasons, utc
from pyspark.sql import SparkSession

from custseg_spark.config.mappings import load_mapping
from custseg_spark.config.settings import LakeConfig
from custseg_spark.config.shipped import conf_dir
from custseg_spark.core.events.validation import validate_events
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES, SESSIONS
from custseg_spark.engine.sources.discovery import files
from custseg_spark.engine.sources.formats import csv, unpacking, xlsx
from custseg_spark.errors import ConfigurationError, InputError, RejectedShareError

STRICT = ("--set", "sources.online_retail.cleaning=strict")
KEEP = ("--set", "sources.online_retail.duplicates=keep")
ALL_ALLOWED = ("--set", "sources.online_retail.max_rejected_share=1")

SOLD = invoice()
AGAIN = invoice(InvoiceNo="536366", InvoiceDate="2010-12-01 08:28:00", Quantity="10")
CANCELLED = invoice(InvoiceNo="C536379", Quantity="-4")
WRITTEN_OFF = invoice(InvoiceNo="536380", Quantity="-1")
FREE = invoice(InvoiceNo="536381", UnitPrice="0.0")
NAMES = ("a.csv", "b.csv.gz", "c.csv.xz", "d.xlsx")
LINES = [SOLD, SOLD, AGAIN, CANCELLED, WRITTEN_OFF, FREE, invoice(CustomerID="", StockCode="1")]


def ingest(*paths: Path, more: tuple[str, ...] = ()) -> list[str]:
    sources = [a for path in paths for a in ("--source", f"online_retail={path}")]
    return ["ingest", *sources, *more, *(ALL_ALLOWED if ALL_ALLOWED[1] not in more else ())]


@pytest.fixture(scope="module")
def forms(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of the same lines in every form."""
    folder, lake_dir = tmp_path_factory.mktemp("invoices"), tmp_path_factory.mktemp("lake")
    for name in NAMES:
        write(folder / name, LINES)
    name, *arguments = ingest(folder)
    job(name).run(["--lake", str(lake_dir), *arguments])
    return Lake(spark, LakeConfig(path=str(lake_dir)))


def test_the_same_lines_are_the_same_events_in_every_form(forms: Lake) -> None:
    rows = len(LINES) + 1
    assert ledger(reading(forms)) == {
        name: Ledger(rows, 1, 0, 5 if name == "a.csv" else 0, 1, 1 if name == "a.csv" else 6)
        for name in NAMES
    }
    refused = {key: [r.code for r in found] for key, found in reasons(reading(forms)).items()}
    assert refused == {(name, 8): ["missing_customer"] for name in NAMES}


def test_every_sign_of_a_return_makes_a_return(forms: Lake) -> None:
    rows_read = {row: event for (_, row), event in events(reading(forms)).items()}
    found = {
        row: (e.event_type, e.order_id, e.quantity, e.unit_price) for row, e in rows_read.items()
    }
    price = Decimal("2.5500")
    assert found == {
        2: ("purchase", "536365", 6, price),
        4: ("purchase", "536366", 10, price),
        5: ("return", "C536379", 4, price),
        6: ("return", "536380", 1, price),
        7: ("purchase", "536381", 6, Decimal(0)),
    }
    first = rows_read[2]
    ids = (first.customer_id, first.product_id, first.store)
    assert ids == ("17850", "85123A", "United Kingdom")
    assert (utc(first.event_at), first.session_id) == ("2010-12-01 08:26:00", None)
    sessions = reading(forms)(SESSIONS)
    totals = [sum(row[name] for row in sessions) for name in ("purchase_amount", "return_amount")]
    assert totals == [16 * price, 5 * price]


def test_a_lake_that_holds_returns_is_not_for_strict_figures(forms: Lake, tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", [invoice(InvoiceNo="1")])
    name, *arguments = ingest(log, more=STRICT)
    with pytest.raises(ConfigurationError, match="holds what that would refuse"):
        job(name).run(["--lake", forms.config.path, *arguments])
    assert len(forms.rows(EVENTS)) == 5


def test_strict_cleaning_refuses_returns_and_lines_of_nothing_by_reason(
    run_job: RunJob, read: Read, tmp_path: Path
) -> None:
    none = invoice(InvoiceNo="536382", Quantity="0")
    log = write(tmp_path / "log.csv", [*LINES, none])

    run_job(*ingest(log, more=STRICT))

    assert ledger(read) == {"log.csv": Ledger(9, 1, 0, 2, 5, 1)}
    found = {row: [tuple(r) for r in given] for (_, row), given in reasons(read).items()}
    more, no_return = "more than 0", "no return"
    assert found == {
        5: [
            ("returned", "InvoiceNo", "C536379", no_return),
            ("returned", "Quantity", "-4", no_return),
        ],
        6: [("returned", "Quantity", "-1", no_return)],
        7: [("not_positive", "UnitPrice", "0.0", more)],
        8: [("missing_customer", "CustomerID", None, "an id")],
        9: [("not_positive", "Quantity", "0", more)],
    }


def test_kept_duplicates_are_those_within_a_file(
    run_job: RunJob, read: Read, tmp_path: Path
) -> None:
    first = write(tmp_path / "first.csv", [SOLD, AGAIN, SOLD, SOLD])
    overlapping = write(tmp_path / "second.csv", [FREE, SOLD, SOLD])

    run_job(*ingest(first, overlapping, more=KEEP))
    workbook = write(tmp_path / "third.xlsx", [SOLD, SOLD, SOLD, SOLD])
    run_job(*ingest(workbook, more=KEEP))

    assert ledger(read) == {
        "first.csv": Ledger(5, 1, 0, 4, 0, 0),
        "second.csv": Ledger(4, 1, 0, 1, 0, 2),
        "third.xlsx": Ledger(5, 1, 0, 1, 0, 3),
    }
    orders = Counter(row.order_id for row in read(EVENTS))
    assert orders == {"536365": 4, "536366": 1, "536381": 1}


def test_a_sheet_as_people_make_it(tmp_path: Path) -> None:
    """Rows of nothing, a formatted end, a time at midnight, a line break, a stray value."""
    path, at = tmp_path / "made.xlsx", datetime(2011, 1, 2)
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm"}) as book:
        book.add_worksheet("Notes").write(0, 0, "see the other sheet")
        sheet = book.add_worksheet("Sales")
        sheet.write_row(2, 0, [*COLUMNS, ""])
        sheet.write_row(3, 0, [536365, "85123A", "two\nlines", 6, at, 2.55, 17850, "UK"])
        sheet.write_row(6, 0, [536366, 71053, " ", 1, at, 0.1 + 0.2, 1e16, "UK", None, "?"])
        sheet.write_row(7, 0, ["C1", True, None, -1.5, "soon", 1, "none", None])
        sheet.write_blank(20, 3, None, book.add_format({"bold": True}))
    [file] = files.list_files(str(path))
    mapping = load_mapping("online_retail", {"table": "Sales"}, [conf_dir() / "sources"])

    sheet_file = xlsx.inspect(file, "f", mapping, tmp_path)

    assert not isinstance(sheet_file, str)
    [sheet_file] = sheet_file
    counts = (sheet_file.physical_records, sheet_file.blank)
    assert (sheet_file.columns, *counts) == (COLUMNS, 8, 4)
    [piece] = xlsx.pieces(sheet_file)
    [records] = piece.records(mapping)
    midnight = "2011-01-02 00:00:00"
    assert records.values.rows() == [
        ("536365", "85123A", "two\nlines", "6", midnight, "2.55", "17850", "UK"),
        ("C1", "TRUE", None, "-1.5", "soon", "1", "none", None),
    ]
    assert records.rows.tolist() == [4, 8]
    [(row, raw, defect)] = records.malformed.rows()
    assert (row, defect) == (7, "wrong_field_count")
    assert json.loads(raw) == {
        "InvoiceNo": "536366",
        "StockCode": "71053",
        "Quantity": "1",
        "InvoiceDate": midnight,
        "UnitPrice": "0.3",
        "CustomerID": "1.0E16",
        "Country": "UK",
    }


@pytest.fixture(scope="module")
def empty_lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake for runs that must leave nothing in it."""
    lake = Lake(spark, LakeConfig(path=str(tmp_path_factory.mktemp("empty"))))
    lake.create([EVENTS, INGEST_FILES])
    return lake


def _misnamed(path: Path) -> Path:
    columns = tuple(c.replace("CustomerID", "Customer ID") for c in COLUMNS)
    lines = [{c.replace("CustomerID", "Customer ID"): v for c, v in SOLD.items()}]
    return write(path, lines, columns)


def _bytes(name: str, content: bytes) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return made


def _archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "archive.xlsx", "w") as archive:
        archive.writestr("letter.txt", "not a workbook")
    return folder / "archive.xlsx"


def _hollow(folder: Path) -> Path:
    """A workbook whose sheet isn't there."""
    whole = write(folder / "whole.xlsx", [SOLD])
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(folder / "hollow.xlsx", "w") as new:
        for name in old.namelist():
            if "worksheets" not in name:
                new.writestr(name, old.read(name))
    return folder / "hollow.xlsx"


PACKED = lzma.compress(text([invoice(StockCode=str(n * n)) for n in range(2000)]))
BINARY = "binary content; expected CSV text, gzip, xz, JSON, XLSX, Parquet or SQLite"


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda f: _misnamed(f / "x.csv"), "row 1: the header has no column 'CustomerID'; did you"),
        (
            lambda f: _misnamed(f / "x.xlsx"),
            "sheet 'Online Retail', row 1: the header has no column 'CustomerID'; did you mean",
        ),
        (_bytes("short.xz", PACKED[:-100]), "broken xz file: it ends before its end marker"),
        (
            _bytes("mixed.xz", PACKED + b"garbage " * 4),
            "broken xz file: Input format not supported",
        ),
        (_bytes("bent.xz", PACKED[:900] + b"??" + PACKED[902:]), "broken xz file: Corrupt input"),
        (_archive, BINARY),
        (_bytes("cut.xlsx", b"PK\x03\x04\x14\x00\x00\x00\x08\x00"), BINARY),
        (_bytes("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "one of Excel before 2007"),
        (_hollow, "the workbook"),
    ],
    ids=lambda value: None if callable(value) else str(value)[:40],
)
def test_a_file_that_cannot_be_read_is_named(
    empty_lake: Lake, tmp_path: Path, made: Callable[[Path], Path], message: str
) -> None:
    path = made(tmp_path)
    with pytest.raises(InputError) as caught:
        job("ingest").run(["--lake", empty_lake.config.path, *ingest(path)[1:]])
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert not empty_lake.rows(EVENTS)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            [invoice(InvoiceDate=f"01.12.2010 08:{n}") for n in range(10, 20)],
            "unparseable_time: 10 records, first {path}, row 2: InvoiceDate = '01.12.2010 08:10',"
            " expected yyyy-MM-dd HH:mm:ss or M/d/yyyy H:mm",
        ),
        (
            [invoice(CustomerID=c) for c in ("abc", "17850.5", "1e5", "17 850", "-", "0x1F")],
            "not_an_integer: 6 records, first {path}, row 2: CustomerID = 'abc', expected an integ",
        ),
    ],
    ids=["times", "customers"],
)
def test_too_much_of_one_kind_ends_the_job_with_an_example(
    empty_lake: Lake, tmp_path: Path, bad: list[Line], message: str
) -> None:
    path = write(tmp_path / "log.csv", [*bad, SOLD])
    with pytest.raises(RejectedShareError) as caught:
        job("ingest").run(["--lake", empty_lake.config.path, "--source", f"online_retail={path}"])
    assert message.format(path=path) in str(caught.value)
    assert not empty_lake.rows(EVENTS)


def test_an_xz_file_may_have_several_streams_and_padding(tmp_path: Path) -> None:
    whole = text([SOLD, AGAIN])
    path = tmp_path / "log.csv.xz"
    path.write_bytes(lzma.compress(whole[:50]) + bytes(8) + lzma.compress(whole[50:]) + bytes(4))
    [file] = files.list_files(str(path))
    unpacked = unpacking.unpacked(file, tmp_path / "text")
    assert unpacked.data.read_bytes() == whole
    assert (unpacked.kind, unpacked.path, unpacked.sha256) == ("text", path, file.sha256)


REAL = SHARED_DATA / "online_retail.csv.xz"


@pytest.mark.shared_data
@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not there")
def test_the_reference_counts_come_out_exactly() -> None:
    """Of the whole real data set, strictly cleaned: definitions and counts as published."""
    mapping = load_mapping("online_retail", {"cleaning": "strict"}, [conf_dir() / "sources"])
    [file] = files.list_files(str(REAL))
    facts = csv.inspect(file, mapping, 1 << 23)
    assert not isinstance(facts, str)
    assert facts.physical_records == 541_910
    [piece] = csv.pieces(file, "f", facts)
    latest = datetime(2012, 1, 1, tzinfo=UTC)
    validated = [
        validate_events(part, mapping, source_file=file.name, file_id="f", latest=latest)
        for part in piece.records(mapping)
    ]
    reasons = pl.concat([part.rejected for part in validated])["reasons"].explode()
    codes = reasons.struct.unnest().group_by("code", "field").len()
    assert {(code, field): count for code, field, count in codes.iter_rows()} == {
        ("missing_customer", "CustomerID"): 135_080,
        ("returned", "InvoiceNo"): 9_288,
        ("returned", "Quantity"): 10_624,
        ("not_positive", "UnitPrice"): 2_515,
        ("negative", "UnitPrice"): 2,
    }
    events = pl.concat([part.events for part in validated])
    assert [_totals(frame) for frame in (events, events.unique("event_id"))] == [
        (397_884, Decimal("8911407.9040"), 18_532, 4_338),
        (392_692, Decimal("8887208.8940"), 18_532, 4_338),
    ]


def _totals(events: pl.DataFrame) -> tuple[int, Decimal, int, int]:
    amounts = zip(events["unit_price"], events["quantity"], strict=True)
    spent = sum((price * quantity for price, quantity in amounts), Decimal(0))
    return len(events), spent, events["order_id"].n_unique(), events["customer_id"].n_unique()
