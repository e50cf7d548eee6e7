"""What databases are told: tables, indexes, views and figures, without a session."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from custseg_spark.errors import ConfigurationError, TargetError
from custseg_spark.outputs.exports import dialects, reporting_schema, views
from custseg_spark.outputs.exports.layout import ReportTable
from custseg_spark.outputs.exports.parquet import write as write_parquet
from custseg_spark.outputs.exports.targets import parse_target

CUSTOMERS = ReportTable(
    "customer_segments",
    """customer_id string, name string, spend decimal(28,4), share double,
    orders bigint, segment string, segment_id int, seen date, is_control boolean""",
    key=("customer_id",),
    indexes=(("segment_id",),),
)
ROWS = [
    ("a", "Zoë", Decimal("12.5000"), 0.1, 3, "Loyal", 1, None, True),
    ("b", None, Decimal("-0.1000"), None, None, "New", 2, None, False),
]


def batch() -> pa.RecordBatch:
    columns = list(zip(*ROWS, strict=True))
    arrays = [pa.array(c, f.type) for c, f in zip(columns, CUSTOMERS.arrow, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=CUSTOMERS.arrow)


def load(target: str) -> None:
    with parse_target(target).opened() as loading:
        assert loading.stage(CUSTOMERS, iter([batch()])) == 2  # type: ignore[union-attr]
        loading.publish()


def test_a_declarations_columns_are_read_without_spark() -> None:
    assert list(CUSTOMERS.columns)[:3] == ["customer_id", "name", "spend"]
    assert CUSTOMERS.columns["spend"] == "decimal(28,4)"
    assert CUSTOMERS.arrow.field("spend").type == pa.decimal128(28, 4)
    for table in reporting_schema.reported_tables():
        assert list(table.columns) == [
            part.split()[0] for part in table.ddl.replace("\n", " ").split(", ")
        ]


def test_each_database_is_told_in_its_own_words() -> None:
    mysql = dialects.MYSQL.create_table(CUSTOMERS, "staging")
    assert mysql.startswith("CREATE TABLE `staging` (\n    `customer_id` varchar(255),")
    assert "`name` text" in mysql
    assert "PRIMARY KEY (`customer_id`)" in mysql
    snowflake = dialects.SNOWFLAKE.create_table(CUSTOMERS)
    assert '"CUSTOMER_ID" varchar' in snowflake
    assert dialects.SNOWFLAKE.create_indexes(CUSTOMERS) == []
    postgresql = dialects.POSTGRESQL.create_table(CUSTOMERS, if_missing=True)
    assert postgresql.startswith("CREATE TABLE IF NOT EXISTS")
    assert '"share" double precision' in postgresql


def test_a_sqlite_export_has_the_view_by_mobile(tmp_path: Path) -> None:
    for _ in range(2):
        load(f"sqlite:///{tmp_path / 'reports.db'}")
    with closing(sqlite3.connect(tmp_path / "reports.db")) as connection:
        found = connection.execute(
            "SELECT mobile, segment, segment_name, typeof(segment)"
            " FROM customer_segments_by_mobile ORDER BY mobile"
        ).fetchall()
    assert found == [("a", 1, "Loyal", "integer"), ("b", 2, "New", "integer")]


def test_a_table_without_customers_has_no_view() -> None:
    table = ReportTable("segment_metrics", "segment_id int, spend double", key=("segment_id",))
    assert views.statement(table, dialects.SQLITE, "CREATE VIEW ") is None


def test_the_figures_of_a_database_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "reports.db"
    load(f"sqlite:///{path}")
    target = parse_target(f"sqlite:///{path}")
    with target.queried() as query:  # type: ignore[attr-defined]
        [found] = query(dialects.SQLITE.figures(CUSTOMERS))
    # Rows, keys; then of each column its values, and characters or the sum.
    assert list(found) == [
        *(2, 2),
        *(2, 2),
        *(1, 3),
        *(2, 12.4),
        1,
        *(1, 3),
        *(2, 8),
        *(2, 3),
        0,
        2,
    ]


def test_a_database_that_isnt_there_is_not_made(tmp_path: Path) -> None:
    target = parse_target(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(TargetError, match="isn't there"), target.queried():  # type: ignore[attr-defined]
        pass
    assert not list(tmp_path.iterdir())


def test_parquet_holds_every_value_and_type(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    assert write_parquet(CUSTOMERS, iter([batch(), batch()]), tmp_path / "a.parquet") == 4
    read = pq.read_table(tmp_path / "a.parquet")
    assert read.schema.equals(CUSTOMERS.arrow)
    assert [tuple(row.values()) for row in read.slice(2).to_pylist()] == ROWS
    assert write_parquet(CUSTOMERS, iter([]), tmp_path / "b.parquet") == 0
    assert pq.read_table(tmp_path / "b.parquet").schema.equals(CUSTOMERS.arrow)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("jdbc:oracle:thin:@host:1521/db", "no export to such a database"),
        ("jdbc:postgresql://host/db", "write --to postgresql://"),
        ("jdbc:mysql://host/db?user=a&password=hunter2", "holds a secret"),
        ("parquet:", "expected parquet:DIR"),
        ("delta:", "expected delta:DIR"),
        ("parquett:x", "did you mean 'parquet'"),
    ],
)
def test_a_target_that_is_none_is_named(target: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        parse_target(target)
    assert "hunter2" not in str(raised.value)


def test_snowflakes_options_are_built_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"ACCOUNT": "org-acc", "USER": "loader", "PASSWORD": "hunter2", "DATABASE": "shop"}
    for name, value in given.items():
        monkeypatch.setenv(f"SNOWFLAKE_{name}", value)
    target = parse_target("jdbc:snowflake:")
    assert target.shown == "jdbc:snowflake://org-acc.snowflakecomputing.com/"
    assert "hunter2" not in repr(target)
    options = dict(target.options)  # type: ignore[attr-defined]
    assert options == {
        "driver": "net.snowflake.client.jdbc.SnowflakeDriver",
        "fetchsize": "10000",
        "password": "hunter2",
        "preferTimestampNTZ": "true",
        "url": "jdbc:snowflake://org-acc.snowflakecomputing.com/?db=shop",
        "user": "loader",
    }
