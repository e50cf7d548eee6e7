"""The dbt project on a lake's tables, built by dbt itself, in its own venv."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from checkout import ROOT, SHORT_PROCESS
from pyspark.sql import SparkSession

from custseg_spark.engine.lake.lake import Lake

PROGRAMS = ROOT / ".venv-dbt" / "bin"
# All commands in one process, which keeps its Spark.
RUN = """
import json, sys
from dbt.cli.main import dbtRunner
runner = dbtRunner()
for arguments in json.loads(sys.argv[1]):
    done = runner.invoke(arguments)
    print("RESULT " + json.dumps([done.success, {r.node.name: str(r.status) for r in done.result}]))
"""
# The options of the tests' own session: what is run is small.
SUBMIT = (
    "--master local[2] --conf spark.sql.shuffle.partitions=2 --conf spark.driver.memory=1g"
    " --conf spark.sql.codegen.wholeStage=false --conf spark.sql.codegen.factoryMode=NO_CODEGEN"
    f" --conf spark.databricks.delta.snapshotPartitions=1 '{SHORT_PROCESS}' pyspark-shell"
)

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="no .venv-dbt: make dbt")


class Result(NamedTuple):
    """What dbt says of a command: whether it succeeded, and the status of each node."""

    success: bool
    nodes: Mapping[str, str]


class Built(NamedTuple):
    """A build of a run whose features are lost, and then, as on another day, in another process,
    the commands of docs/guides/dbt.md."""

    broken: Result
    build: Result
    freshness: Result
    folder: Path


def documented() -> list[list[str]]:
    text = (ROOT / "docs" / "guides" / "dbt.md").read_text(encoding="utf-8")
    return [shlex.split(c) for c in re.findall(r"^\.venv-dbt/bin/dbt (.*)$", text, re.M)]


def dbt(commands: Sequence[Sequence[str]], folder: Path) -> list[Result]:
    done = subprocess.run(
        [PROGRAMS / "python", "-c", RUN, json.dumps(commands)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYSPARK_SUBMIT_ARGS": SUBMIT,
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        },
    )
    found = re.findall(r"^RESULT (.*)$", done.stdout, re.M)
    assert len(found) == len(commands), done.stdout + done.stderr
    return [Result(*json.loads(line)) for line in found]


@pytest.fixture(scope="module")
def built(small_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dbt")
    places = {"$PWD/lake": str(small_lake.config.path), "$PWD/reporting": str(folder / "out")}
    build, freshness = documented()
    for theirs, own in places.items():
        build, freshness = ([a.replace(theirs, own) for a in c] for c in (build, freshness))
    earlier = [*build[:-1], build[-1].replace("}", ", run_date: 2021-03-01}")]
    return Built(*dbt([earlier], folder), *dbt([build, freshness], folder), folder)


def test_the_model_is_the_latest_run(spark: SparkSession, built: Built) -> None:
    assert built.build.success, built.build.nodes
    table = spark.read.format("delta").load(str(built.folder / "out" / "customer_segments"))
    as_of = datetime(2021, 4, 1, tzinfo=UTC)
    assert table.columns == [
        *("customer_id", "segment_id", "segment_name"),
        *("rfm_recency", "rfm_frequency", "rfm_monetary", "prediction_timestamp"),
    ]
    found = [tuple(row) for row in table.orderBy("customer_id").collect()]
    assert [(*row[:-1], row[-1].astimezone(UTC)) for row in found] == [
        ("=c5", 2, "Dormant", 80, 1, Decimal("9.99"), as_of),
        ("c1", 2, "Dormant", 5, 3, Decimal("100"), as_of),
        ("c2", 1, "Loyal", 40, 1, Decimal("9.99"), as_of),
        ("c3", 2, "Dormant", None, 0, Decimal("-4.5"), as_of),
    ]


def test_every_test_of_the_project_ran(built: Built) -> None:
    assert len(built.build.nodes) == 15
    assert set(built.build.nodes.values()) == {"success", "pass"}


def test_the_projects_tests_fail_where_something_is_wrong(built: Built) -> None:
    """The literal lake has one customer's features of the earlier run, and no sizes."""
    failed = {name for name, status in built.broken.nodes.items() if status == "fail"}
    assert not built.broken.success
    assert failed == {
        "not_null_customer_segments_rfm_frequency",
        "not_null_customer_segments_rfm_monetary",
        "recency_is_of_buyers_alone",
        "segments_have_their_size",
    }


def test_a_run_of_long_ago_is_stale(built: Built) -> None:
    assert built.freshness == Result(False, {"runs": "error"})
