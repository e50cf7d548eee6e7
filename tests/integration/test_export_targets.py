"""What readers of a target see: the old or the new tables in full, whatever happens."""

import csv
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import loading_process
import psycopg
import pyarrow as pa
import pytest
from postgresql_server import PASSWORD, Server
from pyspark.sql import SparkSession

from custseg_spark.errors import ConfigurationError, ConflictError, TargetError
from custseg_spark.outputs.exports.layout import ReportTable
from custseg_spark.outputs.exports.targets import parse_target

CUSTOMERS = ReportTable(
    "customers",
    "customer_id string, name string, spend decimal(28,4), share double, orders bigint,"
    " seen date, is_control boolean",
    key=("customer_id",),
    indexes=(("seen",),),
)
TOTALS = ReportTable("totals", "segment_id int, spend decimal(38,4)", key=("segment_id",))
ARROW = {
    "customer_id": pa.string(),
    "name": pa.string(),
    "spend": pa.decimal128(28, 4),
    "share": pa.float64(),
    "orders": pa.int64(),
    "seen": pa.date32(),
    "is_control": pa.bool_(),
}
ROWS = [
    ("a", 'quote " and, comma', Decimal("12.5000"), 0.1, 3, date(2019, 10, 1), True),
    ("b", "", Decimal("12345678901234.5678"), 1e-7, 2**40, date(1999, 1, 31), False),
    ("c", None, None, None, None, None, None),
    ("é\n", "back\\slash \\N", Decimal("-3.0000"), -2.0, -1, None, False),
]
Rows = Sequence[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def _schemas(spark: SparkSession) -> None:
    """Schemas parsed while there is a session: the loads here need none."""
    assert CUSTOMERS.schema
    assert TOTALS.schema


@dataclass(frozen=True)
class Place:
    """A target, and how a reader sees a table of it."""

    to: str
    read: Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def database(postgresql: Server) -> str:
    """A database of the test's own."""
    name = f"test_{time.monotonic_ns()}"
    postgresql.query("postgres", f"CREATE DATABASE {name}")
    return name


@pytest.fixture
def sqlite(tmp_path: Path) -> Place:
    path = tmp_path / "new folder" / "reports.db"

    def read(table: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            return connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()

    return Place(f"sqlite:///{path}", read)


@pytest.fixture
def postgres(postgresql: Server, database: str) -> Place:
    def read(table: str) -> list[tuple[Any, ...]]:
        return sorted(postgresql.query(database, f"SELECT * FROM {table}"))

    return Place(postgresql.url(database), read)


def batch(rows: Rows) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(c, t) for c, t in zip(columns, ARROW.values(), strict=True)]
    return pa.RecordBatch.from_arrays(arrays, list(ARROW))


def totals(spend: int) -> pa.RecordBatch:
    values = {"segment_id": pa.array([1], pa.int32()), "spend": pa.array([spend]).cast("double")}
    return pa.RecordBatch.from_pydict(values)


def many(count: int, orders: int) -> loading_process.Tables:
    """`count` customers with so many orders each, and their total: what must fit together."""
    rows = [(f"{n:07}", "x" * 40, Decimal(1), 0.5, orders, None, None) for n in range(count)]
    return [(CUSTOMERS, [batch(rows)]), (TOTALS, [totals(count * orders)])]


def load(to: str, tables: loading_process.Tables) -> None:
    loading_process.load(to, tables)


# --- What is written ---------------------------------------------------------------------------


def test_postgresql_holds_every_value_as_it_was(postgres: Place) -> None:
    load(postgres.to, [(CUSTOMERS, [batch(ROWS[:2]), batch(ROWS[2:])])])
    assert postgres.read("customers") == ROWS


def test_sqlite_holds_money_as_doubles_and_dates_as_text(sqlite: Place) -> None:
    load(sqlite.to, [(CUSTOMERS, [batch(ROWS[:2]), batch(ROWS[2:])])])
    expected = [
        (*row[:2], row[2] and float(row[2]), *row[3:5], row[5] and row[5].isoformat(), row[6])
        for row in ROWS
    ]
    assert sqlite.read("customers") == expected


def test_sqlite_divides_whole_money_as_money(sqlite: Place) -> None:
    load(sqlite.to, [(TOTALS, [totals(12)])])
    path = sqlite.to.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT spend / 5 FROM totals").fetchone() == (2.4,)


def test_csv_quotes_texts_and_leaves_null_empty(tmp_path: Path) -> None:
    load(f"csv:{tmp_path}/out", [(CUSTOMERS, [batch(ROWS[:2]), batch(ROWS[2:])])])
    assert (tmp_path / "out" / "customers.csv").read_text().splitlines() == [
        '"customer_id","name","spend","share","orders","seen","is_control"',
        '"a","quote "" and, comma",12.5000,0.1,3,2019-10-01,true',
        '"b","",12345678901234.5678,1e-7,1099511627776,1999-01-31,false',
        '"c",,,,,,',
        '"é',
        '","back\\slash \\N",-3.0000,-2,-1,,false',
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1+1", "'+1+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff0b1+1", "'\uff0b1+1"),
        ("\uff0d1+1", "'\uff0d1+1"),
        ("\uff20SUM(A1)", "'\uff20SUM(A1)"),
        ("\uff11\uff1d1", "\uff11\uff1d1"),
        ("-1\n=1", "'-1\n=1"),
        ("-", "'-"),
        ("+49 170 1", "'+49 170 1"),
        ("+491701", "+491701"),
        ("-5.25", "-5.25"),
        ("a=1", "a=1"),
        (" =1", " =1"),
        ("", ""),
    ],
)
def test_a_cell_that_a_spreadsheet_would_execute_is_text(
    tmp_path: Path, text: str, written: str
) -> None:
    row = ("k", text, Decimal(-1), -1.5, -1, None, None)
    load(f"csv:{tmp_path}", [(CUSTOMERS, [batch([row])])])
    with (tmp_path / "customers.csv").open(newline="") as file:
        [_, cells] = csv.reader(file)
    assert cells == ["k", written, "-1.0000", "-1.5", "-1", "", ""]


def test_a_table_without_rows_is_empty(tmp_path: Path, sqlite: Place, postgres: Place) -> None:
    for to in (f"csv:{tmp_path}", sqlite.to, postgres.to):
        load(to, [(TOTALS, [])])
    assert (tmp_path / "totals.csv").read_text() == '"segment_id","spend"\n'
    assert sqlite.read("totals") == postgres.read("totals") == []


# --- What stays --------------------------------------------------------------------------------


def test_postgresql_keeps_indexes_grants_and_views(
    postgresql: Server, database: str, postgres: Place
) -> None:
    load(postgres.to, many(10, 1))
    postgresql.query("postgres", f"CREATE ROLE reader_{database} LOGIN PASSWORD 'r'")
    postgresql.query(database, f"GRANT SELECT ON totals TO reader_{database}")
    postgresql.query(database, "CREATE INDEX mine ON customers (orders)")
    postgresql.query(database, "CREATE VIEW spenders AS SELECT count(*) AS n FROM customers")
    postgresql.query(database, "ALTER TABLE customers ADD COLUMN note text")
    load(postgres.to, many(20, 2))
    own = f"postgresql://reader_{database}:r@127.0.0.1:{postgresql.port}/{database}"
    with psycopg.connect(own) as reader:
        assert reader.execute("SELECT spend FROM totals").fetchall() == [(Decimal(40),)]
    indexes = "SELECT indexname FROM pg_indexes WHERE tablename = 'customers' ORDER BY 1"
    names = [row[0] for row in postgresql.query(database, indexes)]
    assert names == ["customers_pkey", "customers_seen", "mine"]
    assert postgresql.query(database, "SELECT n FROM spenders") == [(20,)]


def test_sqlite_keeps_indexes_views_and_other_tables(sqlite: Place) -> None:
    load(sqlite.to, many(10, 1))
    path = sqlite.to.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as own:
        own.execute("CREATE INDEX mine ON customers (orders)")
        own.execute("CREATE VIEW spenders AS SELECT count(*) AS n FROM customers")
        own.execute("CREATE TABLE theirs (x)")
        before = own.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 2").fetchall()
        load(sqlite.to, many(20, 2))
        after = own.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 2").fetchall()
        assert own.execute("SELECT n FROM spenders").fetchone() == (20,)
        assert own.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert before == after
    assert {"customers_seen", "mine", "spenders", "theirs"} < {row[1] for row in after}
    assert [p.name for p in Path(path).parent.iterdir()] == ["reports.db"]


# --- While it is written -----------------------------------------------------------------------


Seen = tuple[Any, ...]


def watched(read: Callable[[], Seen], during: Callable[[], None]) -> set[Seen]:
    """Everything that a reader saw while something was done."""
    seen: set[Seen] = set()
    over, errors = threading.Event(), []

    def look() -> None:
        try:
            while not over.is_set():
                seen.add(read())
        except Exception as error:
            errors.append(error)

    reader = threading.Thread(target=look)
    reader.start()
    try:
        during()
    finally:
        over.set()
        reader.join()
    assert errors == []
    return seen


BOTH = (
    "SELECT (SELECT count(*) FROM customers), (SELECT min(orders) FROM customers),"
    " (SELECT max(orders) FROM customers), (SELECT spend FROM totals)"
)


def test_a_reader_of_sqlite_sees_old_or_new(sqlite: Place) -> None:
    load(sqlite.to, many(3_000, 1))

    def read() -> tuple[Any, ...]:
        path = sqlite.to.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            row: tuple[Any, ...] = connection.execute(BOTH).fetchone()
            return row

    def loads() -> None:
        for _ in range(3):
            load(sqlite.to, many(60_000, 2))
            load(sqlite.to, many(3_000, 1))

    assert watched(read, loads) == {(3_000, 1, 1, 3_000), (60_000, 2, 2, 120_000)}


def test_a_reader_of_postgresql_sees_old_or_new_and_never_waits(
    postgresql: Server, database: str, postgres: Place
) -> None:
    load(postgres.to, many(3_000, 1))
    with psycopg.connect(postgresql.url(database)) as reader, reader.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1ms'")

        def read() -> tuple[Any, ...]:
            row = cursor.execute(BOTH).fetchone()
            reader.commit()
            assert row is not None
            return row

        def loads() -> None:
            for _ in range(3):
                load(postgres.to, many(30_000, 2))
                load(postgres.to, many(3_000, 1))

        assert watched(read, loads) == {(3_000, 1, 1, 3_000), (30_000, 2, 2, 60_000)}


def test_a_transaction_of_postgresql_that_began_before_sees_the_old_rows(
    postgresql: Server, database: str, postgres: Place
) -> None:
    load(postgres.to, many(10, 1))
    with psycopg.connect(postgresql.url(database)) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert reader.execute("SELECT spend FROM totals").fetchall() == [(10,)]
        load(postgres.to, many(20, 2))
        assert reader.execute(BOTH).fetchone() == (10, 1, 1, 10)
    assert postgres.read("totals") == [(1, 40)]


# --- When it is killed -------------------------------------------------------------------------


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.002)


def test_a_load_of_sqlite_killed_while_publishing_leaves_the_old_tables(sqlite: Place) -> None:
    load(sqlite.to, many(50_000, 1))
    path = Path(sqlite.to.removeprefix("sqlite:///"))
    journal = path.with_name(f"{path.name}-journal")
    running = loading_process.process(sqlite.to, many(400_000, 2))
    # The journal is there from the first change to the commit.
    eventually(lambda: journal.exists() and journal.stat().st_size > 1_000_000)
    running.kill()
    running.join()
    assert journal.exists(), "killed too late to prove anything"
    assert [row[1] for row in sqlite.read("totals")] == [50_000]
    assert len(sqlite.read("customers")) == 50_000
    load(sqlite.to, many(20, 2))
    assert [row[1] for row in sqlite.read("totals")] == [40]
    assert [p.name for p in path.parent.iterdir()] == ["reports.db"]


def test_a_load_of_postgresql_killed_while_publishing_leaves_the_old_tables(
    postgresql: Server, database: str, postgres: Place
) -> None:
    load(postgres.to, many(100, 1))
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        " AND application_name = 'custseg-export' AND wait_event_type = 'Lock'"
    )
    there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'custseg-export'"
    with psycopg.connect(postgresql.url(database)) as holder:
        # The first table is replaced already when the second one is waited for.
        holder.execute("LOCK TABLE totals IN ACCESS EXCLUSIVE MODE")
        running = loading_process.process(postgres.to, many(200, 2))
        eventually(lambda: postgresql.query(database, waiting, database) == [(1,)])
        running.kill()
        running.join()
    eventually(lambda: postgresql.query(database, there) == [(0,)])
    assert postgres.read("totals") == [(1, 100)]
    assert {row[4] for row in postgres.read("customers")} == {1}
    load(postgres.to, many(20, 2))
    assert postgres.read("totals") == [(1, 40)]


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "csv"])
def test_a_load_killed_while_staging_changes_nothing(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = csv_place(tmp_path) if kind == "csv" else request.getfixturevalue(kind)
    load(place.to, many(100, 1))
    running = loading_process.stuck_process(place.to, many(100_000, 2))
    running.kill()
    running.join()
    assert len(place.read("customers")) == 100
    load(place.to, many(20, 2))
    assert len(place.read("customers")) == 20
    assert not list(tmp_path.rglob("*.staging"))


def csv_place(folder: Path) -> Place:
    def read(table: str) -> list[tuple[Any, ...]]:
        with (folder / "out" / f"{table}.csv").open(newline="") as file:
            return [tuple(row) for row in csv.reader(file)][1:]

    return Place(f"csv:{folder}/out", read)


# --- What goes wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("sqlit:///x.db", "unknown kind of target 'sqlit'; did you mean 'sqlite'?"),
        ("postgresq://h/d", "unknown kind of target 'postgresq'; did you mean 'postgresql'?"),
        ("reports.db", "expected sqlite:///FILE"),
        ("sqlite://x.db", "expected sqlite:///FILE"),
        ("sqlite:///s3a://shop/x.db", "SQLite writes to a path of this machine only"),
        ("csv:", "expected csv:DIR"),
        ("postgresql://u:p@ss/w0rd@h/d", "write @ as %40"),
        ("postgresql://u:pa/ss@h/d", "write @ as %40"),
        ("postgresql://u:%zz@h/d", "not a valid URL"),
        ("postgresql://h/d?conect_timeout=1", "not a valid URL"),
        ("postgresql://u:p%40ss@[::1/db", "not a valid URL"),
    ],
)
def test_a_mistyped_target_is_a_clear_error_without_the_password(to: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_target(to)
    assert said in str(caught.value)
    for secret in ("p@ss", "ss/w0rd", "pa/ss", "%zz"):
        assert secret not in str(caught.value)


def test_an_unreachable_database_is_named_without_the_password(
    postgresql: Server, database: str
) -> None:
    nobody = f"postgresql://loader:{PASSWORD.replace('%', '%25')}@127.0.0.1:1/{database}"
    wrong = postgresql.url(database, password="wr0ng")
    absent = postgresql.url("nowhere")
    for to, said in ((nobody, "refused"), (wrong, "authentication failed"), (absent, "nowhere")):
        with pytest.raises(TargetError, match=said) as caught:
            load(to, many(1, 1))
        assert "can't be reached" in str(caught.value)
        assert "wr0ng" not in str(caught.value)
        assert PASSWORD not in str(caught.value)
        assert PASSWORD not in repr(parse_target(to))
        assert caught.value.exit_code == 3


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_table_of_somebody_else_is_left_alone(
    kind: str, request: pytest.FixtureRequest, postgresql: Server, database: str
) -> None:
    place = request.getfixturevalue(kind)
    load(place.to, many(3, 1))
    statement = "ALTER TABLE totals RENAME COLUMN spend TO theirs"
    if kind == "postgres":
        postgresql.query(database, statement)
    else:
        with closing(sqlite3.connect(place.to.removeprefix("sqlite:///"))) as connection:
            connection.execute(statement)
    with pytest.raises(TargetError, match="the table totals there lacks spend"):
        load(place.to, many(5, 1))
    assert len(place.read("customers")) == 3


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database, but some text that is long enough " * 9)
    with pytest.raises(TargetError, match="not a database"):
        load(f"sqlite:///{tmp_path}/x.db", many(1, 1))
    assert [p.name for p in tmp_path.iterdir()] == ["x.db"]


@pytest.mark.parametrize("to", ["sqlite:///{}/file/x.db", "csv:{}/file/x"])
def test_a_folder_that_cant_be_made_is_a_clear_error(tmp_path: Path, to: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetError, match="can't be written"):
        load(to.format(tmp_path), many(1, 1))


@pytest.mark.parametrize("kind", ["sqlite", "csv"])
def test_two_exports_to_one_place_dont_mix(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = csv_place(tmp_path) if kind == "csv" else request.getfixturevalue(kind)
    said = r"another export to .* is under way"
    with parse_target(place.to).opened(), pytest.raises(ConflictError, match=said):
        load(place.to, many(1, 1))
    load(place.to, many(1, 1))
    assert len(place.read("customers")) == 1


@pytest.mark.parametrize("of", ["file", "folder", "nothing"])
def test_a_link_at_the_staging_name_is_left_alone(tmp_path: Path, of: str) -> None:
    """A link to another database: its tables were once dropped."""
    other, link = tmp_path / "other", tmp_path / ".x.db.staging"
    if of == "file":
        with closing(sqlite3.connect(other)) as connection:
            connection.execute("CREATE TABLE theirs (x)")
    elif of == "folder":
        other.mkdir()
        (other / "theirs").touch()
    before = digest(tmp_path)
    link.symlink_to(other)
    with pytest.raises(TargetError, match=r"\.x\.db\.staging is no folder of an export"):
        load(f"sqlite:///{tmp_path}/x.db", many(1, 1))
    assert link.is_symlink()
    link.unlink()
    assert digest(tmp_path) == before


def digest(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_staging_folder_that_others_may_write_to_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / ".x.db.staging"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(TargetError, match="a folder that others may write to"):
        load(f"sqlite:///{tmp_path}/x.db", many(1, 1))
    folder.chmod(0o700)
    (folder / "left").touch()
    load(f"sqlite:///{tmp_path}/x.db", many(1, 1))
    assert [p.name for p in tmp_path.iterdir()] == ["x.db"]


def test_two_exports_to_one_postgresql_database_come_one_after_the_other(postgres: Place) -> None:
    running = [loading_process.process(postgres.to, many(n, 1)) for n in (20_000, 30_000)]
    for process in running:
        process.join()
        assert process.exitcode == 0
    [(_, total)] = postgres.read("totals")
    assert total in (20_000, 30_000)
    assert len(postgres.read("customers")) == total


def test_an_error_of_a_source_of_rows_leaves_the_old_tables(
    tmp_path: Path, sqlite: Place, postgres: Place
) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield batch(ROWS)
        raise RuntimeError("Spark is gone")

    for place in (sqlite, postgres, csv_place(tmp_path)):
        load(place.to, many(3, 1))
        with pytest.raises(RuntimeError), parse_target(place.to).opened() as loading:
            loading.stage(CUSTOMERS, broken())
        assert len(place.read("customers")) == 3
