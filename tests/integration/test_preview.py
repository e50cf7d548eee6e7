"""Preview: proposals for unknown files, and what a mapping makes of a file."""

import gzip
import os
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from checkout import HEADER, write_log
from invoices import COLUMNS, invoice, write
from ledger import Ledger, Read, RunJob, ledger, line, lines

from custseg_spark.config.mappings import MappingFile, mapping_of
from custseg_spark.core.mappings import guessing, proposing, shapes
from custseg_spark.engine.sources import heads
from custseg_spark.engine.sources.discovery import files
from custseg_spark.errors import InputError, RejectedShareError
from custseg_spark.interfaces.cli import preview

CLICKS = [
    f"{1433221332117 + n * 1000};{n % 7};{kind};{n};{order}"
    for n, (kind, order) in enumerate(
        [("view", ""), ("addtocart", ""), ("transaction", "9"), ("remove_from_cart", "")] * 5
    )
]
SALES = [
    f'CA-{n // 2},{n + 1}/2/2021 9:05,"Doe, Jo",C{n % 9},"two\nlines",S-{n},{n - 3},9.90,Bern'
    for n in range(20)
]


def proposed(path: Path) -> MappingFile:
    """The proposal for a file, as the mapping that its text is."""
    [file] = files.list_files(str(path))
    head = heads.head(file, None, path.parent)
    found = shapes.shapes(head.columns, head.rows)
    text = proposing.mapping_file(head, found, guessing.guess(found))
    return mapping_of(tomllib.loads(text), "proposed")


def test_a_log_of_clicks_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "clicks.txt"
    path.write_text("\n".join(["timestamp;visitorid;event;itemid;transactionid", *CLICKS]))
    found = proposed(path)
    assert found.columns == {
        "event_at": "timestamp",
        "event_type": "event",
        "customer_id": "visitorid",
        "product_id": "itemid",
        "order_id": "transactionid",
    }
    assert found.event_types == {"view": "view", "addtocart": "cart", "transaction": "purchase"}
    assert (found.delimiter, found.event_at_formats) == (";", ("unix_ms",))
    assert found.optional_columns == ("order_id",)


def test_a_list_of_sales_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv.gz"
    names = "Order ID,Order Date,Client Name,Client ID,Product Name,SKU,Qty,Unit price,Shop"
    path.write_bytes(gzip.compress("\n".join([names, *SALES]).encode()))
    found = proposed(path)
    assert found.columns == {
        "event_at": "Order Date",
        "customer_id": "Client ID",
        "order_id": "Order ID",
        "product_id": "SKU",
        "quantity": "Qty",
        "unit_price": "Unit price",
        "store": "Shop",
    }
    assert (found.event_type, found.event_types) == ("purchase", {})
    assert found.event_at_formats == ("d/M/yyyy H:mm",)
    assert found.multiline
    assert (found.returns.negative_quantity, found.returns.order_id_prefix) == (True, "")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.xz", "a.xlsx", "a.db"])
def test_invoices_are_mapped_in_every_form(tmp_path: Path, name: str) -> None:
    sold = [invoice(InvoiceNo=str(n), CustomerID="" if n % 4 else "7.0") for n in range(40)]
    rows = [*sold, *[invoice(InvoiceNo=f"C{n}", Quantity="-1") for n in range(5)]]
    if name.endswith(".db"):
        with sqlite3.connect(tmp_path / name) as connection:
            connection.execute("CREATE TABLE notes (note)")
            connection.execute(f"CREATE TABLE sales ({', '.join(COLUMNS)})")
            values = [[row[c] or None for c in COLUMNS] for row in rows]
            connection.executemany(f"INSERT INTO sales VALUES ({', '.join('?' * 8)})", values)
        connection.close()
    else:
        write(tmp_path / name, rows)
    found = proposed(tmp_path / name)
    assert found.columns == {
        "event_at": "InvoiceDate",
        "customer_id": "CustomerID",
        "order_id": "InvoiceNo",
        "product_id": "StockCode",
        "quantity": "Quantity",
        "unit_price": "UnitPrice",
    }
    assert (found.returns.order_id_prefix, found.returns.negative_quantity) == ("C", True)
    # A spreadsheet's numbers have no .0 any more.
    assert found.whole_numbers == (() if name == "a.xlsx" else ("customer_id",))
    assert found.max_rejected_share == 0.7
    # Of a workbook every sheet with these columns is read.
    assert found.table == {"a.db": "sales"}.get(name, "")


def test_from_an_unknown_file_to_its_events(
    run_job: RunJob, read: Read, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way that the documents show: preview, write, ingest."""
    log = tmp_path / "clicks.csv"
    log.write_text("\n".join(["timestamp;visitorid;event;itemid;transactionid", *CLICKS]))
    config = tmp_path / "own.toml"
    config.write_text("")

    preview.run([str(log), "--write", "--name", "shop", "--config", str(config)])
    said = capsys.readouterr()
    preview.run([str(log), "--mapping", "shop", "--config", str(config)])
    checked = capsys.readouterr()
    run_job("ingest", str(log), "--mapping", "shop", "--config", str(config))

    assert "itemid         whole number" in said.err
    total = "20 records = 15 accepted + 0 rejected + 5 ignored + 0 duplicates; 0.0% rejected"
    assert total in said.err
    assert total in checked.out
    assert "2           2015-06-02 05:02:12  view" in checked.out
    assert ledger(read) == {"clicks.csv": Ledger(21, 1, 0, 15, 0, 0, ignored=5)}


def test_a_mapping_that_does_not_fit_ends_with_a_proposal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write(tmp_path / "log.csv", [invoice()])
    with pytest.raises(InputError, match="the header has no column 'event_time'"):
        preview.run(["ecommerce_events", str(log)])
    said = capsys.readouterr()
    assert mapping_of(tomllib.loads(said.out), "p").columns["customer_id"] == "CustomerID"
    assert "Not there: event_time, event_type, product_id" in said.err


def test_a_long_file_is_looked_at_as_far_as_its_head(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = [line(price="free"), line(price="free", user_session="s9"), "1,2"]
    body = [*lines("s1", 5), *bad, lines("s1", 1)[0], *lines("s2", 12_000)]
    log = write_log(tmp_path / "log.csv", body)
    preview.run(["ecommerce_events", str(log)])
    said = capsys.readouterr().out
    assert f"{log}: the first 10,000 records; there are more" in said
    assert "10,000 records = 9,996 accepted + 3 rejected + 1 duplicates; 0.0% rejected" in said
    assert "not_a_number       2        row 7: price = 'free', expected a number from 0" in said
    assert "wrong_field_count  1        row 9: record = '1,2', expected 9 fields" in said


def test_too_many_refused_records_end_with_exit_code_4(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.csv", [line(), line(user_id="")])
    with pytest.raises(RejectedShareError, match=r"50\.0% of these records would be refused"):
        preview.run(["ecommerce_events", str(log)])


def _program(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The program as a shell runs it, where there is no Java."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("custseg")), "preview", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "JAVA_HOME": "/nowhere", "PATH": ""},
    )


def test_the_program_names_the_missing_columns(tmp_path: Path) -> None:
    log = tmp_path / "prices.csv"
    log.write_text("sku,amount\n1,2\n")
    done = _program("?", str(log))
    assert done.returncode == 0, done.stderr
    assert '#? customer_id = "…" is needed: which column?' in done.stdout
    assert (
        "The proposal isn't complete: source proposed: [columns] has no 'event_at'" in done.stderr
    )
    assert 'product_id = "sku"' in done.stdout


def test_a_file_of_this_machine_needs_no_java(tmp_path: Path) -> None:
    done = _program("ecommerce_events", str(write_log(tmp_path / "log.csv", [line(), line()])))
    assert done.returncode == 0, done.stderr
    assert "2 records = 1 accepted + 0 rejected + 1 duplicates" in done.stdout


def test_a_database_without_tables_is_an_error(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(InputError, match=r"a\.db: there is no table ''"):
        proposed(tmp_path / "a.db")


def test_a_head_ends_where_a_record_ends(tmp_path: Path) -> None:
    whole = HEADER + "\n" + '1,"a\nb\nc"\n' * 5_000
    (tmp_path / "log.csv").write_text(whole)
    [file] = files.list_files(str(tmp_path / "log.csv"))
    head = heads.head(file, None, tmp_path)
    assert not head.is_whole
    assert head.has_line_breaks
    assert set(head.rows) == {("1", "a\nb\nc")}
    assert whole.startswith(head.file.data.read_text())
    assert len(head.rows) == 3_333
