"""Exports to a real MariaDB by JDBC: values, the swap, and what goes wrong, without secrets."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import job
from ledger import reading
from mariadb_server import PASSWORD, USER, Server, is_installed, started
from pyspark.sql import DataFrame, SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.errors import TargetError
from custseg_spark.interfaces.cli import check_report
from custseg_spark.outputs.exports.jdbc import JdbcDatabase
from custseg_spark.outputs.exports.layout import ReportTable

pytestmark = pytest.mark.skipif(
    not is_installed(), reason="no MariaDB (Debian: apt-get install mariadb-server libmariadb-java)"
)
TABLE = ReportTable(
    "customers",
    "customer_id string, spend decimal(28,4), orders bigint, seen date, at timestamp, ok boolean",
    key=("customer_id",),
    indexes=(("seen",),),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with started() as made:
        yield made


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTSEG_JDBC_USER", USER)
    monkeypatch.setenv("CUSTSEG_JDBC_PASSWORD", PASSWORD)


@pytest.fixture
def database(server: Server) -> str:
    name = f"reports_{time.monotonic_ns()}"
    server.query(f"CREATE DATABASE {name}")
    return name


def _load(target: JdbcDatabase, tables: list[tuple[ReportTable, DataFrame]]) -> None:
    with target.opened() as loading:
        for table, frame in tables:
            loading.stage_frame(table, frame)
        loading.publish()


def export(lake: Lake, to: str, *options: str) -> None:
    job("export").run([f"--lake={lake.config.path}", f"--to={to}", *options])


def test_every_table_is_there_and_equals_the_lake(
    small_lake: Lake, server: Server, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.url(database)
    export(small_lake, url)
    export(small_lake, url)
    rows = server.query("SELECT customer_id, clv, segment, prediction_timestamp"
                        " FROM customer_segments ORDER BY 1", database)  # fmt: skip
    assert rows == [
        ("=c5", "NULL", "Dormant", "2021-04-01 00:00:00"),
        ("c1", "20.1235", "Dormant", "2021-04-01 00:00:00"),
        ("c2", "2.5000", "Loyal", "2021-04-01 00:00:00"),
        ("c3", "NULL", "Dormant", "2021-04-01 00:00:00"),
    ]
    view = server.query("SELECT mobile, segment FROM customer_segments_by_mobile"
                        " WHERE mobile = 'c2'", database)  # fmt: skip
    assert view == [("c2", "1")]
    tables = {name for (name,) in server.query("SHOW TABLES", database)}
    assert not [name for name in tables if name.startswith("custseg_staging")]
    check_report.run([f"--lake={small_lake.config.path}", f"--to={url}"])
    assert "customer_purchase_trends" in capsys.readouterr().out

    server.query("UPDATE segment_metrics SET total_spend = total_spend + 0.01 WHERE segment_id = 1;"
                 " DELETE FROM customer_segments WHERE customer_id = 'c2'", database)  # fmt: skip
    with pytest.raises(TargetError) as raised:
        check_report.run([f"--lake={small_lake.config.path}", f"--to={url}"])
    said = str(raised.value)
    assert "customer_segments: rows: 3 there, 4 in the lake" in said
    assert "segment_metrics: sum of total_spend: 115.49 there, 115.48 in the lake" in said


def test_a_source_in_mariadb_is_read_by_its_values(
    spark: SparkSession, server: Server, database: str, tmp_path: Path
) -> None:
    """Spark quotes names for MySQL's addresses alone; MariaDB would take them for texts."""
    server.query(
        "CREATE TABLE sales_facts (customer_id varchar(9), order_id varchar(9), order_date date,"
        " product_id int, quantity int, unit_price decimal(9,2), discount decimal(9,2),"
        " net_amount decimal(9,2));"
        " INSERT INTO sales_facts VALUES ('c1', '7', '2024-03-01', 5, 2, 12.50, 0, 25)",
        database,
    )
    source = f"--source=sales_facts={server.url(database)}"
    job("ingest").run([f"--lake={tmp_path / 'lake'}", source])
    [event] = reading(Lake(spark, LakeConfig(path=str(tmp_path / "lake"))))(EVENTS)
    assert (event.customer_id, event.order_id, event.quantity) == ("c1", "7", 2)


def test_a_mysql_address_does_as_well(small_lake: Lake, server: Server, database: str) -> None:
    # MySQL's own driver isn't here; MariaDB's speaks to both.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUSTSEG_JDBC_DRIVER", "org.mariadb.jdbc.Driver")
        export(small_lake, server.url(database, "mysql"), "--tables=segment_metrics")
    assert server.query("SELECT count(*) FROM segment_metrics", database) == [("3",)]


def test_a_reader_sees_the_old_rows_until_all_are_there(
    spark: SparkSession, server: Server, database: str
) -> None:
    target = JdbcDatabase.of(server.url(database))
    old = spark.createDataFrame([("a", None, 1, None, None, True)], TABLE.schema)
    with target.opened() as loading:
        assert loading.stage_frame(TABLE, old) == 1
        loading.publish()
    new = spark.range(3000).selectExpr(
        "concat('c', id) customer_id", "cast(id / 3 as decimal(28,4)) spend", "id orders",
        "date'2024-02-29' seen", "timestamp'2024-02-29 23:59:59Z' at", "id % 2 = 0 ok",
    )  # fmt: skip
    with target.opened() as loading:
        assert loading.stage_frame(TABLE, new) == 3000
        assert server.query("SELECT count(*) FROM customers", database) == [("1",)]
        with target.connection() as second:
            assert second.rows("SELECT GET_LOCK('custseg', 0)") == [[0]]
        loading.publish()
    rows = server.query("SELECT * FROM customers WHERE customer_id = 'c7'", database)
    assert rows == [("c7", "2.3333", "7", "2024-02-29", "2024-02-29 23:59:59", "0")]
    assert server.query("SELECT count(*) FROM customers", database) == [("3000",)]


def test_a_failure_half_way_leaves_the_old_rows(
    spark: SparkSession, server: Server, database: str
) -> None:
    target = JdbcDatabase.of(server.url(database))
    row = spark.createDataFrame([("a", None, 1, None, None, True)], TABLE.schema)
    other = ReportTable("others", "id int, name string", key=("id",))
    too_long = spark.createDataFrame([(1, "too long")], other.schema)
    server.query("CREATE TABLE others (id int PRIMARY KEY, name varchar(2) NOT NULL)", database)
    _load(target, [(TABLE, row)])
    with pytest.raises(TargetError):
        _load(target, [(TABLE, row.limit(0)), (other, too_long)])
    assert server.query("SELECT count(*) FROM customers", database) == [("1",)]
    assert {n for (n,) in server.query("SHOW TABLES", database)} == {
        *("customers", "customers_by_mobile", "others")
    }


def test_what_goes_wrong_is_told_without_the_password(
    small_lake: Lake, server: Server, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.query("CREATE TABLE segment_metrics (segment_id int)", database)
    with pytest.raises(TargetError, match="lacks segment, total_spend"):
        export(small_lake, server.url(database), "--tables=segment_metrics")
    with pytest.raises(TargetError, match=r"jdbc:mariadb://127\.0\.0\.1"):
        export(small_lake, server.url("nowhere"))
    monkeypatch.setenv("CUSTSEG_JDBC_PASSWORD", "wrong-hunter2")
    with pytest.raises(TargetError, match="Access denied") as raised:
        export(small_lake, server.url(database))
    assert "hunter2" not in str(raised.value)
