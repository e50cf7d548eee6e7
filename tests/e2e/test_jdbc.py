"""Sales facts in a database, by JDBC from a real PostgreSQL: once, in any order, no secrets."""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import psycopg
import pytest
from checkout import ROOT, job
from ledger import Ledger, events, ledger, reading, reasons, utc
from postgresql_server import PASSWORD, Server
from pyspark.sql import SparkSession
from sales import COLUMNS, Line, sale, write

from custseg_spark.config import jdbc as jdbc_options
from custseg_spark.config.jdbc import Jdbc
from custseg_spark.config.loading import load as load_config
from custseg_spark.config.mappings import MappingFile, load_mapping
from custseg_spark.config.settings import LakeConfig
from custseg_spark.config.shipped import conf_dir
from custseg_spark.core.events.ids import SEPARATOR, extra_texts
from custseg_spark.core.events.records import Records
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS, INGEST_FILES
from custseg_spark.engine.sources.formats import jdbc, jdbc_tables
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.interfaces.cli import preview as check

GUIDE = (ROOT / "docs" / "guides" / "sales_facts.md").read_text(encoding="utf-8")
ALL_ALLOWED = "sources.sales_facts.max_rejected_share=1"
LINES = [
    sale(),
    sale(order_id="1002", order_date="2024-03-05", discount=None, net_amount="25"),
    sale(order_id="1003", order_date="2024-02-01", quantity="-1", discount="0", net_amount="-12.5"),
    sale(order_id="1004", order_date="2024-03-02", discount="0.2", net_amount="20"),
    sale(),
    sale(order_id="1005", order_date=None),
]
# No precision: it comes with 18 decimals.
TYPES = {
    "customer_id": "varchar(20)",
    "order_id": "bigint",
    "order_date": "date",
    "product_id": "integer",
    "quantity": "smallint",
    "unit_price": "numeric",
    "discount": "numeric(12,2)",
    "net_amount": "double precision",
}


@pytest.fixture(scope="module", autouse=True)
def _credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTSEG_JDBC_USER", "loader")
        patch.setenv("CUSTSEG_JDBC_PASSWORD", PASSWORD)
        yield


class Database:
    """A database of its own, with tables of sales facts."""

    def __init__(self, server: Server) -> None:
        self.server, self.name = server, f"sales_{time.monotonic_ns()}"
        server.query("postgres", f"CREATE DATABASE {self.name}")
        self.url = f"jdbc:postgresql://127.0.0.1:{server.port}/{self.name}"

    def run(self, sql: Any, *values: object) -> list[tuple[Any, ...]]:
        return self.server.query(self.name, sql, *values)

    def create(self, table: str, lines: Sequence[Line], types: dict[str, str] = TYPES) -> None:
        self.run(f"CREATE TABLE {table} ({', '.join(f'{c} {t}' for c, t in types.items())})")
        self.insert(table, lines)

    def insert(self, table: str, lines: Sequence[Line]) -> None:
        marks = ", ".join(["%s"] * len(COLUMNS))
        with psycopg.connect(self.server.url(self.name)) as connection:
            values = [[line[c] for c in COLUMNS] for line in lines]
            connection.cursor().executemany(f"INSERT INTO {table} VALUES ({marks})", values)


@pytest.fixture(scope="module")
def database(postgresql: Server) -> Database:
    made = Database(postgresql)
    made.create("sales_facts", LINES)
    return made


def ingest(lake: Path, source: object, *overrides: str) -> None:
    settings = [a for o in (ALL_ALLOWED, *overrides) for a in ("--set", o)]
    job("ingest").run([f"--lake={lake}", f"--source=sales_facts={source}", *settings])


def sales_facts(**overrides: Any) -> MappingFile:
    return load_mapping("sales_facts", overrides, [conf_dir() / "sources"])


# --- A table, delivered again and again --------------------------------------------------------


def test_a_table_is_read_once_and_its_new_rows_once(
    spark: SparkSession,
    database: Database,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    lake_dir, url = tmp_path / "lake", database.url
    read = reading(Lake(spark, LakeConfig(path=str(lake_dir))))
    csv = write(tmp_path / "sales.csv", LINES)

    ingest(lake_dir, url)
    [row] = read(INGEST_FILES)
    assert (row.source_file, row.source_table, row.bytes) == (url, "sales_facts", 0)
    assert ledger(read) == {database.name: Ledger(6, 0, 0, 3, 2, 1)}
    # By date and then by the columns: no date first, 1004 behind 1001 twice.
    found = {number: e.order_id for (_, number), e in events(read).items()}
    assert found == {2: "1003", 3: "1001", 6: "1002"}
    assert {(number, r.code, r.field, r.value) for (_, number), given in reasons(read).items()
            for r in given} == {
        (1, "unparseable_time", "order_date", None),
        (5, "inconsistent_amount", "net_amount", "20"),
    }  # fmt: skip

    ingest(lake_dir, url)
    assert len(read(INGEST_FILES)) == 1
    # The same lines as text are the same events.
    ingest(lake_dir, csv)
    assert ledger(read)["sales.csv"] == Ledger(7, 1, 0, 0, 2, 4)

    database.insert("sales_facts", [sale(order_id="1006", order_date="2024-03-09")])
    ingest(lake_dir, url)
    of_table = [row for row in read(INGEST_FILES) if row.source_table == "sales_facts"]
    of_table.sort(key=lambda row: row.ingested_at)
    counts = [(r.physical_records, r.accepted, r.duplicates) for r in of_table]
    assert counts == [(6, 3, 1), (7, 1, 4)]
    assert len(read(EVENTS)) == 4
    database.run("DELETE FROM sales_facts WHERE order_id = 1006")

    said = capfd.readouterr()
    assert PASSWORD not in said.out + said.err
    held = [path for path in lake_dir.rglob("*") if path.is_file()]
    assert held
    assert not any(PASSWORD.encode() in path.read_bytes() for path in held)


def test_a_condition_is_a_delivery_of_its_own(
    spark: SparkSession, database: Database, tmp_path: Path
) -> None:
    """A scheduler's closed days, one of them twice."""
    days = ("order_date < '2024-03-02'", "order_date < '2024-03-06'", "order_date < '2024-03-02'")
    for day in days:
        ingest(tmp_path / "lake", database.url, f"sources.sales_facts.jdbc.where={day}")
    rows = reading(Lake(spark, LakeConfig(path=f"{tmp_path}/lake")))(INGEST_FILES)
    assert sorted((r.source_table, r.physical_records, r.accepted) for r in rows) == [
        (f"sales_facts WHERE {days[0]}", 3, 2),
        (f"sales_facts WHERE {days[1]}", 5, 1),
    ]


@pytest.mark.heavy
def test_the_job_of_a_shell_in_another_time_zone(
    spark: SparkSession, database: Database, tmp_path: Path
) -> None:
    """A time without a zone is what it says, wherever the JVM is."""
    line = sale(order_date="2024-03-01 23:30:00")
    database.create("clock", [line], {**TYPES, "order_date": "timestamp"})
    python = Path(sys.executable).parent
    done = subprocess.run(
        [
            *(python / "spark-submit", ROOT / "jobs" / "ingest.py", f"--lake={tmp_path}/lake"),
            *(f"--source=sales_facts={database.url}", "--set=sources.sales_facts.table=clock"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "TZ": "America/Sao_Paulo", "PATH": f"{python}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    assert "1 records = 1 accepted" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    [found] = reading(Lake(spark, LakeConfig(path=f"{tmp_path}/lake")))(EVENTS)
    assert utc(found.event_at) == "2024-03-01 23:30:00"


def test_the_guides_commands_run(
    spark: SparkSession, database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    section = GUIDE.replace("\\\n", " ")
    commands = re.findall(r"^spark-submit jobs/segment.py (.*)$", section, re.M)
    assert len(commands) == 2
    assert "CUSTSEG_JDBC_PASSWORD=" in section
    lines = [
        sale(customer_id=f"c{n % 9}", order_id=str(n), order_date=f"2024-0{1 + n % 4}-0{1 + n % 9}")
        for n in range(60)
    ]
    database.create("readme", [*lines, sale(order_id="99", order_date="2024-05-01")])
    ours = {
        "PATH": str(write(tmp_path / "sales.parquet", lines)),
        "jdbc:postgresql://HOST:5432/DATABASE": database.url,
        "table=sales_facts": "table=readme",
        "--lake sales": f"--lake {tmp_path}/sales",
    }
    small = ["--set=model.k=2", "--set=report.enabled=false", "--set=model.stability.bootstraps=0"]
    for command in commands:
        for theirs, own in ours.items():
            command = command.replace(theirs, own)
        job("segment").run([*shlex.split(command), *small])
    said = capsys.readouterr().out
    assert "60 records = 60 accepted + 0 rejected + 0 duplicates" in said
    assert "61 records = 1 accepted + 0 rejected + 60 duplicates" in said
    assert "Segments of 9 customers on 2024-05-02" in said


# --- Rows --------------------------------------------------------------------------------------


def records_of(
    spark: SparkSession, url: str, staging: Path, **overrides: Any
) -> tuple[int, list[Records]]:
    """How many rows a table gave, and the records that were read of it."""
    mapping = sales_facts(path=(url,), **overrides)
    [table] = jdbc_tables.tables(spark, mapping)
    count, pieces = jdbc.read(spark, table, f"f{time.monotonic_ns()}", mapping, staging)
    return count, [records for piece in pieces for records in piece.records(mapping)]


def rows(spark: SparkSession, url: str, staging: Path, **overrides: Any) -> list[tuple[int, str]]:
    """The rows of a table, numbered, as `jdbc` reads them; they must be as many as it says."""
    count, read = records_of(spark, url, staging, **overrides)
    numbered = [
        pair
        for records in read
        for pair in zip(
            records.rows.tolist(), records.raw_text(np.arange(len(records.rows))), strict=True
        )
    ]
    assert len(numbered) == count
    assert all(records.malformed.is_empty() for records in read)
    return sorted(numbered)


def test_rows_are_numbered_the_same_in_any_order_over_any_partitions(
    spark: SparkSession, database: Database, tmp_path: Path
) -> None:
    random = Random(5)
    lines = [
        sale(
            order_id=str(n % 40), order_date=f"2024-0{1 + n % 7}-1{n % 9}", customer_id=f"c{n % 3}"
        )
        for n in range(90)
    ]
    lines += [sale(order_date=None, order_id=str(n)) for n in range(3)]
    database.create("ordered", lines)
    database.create("shuffled", random.sample(lines, len(lines)))
    one = rows(spark, database.url, tmp_path, table="ordered", jdbc={"partitions": 1})
    assert [number for number, _ in one] == list(range(1, 94))
    for keys in (
        {"partitions": 5},
        {"partitions": 3, "fetch_size": 2},
        {"partition_column": "ORDER_DATE"},
    ):
        assert rows(spark, database.url, tmp_path, table="shuffled", jdbc=keys) == one
    timed = {**TYPES, "order_date": "timestamp"}
    database.create("timed", random.sample(lines, len(lines)), timed)
    runs = [
        rows(spark, database.url, tmp_path, table="timed", jdbc={"partitions": n})
        for n in (1, 2, 5)
    ]
    assert runs[0] == runs[1] == runs[2]
    by_order = {"partition_column": "order_id", "partitions": 4}
    again = rows(spark, database.url, tmp_path, table="shuffled", jdbc=by_order)
    assert again == rows(spark, database.url, tmp_path, table="ordered", jdbc=by_order)
    assert sorted(text for _, text in again) == sorted(text for _, text in one)
    parts = {"predicates": ["order_id % 2 = 0", "order_id % 2 = 1"]}
    by_parts = rows(spark, database.url, tmp_path, table="shuffled", jdbc=parts)
    assert sorted(text for _, text in by_parts) == sorted(text for _, text in one)


@pytest.mark.parametrize(
    "predicates",
    [["order_id > 1002"], ["order_id > 0", "order_id = 1002"]],
    ids=["left out", "twice"],
)
def test_predicates_that_lose_or_repeat_rows_are_refused(
    spark: SparkSession, database: Database, tmp_path: Path, predicates: list[str]
) -> None:
    with pytest.raises(InputError, match=r"rows were read, of 6 before and 6 after"):
        rows(spark, database.url, tmp_path, jdbc={"predicates": predicates})


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE facts SET unit_price = unit_price + 0.01 WHERE order_id = 1004",
        "UPDATE facts SET customer_id = 'd1' WHERE order_id = 1004",
        "UPDATE facts SET discount = NULL WHERE order_id = 1004",
        "DELETE FROM facts WHERE order_id = 1002",
        "ALTER TABLE facts ADD COLUMN channel text",
    ],
)
def test_a_change_of_the_table_changes_its_fingerprint(
    spark: SparkSession, database: Database, change: str
) -> None:
    database.run("DROP TABLE IF EXISTS facts")
    database.create("facts", LINES)
    mapping = sales_facts(path=(database.url,), table="facts")
    [before], [same] = jdbc_tables.tables(spark, mapping), jdbc_tables.tables(spark, mapping)
    database.run(change)
    [after] = jdbc_tables.tables(spark, mapping)
    assert before.sha256 == same.sha256 != after.sha256


def test_types_of_a_database_become_the_text_that_one_would_type(
    spark: SparkSession, database: Database, tmp_path: Path
) -> None:
    database.run("""
        CREATE TABLE typed AS SELECT
        'a3c1e7a2-0000-4000-8000-0000000000ff'::uuid AS customer_id, true AS order_id,
        '2024-03-01 10:00:00.5'::timestamp AS order_date, 9007199254740993::bigint AS product_id,
        2.000::numeric AS quantity, 0.1::real AS unit_price, 'NaN'::float8 AS discount,
        12.9900::numeric(12,4) AS net_amount, '{"a": 1}'::jsonb AS "Étiquette ""x"" `y`",
        ARRAY[1, 2] AS list, 'c'::char(3) AS short, '2024-03-01 23:30:00+01'::timestamptz AS seen
    """)
    count, [records] = records_of(spark, database.url, tmp_path, table="typed")
    assert count == 1
    [row] = records.values.rows(named=True)
    assert (row["customer_id"], row["order_id"]) == ("a3c1e7a2-0000-4000-8000-0000000000ff", "true")
    assert (row["order_date"], row["product_id"]) == (
        "2024-03-01 10:00:00.500000",
        "9007199254740993",
    )
    assert (row["quantity"].rstrip("0"), row["unit_price"]) == ("2.", "0.1")
    assert (row["discount"], row["net_amount"]) == (None, "12.9900")
    [extras] = extra_texts(records.values, COLUMNS)
    assert extras.split(SEPARATOR) == [
        "list=[1,2]",
        "seen=2024-03-01 22:30:00",
        "short=c",
        'Étiquette "x" `y`={"a": 1}',
    ]


def test_an_empty_table_has_a_row_in_the_ledger(
    spark: SparkSession, database: Database, tmp_path: Path
) -> None:
    database.create("empty", [])
    ingest(tmp_path, database.url, "sources.sales_facts.table=empty")
    found = ledger(reading(Lake(spark, LakeConfig(path=str(tmp_path)))))
    assert found == {database.name: Ledger(0, 0, 0, 0, 0, 0)}


# --- What is wrong is named --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"table": "sales_fact"}, 'relation "sales_fact" does not exist; did you mean'),
        ({"columns": {"store": "shop"}}, "the table has no column 'shop'"),
        ({"columns": {"store": "list"}, "table": "typed2"}, "'list' is array<int>; expected a"),
        ({"jdbc": {"where": "order_dat > '2024'"}}, 'column "order_dat" does not exist'),
    ],
)
def test_a_missing_table_or_column_is_named(
    spark: SparkSession, database: Database, overrides: dict[str, Any], message: str
) -> None:
    kept = ", ".join(COLUMNS)
    database.run(f"CREATE TABLE IF NOT EXISTS typed2 AS SELECT {kept}, ARRAY[1] AS list FROM"
                 " sales_facts")  # fmt: skip
    with pytest.raises(InputError) as caught:
        jdbc_tables.tables(spark, sales_facts(path=(database.url,), **overrides))
    said = str(caught.value)
    assert message in said
    assert said.startswith(f"{database.url}: table '{overrides.get('table', 'sales_facts')}")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("customer_id", "'customer_id' is varchar(20); expected a number, date or timestamp"),
        ("order_dat", "there is no column 'order_dat'; did you mean 'order_date'?"),
    ],
)
def test_a_partition_column_without_ranges_is_refused(
    spark: SparkSession, database: Database, column: str, message: str
) -> None:
    mapping = sales_facts(path=(database.url,), jdbc={"partition_column": column})
    with pytest.raises(ConfigurationError) as caught:
        jdbc_tables.tables(spark, mapping)
    assert message.replace("varchar(20)", "string") in str(caught.value)


def test_a_database_out_of_reach_is_named_without_the_password(
    spark: SparkSession, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTSEG_JDBC_PASSWORD", "wrong-one")
    with pytest.raises(InputError, match="password authentication failed") as caught:
        jdbc_tables.tables(spark, sales_facts(path=(database.url,)))
    assert "wrong-one" not in str(caught.value)
    elsewhere = "jdbc:postgresql://127.0.0.1:1/db"
    with pytest.raises(InputError, match=rf"^{elsewhere}: table 'sales_facts': .*refused"):
        jdbc_tables.tables(spark, sales_facts(path=(elsewhere,)))
    with pytest.raises(InputError, match=r"--packages net.snowflake:snowflake-jdbc:VERSION"):
        jdbc_tables.tables(spark, sales_facts(path=("jdbc:snowflake://x.snowflakecomputing.com/",)))


SECRETS = [
    "jdbc:postgresql://h/db?user=u&password=hunter2",
    "jdbc:postgresql://u:hunter2@h/db",
    "jdbc:sqlserver://h:1433;databaseName=d;user=u;password=hunter2",
    "jdbc:oracle:thin:u/hunter2@//h:1521/s",
    "jdbc:snowflake://a.snowflakecomputing.com/?token=hunter2",
]


@pytest.mark.parametrize("url", SECRETS)
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\*\*\*.* holds a secret") as caught:
        sales_facts(path=(url,))
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"holds a secret") as caught:
        load_config(conf_dir() / "local.toml", [f"sources.sales_facts.path={url}"])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"options": {"password": "hunter2"}}, "options.password is a secret"),
        ({"options": {"ssl": True}}, "options.ssl: expected text, got True"),
        ({"partitions": -1}, "partitions must be 0 or more, got -1"),
        ({"fetch_size": 0}, "fetch_size must be 1 or more, got 0"),
        ({"predicates": ["a"], "partitions": 2}, "leave out partition_column and partitions"),
        ({"fetchsize": 5}, "unknown key 'fetchsize'; did you mean 'fetch_size'"),
    ],
)
def test_a_wrong_key_is_named(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sales_facts(jdbc=keys)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_sqlite_file_is_not_read_by_jdbc() -> None:
    with pytest.raises(ConfigurationError, match="give the file as the path"):
        sales_facts(path=("jdbc:sqlite:sales.db",))


# --- Options -----------------------------------------------------------------------------------

SNOWFLAKE = "jdbc:snowflake://org-account.snowflakecomputing.com/"
PLACE = {"warehouse": "LOAD_WH", "db": "SALES", "schema": "PUBLIC", "role": "READER"}
COMMON = {
    "url": SNOWFLAKE,
    "driver": "net.snowflake.client.jdbc.SnowflakeDriver",
    "fetchsize": "10000",
    "preferTimestampNTZ": "true",
    **PLACE,
}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"USER": "u", "PASSWORD": "p"}, {"user": "u", "password": "p"}),
        (
            {"USER": "u", "PRIVATE_KEY_FILE": "/k.p8", "PRIVATE_KEY_PASSPHRASE": "pp"},
            {
                "user": "u",
                "private_key_file": "/k.p8",
                "private_key_pwd": "pp",
                "authenticator": "snowflake_jwt",
            },
        ),
        ({}, {}),
    ],
    ids=["password", "key pair", "neither"],
)
def test_options_of_snowflake(environment: dict[str, str], expected: dict[str, str]) -> None:
    keys = sales_facts(jdbc={"environment": "WH", "options": PLACE}).jdbc
    given = {f"WH_{name}": value for name, value in environment.items()}
    given["CUSTSEG_JDBC_PASSWORD"] = "of another database"
    assert jdbc_options.options(SNOWFLAKE, keys, given) == {**COMMON, **expected}


def test_options_of_a_driver_of_ones_own() -> None:
    own = Jdbc(driver="my.Driver", fetch_size=7, options={"ssl": "true"})
    assert jdbc_options.options("jdbc:mine:x", own, {"CUSTSEG_JDBC_USER": "u"}) == {
        "url": "jdbc:mine:x",
        "driver": "my.Driver",
        "user": "u",
        "ssl": "true",
        "fetchsize": "7",
        "preferTimestampNTZ": "true",
    }


def test_reading_otherwise_is_no_other_mapping() -> None:
    assert sales_facts().hash() == sales_facts(jdbc={"partitions": 9, "fetch_size": 1}).hash()


def test_check_shows_a_table(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    check.run(["sales_facts", database.url, "--set", ALL_ALLOWED])
    shown = capsys.readouterr().out
    assert "6 records = 3 accepted + 2 rejected + 1 duplicates" in shown
    with pytest.raises(ConfigurationError, match="a guess reads files"):
        check.run(["?", database.url])
