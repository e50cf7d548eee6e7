"""SQLite databases as they come, each through the job from a real file, with the ledger."""

import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from checkout import job
from ledger import COLUMNS, IngestRun, Ledger, Read, RunJob, ingest_once, ledger, record
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES
from custseg_spark.engine.sources.formats import sqlite
from custseg_spark.errors import InputError

_TYPES = {"product_id": "INTEGER", "category_id": "INTEGER", "user_id": "INTEGER", "price": "REAL"}
TABLE = "Ecommerce_data"

BEYOND_32_BITS = 2_147_483_648
BEYOND_53_BITS = 9_007_199_254_740_993
LARGEST = 9_223_372_036_854_775_807


def _values(**values: Any) -> list[Any]:
    good: dict[str, Any] = record(user_session="db")
    return list((good | values).values())


def _quoted(table: str) -> str:
    return '"' + table.replace('"', '""') + '"'


def _create(connection: sqlite3.Connection, table: str = TABLE, ending: str = "") -> None:
    columns = ", ".join(f"{c} {_TYPES.get(c, 'TEXT')}" for c in COLUMNS)
    connection.execute(f"CREATE TABLE {_quoted(table)} ({columns}{ending}")


def _insert(
    connection: sqlite3.Connection, rows: Iterable[Sequence[Any]], table: str = TABLE
) -> None:
    marks = ", ".join("?" * len(COLUMNS))
    names = ", ".join(COLUMNS)
    connection.executemany(f"INSERT INTO {_quoted(table)} ({names}) VALUES ({marks})", rows)


def write_database(path: Path, rows: Iterable[Sequence[Any]], table: str = TABLE) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        _create(connection, table, ")")
        _insert(connection, rows, table)
        connection.commit()
    return path


VALUES = [
    _values(product_id=BEYOND_32_BITS, category_id=BEYOND_53_BITS, user_id=LARGEST),
    _values(price="free"),
    _values(product_id="abc"),
    _values(product_id=None),
    _values(user_id=None),
    _values(category_id=None, category_code=None, brand=None, price=0),
    _values(brand=b"\x00\xff\xfe"),
    _values(brand=b"samsung", price=2),
    _values(price=12.989999771118164),
    _values(price=1e15),
    _values(event_time="now"),
    _values(product_id=b"12\n"),
    _values(brand="Größe €", price=33.2),
    _values(price=float("inf")),
]


def _write_databases(folder: Path) -> None:
    write_database(folder / "values.db", VALUES)
    with closing(sqlite3.connect(folder / "values.db")) as connection:
        bad_text = "UPDATE Ecommerce_data SET brand = CAST(x'fc62' AS TEXT) WHERE brand = 'bad'"
        _insert(connection, [_values(brand="bad")])
        connection.execute(bad_text)
        connection.commit()

    write_database(folder / "empty.db", [])

    with closing(sqlite3.connect(folder / "gaps.db")) as connection:
        rowids = [-LARGEST - 1, -7, 0, 1, 2, 3, BEYOND_53_BITS, LARGEST]
        _create(connection, ending=", id INTEGER PRIMARY KEY)")
        for rowid in rowids:
            _insert(connection, [_values(product_id=rowid, user_session="gaps")])
            connection.execute(
                "UPDATE Ecommerce_data SET id = ? WHERE id = last_insert_rowid()", [rowid]
            )
        connection.execute("DELETE FROM Ecommerce_data WHERE id = 2")
        connection.commit()

    with closing(sqlite3.connect(folder / "keyed.db")) as connection:
        _create(connection, ending=", PRIMARY KEY (product_id)) WITHOUT ROWID")
        _insert(connection, [_values(product_id=n, user_session="keyed") for n in (3, 1, 2)])
        connection.commit()

    with closing(sqlite3.connect(folder / "own_rowid.db")) as connection:
        _create(connection, ending=", rowid INTEGER)")
        _insert(connection, [_values(product_id=n, user_session="own") for n in (1, 2, 3)])
        connection.commit()

    with closing(sqlite3.connect(folder / "view.db")) as connection:
        _create(connection, "log", ")")
        rows = [_values(product_id=n, user_session="view") for n in (1, 2, 3)]
        _insert(connection, rows, "log")
        connection.execute("CREATE VIEW Ecommerce_data AS SELECT * FROM log WHERE product_id > 1")
        connection.commit()

    with closing(sqlite3.connect(folder / "utf16.db")) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16le'")
        _create(connection, ending=")")
        _insert(connection, [_values(brand="Köln", user_session="utf16")])
        connection.commit()


@pytest.fixture(scope="module")
def databases(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> IngestRun:
    """One run over a folder of databases, one of them in WAL mode and still open."""
    folder = tmp_path_factory.mktemp("databases")
    _write_databases(folder)
    with closing(sqlite3.connect(folder / "wal.db")) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        _create(writer, ending=")")
        _insert(writer, [_values(product_id=n, user_session="wal") for n in (1, 2)])
        writer.commit()
        assert b"user_session" not in (folder / "wal.db").read_bytes()
        _insert(writer, [_values(product_id=3, user_session="not committed")])
        lake = tmp_path_factory.mktemp("lake")
        return ingest_once(spark, lake, folder, "--set", "ingest.max_rejected_share=0.9")


def test_the_ledger_adds_up_for_every_database(databases: IngestRun) -> None:
    assert databases.ledger == {
        "values.db": Ledger(15, 0, 0, 5, 10, 0),
        "empty.db": Ledger(0, 0, 0, 0, 0, 0),
        "gaps.db": Ledger(7, 0, 0, 7, 0, 0),
        "keyed.db": Ledger(3, 0, 0, 3, 0, 0),
        "own_rowid.db": Ledger(3, 0, 0, 3, 0, 0),
        "view.db": Ledger(2, 0, 0, 2, 0, 0),
        "utf16.db": Ledger(1, 0, 0, 1, 0, 0),
        "wal.db": Ledger(2, 0, 0, 2, 0, 0),
    }


def test_side_files_are_passed_over_with_their_reason(databases: IngestRun) -> None:
    reason = "SQLite's side file; read with its database"
    assert databases.skipped == {"wal.db-shm": reason, "wal.db-wal": reason}


def test_values_are_exact(databases: IngestRun) -> None:
    rows = databases.rows_of("values.db")
    ids = (rows[1].product_id, rows[1].category_id, rows[1].customer_id)
    assert ids == (str(BEYOND_32_BITS), str(BEYOND_53_BITS), str(LARGEST))
    assert rows[6].unit_price == Decimal("0.0000")
    assert (rows[6].category_id, rows[6].category_code, rows[6].brand) == (None, None, None)
    assert (rows[8].brand, rows[8].unit_price) == ("samsung", Decimal("2.0000"))
    assert rows[9].unit_price == Decimal("12.9900")
    assert (rows[13].brand, rows[13].unit_price) == ("Größe €", Decimal("33.2000"))
    assert databases.rows_of("utf16.db")[1].brand == "Köln"
    assert sum(row.rounded == 1 for row in databases.read(INGEST_FILES)) == 1


def test_values_of_the_wrong_type_are_refused(databases: IngestRun) -> None:
    found = {
        row: (reason.code, reason.field, reason.value)
        for (name, row), (reason,) in databases.reasons.items()
        if name == "values.db" and reason.field != "record"
    }
    assert found == {
        2: ("not_a_number", "price", "free"),
        3: ("not_an_integer", "product_id", "abc"),
        4: ("not_an_integer", "product_id", None),
        5: ("missing_customer", "user_id", None),
        10: ("out_of_range", "price", "1000000000000000"),
        11: ("unparseable_time", "event_time", "now"),
        12: ("not_an_integer", "product_id", "12\n"),
        14: ("not_finite", "price", "Inf"),
    }
    assert databases.codes_of("values.db")[7] == ["invalid_utf8"]
    assert databases.codes_of("values.db")[15] == ["invalid_utf8"]


def test_rows_are_known_by_their_rowids(databases: IngestRun) -> None:
    assert sorted(databases.rows_of("gaps.db")) == [
        *(-LARGEST - 1, -7, 0, 1, 3),
        *(BEYOND_53_BITS, LARGEST),
    ]
    assert all(
        row.product_id == str(number) for number, row in databases.rows_of("gaps.db").items()
    )
    assert sorted(databases.rows_of("own_rowid.db")) == [1, 2, 3]


def test_without_rowids_a_row_is_known_by_its_place(databases: IngestRun) -> None:
    found = {number: row.product_id for number, row in databases.rows_of("keyed.db").items()}
    assert found == {1: "1", 2: "2", 3: "3"}
    assert sorted(databases.rows_of("view.db")) == [1, 2]


def test_a_table_is_read_in_ranges_and_another_of_the_same_file_is_other_input(
    run_job: RunJob, read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "ROWS_PER_PARTITION", 333)
    odd = 'my "best" table; it\'s [ok]'
    rows = [_values(product_id=n, user_session=f"s{n % 7}") for n in range(2_000)]
    database = write_database(tmp_path / "two.db", rows[:1_000])
    write_database(database, rows[500:], odd)
    source = ("ingest", "--source", f"ecommerce_events={database}")

    run_job(*source)
    assert ledger(read) == {"two.db": Ledger(1_000, 0, 0, 1_000, 0, 0)}
    run_job(*source, "--set", f"sources.ecommerce_events.table={odd}")

    entries = {
        row.source_table: (row.physical_records, row.accepted, row.duplicates)
        for row in read(INGEST_FILES)
    }
    assert entries == {TABLE: (1_000, 1_000, 0), odd: (1_500, 1_000, 500)}
    ids = [row.event_id for row in read(EVENTS)]
    assert len(set(ids)) == len(ids) == 2_000


@pytest.fixture(scope="module")
def empty_lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(spark, LakeConfig(path=str(tmp_path_factory.mktemp("empty"))))
    lake.create([EVENTS, INGEST_FILES])
    return lake


def _fails(lake: Lake, database: Path, message: str, *arguments: str) -> None:
    source = f"ecommerce_events={database}"
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        job("ingest").run(["--lake", lake.config.path, "--source", source, *arguments])
    assert caught.value.exit_code == 3
    assert str(database) in str(caught.value)
    assert not lake.rows(EVENTS)
    assert not lake.rows(INGEST_FILES)


def test_an_absent_file_is_not_created(empty_lake: Lake, tmp_path: Path) -> None:
    _fails(empty_lake, tmp_path / "absent.db", "no readable file at")
    assert list(tmp_path.iterdir()) == []


def test_an_absent_table_or_column_names_the_nearest(empty_lake: Lake, tmp_path: Path) -> None:
    database = write_database(tmp_path / "log.db", [_values()], "ecommerce_data")
    write_database(database, [_values()], "users")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("ALTER TABLE users RENAME COLUMN price TO prices")
    table = "sources.ecommerce_events.table=users"

    absent_table = "there is no table 'Ecommerce_data'; did you mean 'ecommerce_data'?"
    _fails(empty_lake, database, absent_table)
    absent_column = "table 'users' has no column 'price'; did you mean 'prices'?"
    _fails(empty_lake, database, absent_column, "--set", table)


def test_a_truncated_database_is_refused(empty_lake: Lake, tmp_path: Path) -> None:
    rows = [_values(product_id=n) for n in range(5_000)]
    database = write_database(tmp_path / "log.db", rows)
    whole = database.read_bytes()
    for size in (len(whole) // 2, 5_000, 50):
        database.write_bytes(whole[:size])
        _fails(empty_lake, database, "the database is damaged")


def test_a_damaged_page_is_found_before_anything_is_read(empty_lake: Lake, tmp_path: Path) -> None:
    database = write_database(tmp_path / "log.db", [_values(product_id=n) for n in range(5_000)])
    content = bytearray(database.read_bytes())
    content[40_960:45_056] = bytes(4_096)
    database.write_bytes(content)
    _fails(empty_lake, database, "the database is damaged")


def test_a_locked_database_is_an_error(empty_lake: Lake, tmp_path: Path) -> None:
    database = write_database(tmp_path / "log.db", [_values()])
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        _fails(empty_lake, database, "the database is locked by another process")
