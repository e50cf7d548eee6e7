"""The tables' columns in Arrow and in Spark's text of them; nothing of it imports Spark."""

import subprocess
import sys
from pathlib import Path

import declared_tables
import pyarrow as pa
import pytest

import custseg_spark
from custseg_spark.engine.lake.columns import TIME, Table
from custseg_spark.engine.lake.ddl import ddl, ddl_type
from custseg_spark.engine.lake.schemas import EVENTS, TABLES

BLOCKED = """
import importlib, pkgutil, sys
sys.modules["pyspark"] = None
sys.modules["delta"] = None
import custseg_spark.engine.lake as lake
# These choose the way of IO, and go the Spark way.
by_spark = {"lake", "publication", "sharing"}
found = {m.name for m in pkgutil.iter_modules(lake.__path__)} - by_spark
names = {name for name in found if not name.startswith("spark_")}
for name in names:
    importlib.import_module(f"custseg_spark.engine.lake.{name}")
print(" ".join(names))
"""


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_has_the_columns_and_partitions_that_it_had(table: Table) -> None:
    declared = (ddl(table), table.partitioned_by, table.statistics)
    assert declared == declared_tables.TABLES[table.name]


def test_no_table_is_gone_and_none_is_new() -> None:
    assert {table.name for table in TABLES} == declared_tables.TABLES.keys()


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
    root = Path(custseg_spark.__file__).parent.parent
    process = subprocess.run(
        [sys.executable, "-c", BLOCKED], cwd=root, capture_output=True, text=True, check=True
    )
    assert {"schemas", "ddl", "native", "commits"} <= set(process.stdout.split())
