"""The tables' columns in Arrow and in Spark's text of them; nothing of it imports Spark."""

import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from custseg_spark import schemas as spark_schemas
from custseg_spark.engine.lake.columns import TIME, Table
from custseg_spark.engine.lake.ddl import ddl, ddl_type
from custseg_spark.engine.lake.schemas import EVENTS, TABLES

BLOCKED = """
import importlib, pkgutil, sys
sys.modules["pyspark"] = None
sys.modules["delta"] = None
import custseg_spark.engine.lake as lake
names = [m.name for m in pkgutil.iter_modules(lake.__path__) if not m.name.startswith("spark")]
for name in names:
    importlib.import_module(f"custseg_spark.engine.lake.{name}")
print(" ".join(names))
"""


def of_today(table: Table) -> spark_schemas.Table:
    return {t.name: t for t in vars(spark_schemas).values() if isinstance(t, spark_schemas.Table)}[
        table.name
    ]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_has_the_columns_and_partitions_that_it_had(table: Table) -> None:
    today = of_today(table)
    assert ddl(table) == re.sub(r"\s+", " ", today.ddl)
    assert table.partitioned_by == today.partitioned_by
    assert table.statistics == today.statistics


def test_every_table_of_today_is_declared() -> None:
    today = {t.name for t in vars(spark_schemas).values() if isinstance(t, spark_schemas.Table)}
    assert {table.name for table in TABLES} == today


def test_a_data_file_holds_all_columns_but_the_partition_s() -> None:
    assert EVENTS.date_column == "event_date"
    assert EVENTS.file_schema.names == EVENTS.schema.names[1:]


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (pa.large_string(), "string"),
        (pa.large_list(pa.int8()), "array<tinyint>"),
        (pa.map_(pa.string(), pa.struct([("v", TIME)])), "map<string, struct<v: timestamp>>"),
        (pa.decimal128(28, 12), "decimal(28,12)"),
    ],
    ids=["large string", "large list", "map", "decimal"],
)
def test_a_type_has_spark_s_name(type_: pa.DataType, text: str) -> None:
    assert ddl_type(type_) == text


@pytest.mark.parametrize(
    "type_", [pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.uint64()], ids=str
)
def test_a_type_that_no_table_may_have_is_refused(type_: pa.DataType) -> None:
    with pytest.raises(TypeError, match="no column of a table can be"):
        ddl_type(type_)


def test_the_lake_s_native_part_works_without_spark() -> None:
    root = Path(spark_schemas.__file__).parent.parent
    process = subprocess.run(
        [sys.executable, "-c", BLOCKED], cwd=root, capture_output=True, text=True, check=True
    )
    assert {"schemas", "ddl"} <= set(process.stdout.split())
