"""Dashboards of other tools: each query runs on a real export, each chart names what is there."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT, job
from jsonschema import Draft7Validator
from postgresql_server import Server

from custseg_spark.engine.lake.lake import Lake

DEPLOY = ROOT / "conf" / "deploy"
GRAFANA = json.loads((DEPLOY / "grafana" / "dashboards" / "custseg.json").read_text())
METABASE = (DEPLOY / "metabase" / "questions.sql").read_text(encoding="utf-8")
SUPERSET = DEPLOY / "superset" / "custseg"


def of_superset(kind: str) -> dict[str, dict[str, Any]]:
    """The files of a kind, by their uuid."""
    found = [yaml.safe_load(path.read_text()) for path in (SUPERSET / kind).rglob("*.yaml")]
    return {each["uuid"]: each for each in found}


@pytest.fixture(scope="module")
def database(small_lake: Lake, postgresql: Server) -> tuple[Server, str]:
    name = f"bi_{time.monotonic_ns()}"
    postgresql.query("postgres", f"CREATE DATABASE {name}")
    job("export").run([f"--lake={small_lake.config.path}", f"--to={postgresql.url(name)}"])
    return postgresql, name


def test_each_panel_of_grafana_has_rows(database: tuple[Server, str]) -> None:
    server, name = database
    source = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "datasources" / "custseg.yaml").read_text()
    )
    uid = source["datasources"][0]["uid"]
    [variable] = GRAFANA["templating"]["list"]
    segments = [row[0] for row in server.query(name, variable["query"])]
    assert segments == ["Loyal", "Dormant", "Empty"]
    quoted = ", ".join(f"'{segment}'" for segment in segments)
    for panel in GRAFANA["panels"]:
        [target] = panel["targets"]
        assert target["datasource"]["uid"] == panel["datasource"]["uid"] == uid
        sql = target["rawSql"].replace("${segment:sqlstring}", quoted)
        sql = re.sub(r"\$__timeFilter\(([^)]*)\)", r"(\1 > '1970-01-01')", sql)
        assert "$" not in sql, panel["title"]
        rows = server.query(name, sql)
        # No customer of the literal lake has scores.
        assert rows or panel["title"] == "RFM scores", panel["title"]


def test_the_panels_of_grafana_fill_the_width_and_dont_overlap() -> None:
    cells = set()
    for panel in GRAFANA["panels"]:
        at = panel["gridPos"]
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not own & cells, panel["title"]
        cells |= own
    assert {x for x, _ in cells} == set(range(24))
    assert len({panel["id"] for panel in GRAFANA["panels"]}) == len(GRAFANA["panels"])


def test_each_question_of_metabase_runs_with_and_without_its_variable(
    database: tuple[Server, str],
) -> None:
    server, name = database
    questions = re.split(r"^-- question: .*$", METABASE, flags=re.M)[1:]
    assert len(questions) == 6
    for sql in questions:
        without = re.sub(r"\[\[.*?\]\]", "", sql)
        with_ = re.sub(r"\[\[|\]\]", "", sql).replace("{{segment}}", "'Dormant'")
        assert server.query(name, without)
        server.query(name, with_)


def test_the_bundle_of_superset_names_what_is_there(database: tuple[Server, str]) -> None:
    server, name = database
    databases, datasets, charts = map(of_superset, ("databases", "datasets", "charts"))
    [dashboard] = of_superset("dashboards").values()
    for dataset in datasets.values():
        assert dataset["database_uuid"] in databases
        sql = dataset["sql"] or f"SELECT * FROM {dataset['table_name']}"
        columns = ", ".join(column["column_name"] for column in dataset["columns"])
        assert server.query(name, f"SELECT {columns} FROM ({sql}) AS d")
    for chart in charts.values():
        known = {c["column_name"] for c in datasets[chart["dataset_uuid"]]["columns"]}
        params = chart["params"]
        grouped = params.get("groupby", [])
        used = [grouped] if isinstance(grouped, str) else list(grouped)
        used += params.get("all_columns", [])
        used += [m["column"]["column_name"] for m in params.get("metrics", [])]
        used += [params["x_axis"]] if "x_axis" in params else []
        metric = params.get("metric")
        used += [metric["column"]["column_name"]] if isinstance(metric, dict) else []
        assert used or metric == "count"
        assert set(used) <= known, chart["slice_name"]
    shown = {p["meta"]["uuid"] for p in dashboard["position"].values()
             if isinstance(p, dict) and p.get("type") == "CHART"}  # fmt: skip
    assert shown == charts.keys()


def test_no_file_holds_a_password() -> None:
    for path in [*(DEPLOY / "grafana").rglob("*.*"), *SUPERSET.rglob("*.yaml")]:
        for found in re.findall(r"password: (\S+)", Path(path).read_text()):
            assert found.startswith("${")


def test_the_dashboard_is_valid_by_grafanas_own_schema() -> None:
    schema = json.loads(
        (ROOT / "tests" / "data" / "grafana" / "dashboard.jsonschema.json").read_text()
    )
    flaws = [
        f"{'/'.join(map(str, flaw.absolute_path))}: {flaw.message[:200]}"
        for flaw in Draft7Validator(schema).iter_errors(GRAFANA)
    ]
    assert not flaws
