"""The bundle for Databricks: each resource through Databricks' own classes, each command line
through ours."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from checkout import ROOT
from databricks.bundles.jobs import Job
from databricks.bundles.schemas import Schema
from databricks.bundles.volumes import Volume

from custseg_spark.interfaces.cli import arguments as cli
from custseg_spark.interfaces.cli import export_arguments as cli_exports

BUNDLE = yaml.safe_load((ROOT / "databricks.yml").read_text())
FILES = [f for pattern in BUNDLE["include"] for f in sorted(ROOT.glob(pattern))]
RESOURCES: dict[str, dict[str, Any]] = {}
for file in FILES:
    for kind, named in yaml.safe_load(file.read_text())["resources"].items():
        RESOURCES.setdefault(kind, {}).update(named)
JOB = RESOURCES["jobs"]["custseg_daily"]
TASKS = {task["task_key"]: task for task in JOB["tasks"]}
CLASSES: dict[str, Any] = {"jobs": Job, "schemas": Schema, "volumes": Volume}
VALUES = {"catalog": "main", "schema": "custseg", "mapping": "ecommerce_events"}


def test_databricks_own_classes_accept_every_resource() -> None:
    assert FILES
    for kind, named in RESOURCES.items():
        for resource in named.values():
            assert CLASSES[kind].from_dict(resource).as_dict() == resource


def mistyped(kind: str, *path: str | int) -> tuple[str, dict[str, Any]]:
    """The first resource of a kind, with a letter lost from the last key of the path."""
    resource = copy.deepcopy(next(iter(RESOURCES[kind].values())))
    holder = resource
    for step in path[:-1]:
        holder = holder[step]
    wrong = str(path[-1])[:-1]
    holder[wrong] = holder.pop(path[-1])
    return wrong, resource


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("jobs", ["schedule"]),
        ("jobs", ["tasks", 0, "max_retries"]),
        ("jobs", ["tasks", 2, "spark_python_task", "python_file"]),
        ("jobs", ["job_clusters", 0, "new_cluster", "data_security_mode"]),
        ("schemas", ["grants"]),
        ("volumes", ["volume_type"]),
    ],
)
def test_a_typo_is_refused(kind: str, path: list[str | int]) -> None:
    wrong, resource = mistyped(kind, *path)
    with pytest.raises(ValueError, match=f"Unexpected field '{wrong}'"):
        CLASSES[kind].from_dict(resource)


def test_an_unknown_word_is_refused() -> None:
    job = copy.deepcopy(JOB)
    job["schedule"]["pause_status"] = "UNPAUSE"
    with pytest.raises(ValueError, match="UNPAUSE"):
        Job.from_dict(job)


def substituted(text: str) -> str:
    """A parameter as the job gets it, with its variables and references filled in."""
    for name in BUNDLE["variables"]:
        known = VALUES.get(name, "csv:/out" if name == "export_to" else "/Volumes/main/raw/log")
        text = text.replace("${var." + name + "}", known)
    for reference in re.findall(r"\$\{resources\.(\w+)\.(\w+)\.name\}", text):
        of = RESOURCES[reference[0]][reference[1]]["name"]
        text = text.replace("${resources." + ".".join(reference) + ".name}", substituted(of))
    return text.replace("{{job.parameters.run_date}}", "2019-11-30")


def task_arguments(key: str) -> list[str]:
    return [substituted(p) for p in TASKS[key]["spark_python_task"]["parameters"]]


PARSERS: dict[str, Callable[[list[str]], Any]] = {
    "ingest": lambda argv: cli.parse("", argv, segments=False).config,
    "gate": lambda argv: cli.parse_gate("", argv),
    "segment": lambda argv: cli.parse("", argv).config,
    "export": lambda argv: cli_exports.parse_export("", argv).config,
}


@pytest.mark.parametrize("key", PARSERS)
def test_each_tasks_parameters_are_its_jobs_own(key: str) -> None:
    file = TASKS[key]["spark_python_task"]["python_file"]
    assert (FILES[0].parent / file).resolve() == ROOT / "jobs" / f"{key}.py"
    config = PARSERS[key](task_arguments(key))
    assert config.lake.catalog == "main.custseg"
    assert config.lake.path == "/Volumes/main/custseg/models"


def test_tasks_follow_one_another_for_the_date_of_the_trigger() -> None:
    after = {k: [d["task_key"] for d in t.get("depends_on", [])] for k, t in TASKS.items()}
    assert after == {"ingest": [], "gate": ["ingest"], "segment": ["gate"], "export": ["segment"]}
    assert JOB["parameters"] == [{"name": "run_date", "default": "{{job.trigger.time.iso_date}}"}]
    dated = {k for k in TASKS if "--run-date=2019-11-30" in task_arguments(k)}
    assert dated == {"gate", "segment", "export"}
    assert JOB["max_concurrent_runs"] == 1
    assert JOB["schedule"]["timezone_id"] == "UTC"


def test_the_cluster_is_the_long_term_runtime_and_takes_its_secret_from_a_scope() -> None:
    cluster = JOB["job_clusters"][0]["new_cluster"]
    assert cluster["spark_version"] == "17.3.x-scala2.13"
    assert cluster["spark_env_vars"] == {"PGPASSWORD": "{{secrets/${var.secret_scope}/pgpassword}}"}
    assert {task["job_cluster_key"] for task in TASKS.values()} == {"spark"}


def test_each_task_has_the_wheel_and_the_pinned_packages_that_the_runtime_lacks() -> None:
    pins = (ROOT / "requirements-dev.txt").read_text().split()
    for task in TASKS.values():
        *packages, wheel = task["libraries"]
        named = [p["pypi"]["package"].replace("[binary]", "") for p in packages]
        assert [name.split("==")[0] for name in named] == [
            *("polars", "polars-hash", "deltalake"),
            "psycopg",
        ]
        assert set(named) <= set(pins)
        assert (FILES[0].parent / wheel["whl"]).resolve() == ROOT / "dist" / "*.whl"


def test_dev_is_a_development_target_and_prod_a_production_one_with_its_own_identity() -> None:
    targets = BUNDLE["targets"]
    assert {name: t["mode"] for name, t in targets.items()} == {
        "dev": "development",
        "prod": "production",
    }
    assert [name for name, t in targets.items() if t.get("default")] == ["dev"]
    assert targets["prod"]["run_as"] == {"service_principal_name": "${var.run_as}"}
    assert {p["level"] for p in targets["prod"]["permissions"]} == {"CAN_MANAGE", "CAN_VIEW"}


def test_every_variable_is_declared_described_and_used() -> None:
    text = "".join(f.read_text() for f in [ROOT / "databricks.yml", *FILES])
    assert set(re.findall(r"\$\{var\.(\w+)\}", text)) == set(BUNDLE["variables"])
    assert all(v["description"] for v in BUNDLE["variables"].values())
    assert not re.findall(r"https?://|[\w.]+@[\w.]+|dapi\w+", text), "no workspace, no address"


def test_the_bundle_deploys_the_wheel_and_the_jobs() -> None:
    assert BUNDLE["artifacts"]["wheel"]["build"].endswith("pip wheel . --no-deps --wheel-dir dist")
    assert BUNDLE["sync"] == {"paths": ["jobs"]}
