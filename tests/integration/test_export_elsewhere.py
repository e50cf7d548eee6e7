"""Exports as Parquet and Delta, the reporting schema, and databases compared with the lake."""

import re
import sqlite3
import time
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from checkout import ROOT, job
from deltalake import DeltaTable
from postgresql_server import Server
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from custseg_spark.core.customers.contacts import is_held_back
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.errors import ConfigurationError, TargetError
from custseg_spark.interfaces.cli import check_report
from custseg_spark.outputs.exports.frames.changes import Campaign, is_control
from custseg_spark.outputs.exports.reporting_schema import reported_tables

GUIDE = (ROOT / "docs" / "guides" / "exports.md").read_text(encoding="utf-8")
SCHEMA = ROOT / "conf" / "deploy" / "sql" / "reporting_schema.sql"


def export(lake: Lake, to: str, *options: str) -> None:
    job("export").run([f"--lake={lake.config.path}", f"--to={to}", *options])


def check(lake: Lake, to: str, *options: str) -> None:
    """The guide's command, on the test's lake and target."""
    [line] = re.findall(r"^custseg check-report (.*)$", GUIDE, re.M)
    ours = {"--lake lake": f"--lake {lake.config.path}", "sqlite:///reports.db": to}
    for theirs, own in ours.items():
        assert theirs in line
        line = line.replace(theirs, own)
    check_report.run([*line.split(), *options])


def test_parquet_and_delta_hold_the_same_rows_with_their_types(
    small_lake: Lake, tmp_path: Path
) -> None:
    names = "--tables=customer_segments,segment_metrics"
    export(small_lake, f"parquet:{tmp_path / 'parquet'}", names)
    export(small_lake, f"delta:{tmp_path / 'delta'}", names)
    export(small_lake, f"delta:{tmp_path / 'delta'}", names)
    assert {path.name for path in (tmp_path / "parquet").iterdir()} == {
        *("customer_segments.parquet", "segment_metrics.parquet", "evaluation_metrics.json")
    }
    # What was staged is gone.
    assert {path.name for path in (tmp_path / "delta").iterdir()} == {
        *("customer_segments", "segment_metrics")
    }
    for name in ("customer_segments", "segment_metrics"):
        parquet = pl.read_parquet(tmp_path / "parquet" / f"{name}.parquet")
        delta = pl.read_delta(str(tmp_path / "delta" / name)).sort(parquet.columns[0])
        assert parquet.equals(delta.select(parquet.columns))
        assert DeltaTable(tmp_path / "delta" / name).version() == 1
    row = pl.read_parquet(tmp_path / "parquet" / "customer_segments.parquet").row(1, named=True)
    assert (row["customer_id"], row["clv"]) == ("c1", Decimal("20.1235"))
    assert row["prediction_timestamp"] == datetime(2021, 4, 1, tzinfo=UTC)


def test_a_lakes_own_table_is_never_overwritten(small_lake: Lake, tmp_path: Path) -> None:
    lake = Path(small_lake.config.path)
    before = DeltaTable(lake / "customer_segments").version()
    with pytest.raises(TargetError, match="is another table"):
        export(small_lake, f"delta:{lake}", "--tables=customer_segments")
    assert DeltaTable(lake / "customer_segments").version() == before


def test_a_dba_s_schema_is_that_of_an_export(small_lake: Lake, postgresql: Server) -> None:
    made, exported = (f"{name}_{time.monotonic_ns()}" for name in ("schema", "export"))
    for name in (made, exported):
        postgresql.query("postgres", f"CREATE DATABASE {name}")
    for _ in range(2):
        postgresql.query(made, SCHEMA.read_text(encoding="utf-8"))
    changes = "--changes-since=2021-03-01"
    tables = ",".join(table.name for table in reported_tables() if table.name != "campaign_lift")
    export(small_lake, postgresql.url(exported), f"--tables={tables}", changes)
    columns = (
        "SELECT table_name, column_name, ordinal_position, data_type, numeric_precision,"
        " numeric_scale, is_nullable FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name NOT LIKE 'campaign_lift%%' ORDER BY 1, 3"
    )
    indexes = (
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
        " AND tablename <> 'campaign_lift' ORDER BY 1"
    )
    for query in (columns, indexes):
        found = postgresql.query(made, query)
        assert found
        assert found == postgresql.query(exported, query)
    # An export fills what the script made, and the view shows it.
    export(small_lake, postgresql.url(made), "--tables=customer_segments")
    view = "SELECT mobile, segment, pg_typeof(segment)::text FROM customer_segments_by_mobile"
    assert ("c2", 1, "integer") in postgresql.query(made, view)


def test_a_reporting_database_is_compared_with_the_lake(
    small_lake: Lake, postgresql: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"compared_{time.monotonic_ns()}"
    postgresql.query("postgres", f"CREATE DATABASE {name}")
    targets = [postgresql.url(name), f"sqlite:///{tmp_path / 'reports.db'}"]
    for target in targets:
        export(small_lake, target)
        check(small_lake, target)
    assert capsys.readouterr().out.count("customer_segments                     4 rows") == 2
    change = "UPDATE customer_segments SET avg_purchase_amount = avg_purchase_amount + 0.0001"
    change += " WHERE customer_id = 'c1'"
    postgresql.query(name, change)
    with closing(sqlite3.connect(tmp_path / "reports.db")) as connection:
        connection.execute(change)
        connection.commit()
    for target in targets:
        with pytest.raises(TargetError) as raised:
            check(small_lake, target, "--tables=customer_segments")
        assert "sum of avg_purchase_amount: 53.3134 there, 53.3133 in the lake" in str(raised.value)
    with pytest.raises(ConfigurationError, match="expected a database"):
        check(small_lake, f"csv:{tmp_path}")
    with closing(sqlite3.connect(tmp_path / "empty.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.commit()
    with pytest.raises(TargetError, match="no such table"):
        check(small_lake, f"sqlite:///{tmp_path / 'empty.db'}")


def test_an_audience_holds_back_whom_the_export_holds_back(spark: SparkSession) -> None:
    campaign = Campaign(date(2021, 3, 1), date(2021, 4, 1), "spring é", 0.3)
    frame = spark.range(500).select(F.concat(F.lit("ü"), F.col("id")).alias("customer_id"))
    rows = frame.withColumn("held", is_control(campaign)).collect()
    ids = pl.Series("customer_id", [row.customer_id for row in rows])
    assert is_held_back(ids, "spring é", 0.3).to_list() == [row.held for row in rows]
