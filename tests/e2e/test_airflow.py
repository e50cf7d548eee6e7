"""The DAG in a real Airflow, in its own venv: it loads, and a run of it fills the lake.

The run starts Spark four times: `make test-airflow` has it, the suite doesn't.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT, write_log

PROGRAMS = ROOT / ".venv-airflow" / "bin"
DAG = ROOT / "conf" / "deploy" / "airflow" / "custseg_dag.py"
LOAD = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
dag = bag.dags["custseg"]
print("DAG " + json.dumps({
    "errors": bag.import_errors,
    "max_active_runs": dag.max_active_runs,
    "catchup": dag.catchup,
    "timetable": type(dag.timetable).__name__,
    "tasks": {t.task_id: [sorted(t.upstream_task_ids), t.retries] for t in dag.tasks},
    "in_turn": all(t.depends_on_past and t.max_active_tis_per_dag == 1 for t in dag.tasks),
}))
"""
# Four starts of Spark for a handful of rows: nothing is worth compiling.
SUBMIT = (
    "spark-submit --conf spark.master=local[2] --conf spark.sql.shuffle.partitions=2"
    " --conf spark.databricks.delta.snapshotPartitions=1"
    " --conf spark.sql.codegen.wholeStage=false --conf spark.sql.codegen.factoryMode=NO_CODEGEN"
    " --driver-java-options -XX:TieredStopAtLevel=1"
)
SMALL = """
[model]
algorithms = ["kmeans"]
k = 2

[model.selection]
silhouette_customers = 0

[model.stability]
bootstraps = 0

[clv]
enabled = false

[report]
enabled = false
"""

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="no .venv-airflow: make airflow")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    home = tmp_path_factory.mktemp("airflow")
    made = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAG.parent),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    said(["airflow", "db", "migrate"], made)
    return made


def said(command: list[str], environment: Mapping[str, str]) -> str:
    """What a program of Airflow's venv prints; it must end well."""
    done = subprocess.run(
        [str(PROGRAMS / command[0]), *command[1:]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_it_loads_and_runs_one_date_after_the_other(environment: Mapping[str, str]) -> None:
    out = said(["python", "-c", LOAD, str(DAG)], environment)
    dag: dict[str, Any] = json.loads(out.split("DAG ")[1].splitlines()[0])
    assert dag["errors"] == {}
    assert dag["max_active_runs"] == 1
    assert dag["catchup"] is False
    # Its date is the day on which it fires, not the day before.
    assert dag["timetable"] == "CronTriggerTimetable"
    assert dag["tasks"] == {
        "ingest": [[], 2],
        "gate": [["ingest"], 0],
        "segment": [["gate"], 2],
        "export": [["segment"], 2],
    }
    assert dag["in_turn"]


@pytest.mark.heavy
def test_the_documented_backfill_has_the_days_that_the_document_says(
    environment: Mapping[str, str],
) -> None:
    text = (
        (ROOT / "docs" / "guides" / "deployment.md").read_text(encoding="utf-8").replace("\\\n", "")
    )
    (command,) = re.findall(r"airflow (backfill create .*)", text)
    said(["airflow", "dags", "reserialize"], environment)
    out = said(["airflow", *command.split(), "--dry-run"], environment)
    dates = re.findall(r"^\| (\S+) 03:00:00", out, re.M)
    assert (len(dates), dates[0], dates[-1]) == (31, "2026-01-01", "2026-01-31")


@pytest.mark.heavy
def test_a_run_of_it_fills_lake_and_export_from_the_wheel(
    environment: Mapping[str, str], built_wheel: Path, tmp_path: Path
) -> None:
    days = [f"2019-10-0{day}" for day in (1, 2)]
    lines = [
        f"{day} 10:0{n % 10}:00 UTC,{kind},{n},2,a.b,c,{n + 1}.50,{n % 12},s{n}"
        for day in days
        for n, kind in enumerate(["view", "view", "cart", "purchase", "view"] * 8)
    ]
    log = write_log(tmp_path / "a log.csv", lines)
    (tmp_path / "small.toml").write_text(SMALL)
    variables = {
        "home": str(ROOT),
        "submit": f"{SUBMIT} --py-files {built_wheel}",
        "config": str(tmp_path / "small.toml"),
        "source": f"ecommerce_events={log}",
        "lake": str(tmp_path / "lake"),
        "export": f"csv:{tmp_path}/exports",
    }
    # The simple collector, as in the tests' own session.
    java = {"JDK_JAVA_OPTIONS": "-XX:+UseSerialGC"}
    given = {f"AIRFLOW_VAR_CUSTSEG_{name.upper()}": value for name, value in variables.items()}
    out = said(
        ["airflow", "dags", "test", "custseg", "2019-10-03"], {**environment, **given, **java}
    )
    assert "80 records = 80 accepted" in out
    assert "Fit to be segmented: 80 events" in out
    assert "Segments of 12 customers on 2019-10-03" in out
    exported = (tmp_path / "exports" / "customer_segments.csv").read_text().splitlines()
    assert len(exported) == 13
