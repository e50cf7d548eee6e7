"""The flow in a real Prefect, in its own venv: it loads, and a run of it fills the lake.

The run starts Spark four times: `make test-prefect` has it, the suite doesn't.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT, write_log
from test_airflow import SMALL, SUBMIT

PROGRAMS = ROOT / ".venv-prefect" / "bin"
FLOW = ROOT / "conf" / "deploy" / "prefect" / "custseg_flow.py"
LOAD = """
import json, runpy, sys
loaded = runpy.run_path(sys.argv[1])
flow, task = loaded["custseg"], loaded["run_job"]
print("FLOW " + json.dumps([flow.name, task.retries, task.timeout_seconds]))
print("COMMAND " + json.dumps(loaded["command"]("segment", ["--skip-ingest"])))
"""
RUN = """
import runpy, sys
from datetime import date
runpy.run_path(sys.argv[1])["custseg"](date.fromisoformat(sys.argv[2]))
"""

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="no .venv-prefect: make prefect")


def python(code: str, *arguments: object, home: Path, **more: str) -> str:
    """What a program in Prefect's venv prints, with Prefect's own files in `home`."""
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        **more,
    }
    done = subprocess.run(
        [PROGRAMS / "python", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=home,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_flow_loads_with_its_retries_and_commands(tmp_path: Path) -> None:
    said = python(LOAD, FLOW, home=tmp_path, CUSTSEG_LAKE="/srv/lake", CUSTSEG_SUBMIT="a -b")
    lines = dict(
        line.split(" ", 1) for line in said.splitlines() if line.startswith(("FLOW", "COM"))
    )
    assert json.loads(lines["FLOW"]) == ["custseg", 2, 6 * 3600]
    assert json.loads(lines["COMMAND"]) == [
        *("a", "-b", "jobs/segment.py", "--config=conf/local.toml", "--lake=/srv/lake"),
        "--skip-ingest",
    ]


@pytest.mark.heavy
def test_a_run_of_the_flow_fills_the_lake_and_exports(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(SMALL)
    lines = [
        f"2019-10-0{1 + n % 3} 10:0{n % 10}:00 UTC,{kind},{n},2,a.b,c,{n + 1}.50,{n % 12},s{n}"
        for n, kind in enumerate(["view", "view", "cart", "purchase", "view"] * 12)
    ]
    log = write_log(tmp_path / "log.csv", lines)
    said = python(
        RUN,
        FLOW,
        "2019-10-04",
        home=tmp_path,
        CUSTSEG_HOME=str(ROOT),
        CUSTSEG_SUBMIT=SUBMIT,
        CUSTSEG_CONFIG=str(tmp_path / "small.toml"),
        CUSTSEG_SOURCE=f"ecommerce_events={log}",
        CUSTSEG_LAKE=str(tmp_path / "lake"),
        CUSTSEG_EXPORT=f"csv:{tmp_path / 'exports'}",
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    )
    assert "Segments of 12 customers on 2019-10-04" in said
    assert "Completed" in said
    rows = (tmp_path / "exports" / "customer_segments.csv").read_text().splitlines()
    assert len(rows) == 13
