"""The image and the compose file, as far as that goes without an engine.

scripts/try_dockerfile.py runs the Dockerfile's own steps in an unpacked Debian, by hand: it takes
minutes and a gigabyte.
"""

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from checkout import ROOT
from compose_spec import PyCompose

from custseg_spark.interfaces.cli import arguments as cli
from custseg_spark.interfaces.cli import export_arguments as cli_exports
from custseg_spark.interfaces.cli import stream_arguments
from custseg_spark.interfaces.cli.main import command

DOCKER = ROOT / "conf" / "deploy" / "docker"
DOCKERFILE = DOCKER / "Dockerfile"
COMPOSE = DOCKER / "compose.yaml"
HADOLINT = Path(sys.executable).parent / "hadolint"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


TRIED = script("try_dockerfile")
INSTRUCTIONS = list(TRIED.instructions(DOCKERFILE.read_text()))


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    done = subprocess.run([HADOLINT, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.read_text().replace("USER 10001", "USER root"))
    done = subprocess.run(
        [HADOLINT, tmp_path / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "DL3002" in done.stdout


def test_each_of_its_instructions_can_be_tried_without_an_engine() -> None:
    assert not TRIED.unknown(INSTRUCTIONS)
    assert TRIED.unknown([*INSTRUCTIONS, ("ONBUILD", "RUN true")]) == {"ONBUILD"}


def test_it_copies_only_existing_files_that_are_not_ignored() -> None:
    lines = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = [rest.split()[:-1] for name, rest in INSTRUCTIONS if name == "COPY"]
    own = {path for paths in copied for path in paths if not paths[0].startswith("--from")}
    assert {path if path in allowed else path.split("/")[0] for path in own} == allowed
    assert all((ROOT / path).exists() for path in own)


def test_its_jars_are_those_of_a_checkout() -> None:
    pins = set((ROOT / "requirements-dev.txt").read_text().split())
    steps = " ".join(rest for name, rest in INSTRUCTIONS if name == "RUN")
    jar = re.search(r"io\.delta:delta-spark_([\d.]+)_2\.13:([\d.]+)", steps)
    assert jar is not None
    assert f"delta-spark=={jar[2]}" in pins
    assert any(pin.startswith(f"pyspark=={jar[1]}.") for pin in pins)
    (kafka,) = re.findall(r"spark-sql-kafka-0-10_2\.13:([\d.]+)", steps)
    assert f"pyspark=={kafka}" in pins
    (driver,) = re.findall(r"org\.postgresql:postgresql:([\d.]+)", steps)
    assert f"\npostgresql={driver}\n" in (ROOT / "scripts" / "setup.sh").read_text()


def test_it_has_the_packages_that_the_jobs_may_need() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    (installs,) = (rest for name, rest in INSTRUCTIONS if name == "RUN" and "-c req" in rest)
    words = shlex.split(installs)
    for extra in ("api", "dashboard", "postgres", "serve", "stream", "xlsx"):
        for needed in extras[extra]:
            assert re.split("[<>=]", needed)[0] in words


def test_it_runs_as_nobody_special() -> None:
    names = [name for name, _ in INSTRUCTIONS]
    assert dict(INSTRUCTIONS)["USER"] == "10001"
    assert names.index("USER") > max(n for n, name in enumerate(names) if name == "RUN")


def filled_in(text: str) -> str:
    """The compose file as compose reads it: variables replaced, the needed ones by a path."""
    return re.sub(
        r"\$\{(\w+):([?-])([^}]*)\}", lambda m: m[3] if m[2] == "-" else f"/srv/{m[1]}", text
    )


def test_the_compose_file_is_valid_and_a_typo_in_it_is_refused() -> None:
    text = filled_in(COMPOSE.read_text())
    services = {"reports", "purchase-api", "segment", "export", "dashboard", "service", "stream"}
    assert set(PyCompose.from_yaml(text).to_spec().services or {}) == services
    for word in ("healthcheck", "dockerfile", "service_healthy", "depends_on", "profiles"):
        assert word in text
        with pytest.raises(ValueError, match=word[:-1]):
            PyCompose.from_yaml(text.replace(word, word[:-1])).to_spec()


def test_its_services_commands_are_the_jobs_own(tmp_path: Path) -> None:
    services: dict[str, Any] = yaml.safe_load(filled_in(COMPOSE.read_text()))["services"]
    job, *arguments = services["segment"]["command"]
    assert job == "segment"
    assert cli.parse("", arguments).config.lake.path == "/data/lake"
    job, *arguments = services["export"]["command"]
    assert job == "export"
    given = cli_exports.parse_export("", arguments)
    assert given.target.shown == "postgresql://loader@reports/reports"
    assert given.config.lake.path == "/data/lake"
    job, *arguments = services["stream"]["command"]
    assert job == "stream"
    (tmp_path / "landing").mkdir()
    arguments[0] = str(tmp_path / "landing")
    stream = stream_arguments.parse_stream("", arguments)
    assert (stream.config.lake.path, stream.metrics_port) == ("/data/lake", 9109)
    job, *arguments = services["service"]["command"]
    assert vars(command(job)._parser().parse_args(arguments))["host"] == "0.0.0.0"
    (build,) = [s["build"] for s in services.values() if "build" in s]
    assert (DOCKER / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]) == DOCKERFILE


def test_an_unknown_job_is_an_error_that_lists_the_jobs(tmp_path: Path) -> None:
    run = (DOCKER / "run.sh").read_text().replace("/opt/custseg-spark", str(ROOT))
    done = subprocess.run(["sh", "-c", run, "run.sh", "sgment"], capture_output=True, text=True)
    assert done.returncode == 2
    jobs = " ".join(sorted(path.stem for path in (ROOT / "jobs").glob("*.py")))
    known = f"{jobs} and dashboard serve preview"
    assert done.stderr == f"error: unknown job 'sgment'; known: {known}\n"


def test_what_waits_for_requests_is_asked_for_its_health_and_open_to_this_machine_alone() -> None:
    services: dict[str, Any] = yaml.safe_load(filled_in(COMPOSE.read_text()))["services"]
    waiting = {name: given for name, given in services.items() if "ports" in given}
    assert set(waiting) == {"reports", "purchase-api", "dashboard", "service", "stream"}
    for given in waiting.values():
        assert given["healthcheck"]["test"][0] == "CMD"
        assert all(port.startswith("127.0.0.1:") for port in given["ports"])


@pytest.mark.parametrize("password", ["", "one of its owner"])
def test_the_dashboard_in_a_container_never_goes_without_a_password(
    tmp_path: Path, password: str
) -> None:
    custseg = tmp_path / "custseg"
    custseg.write_text('#!/bin/sh\necho "$1 $2, password $CUSTSEG_DASHBOARD_PASSWORD"\n')
    custseg.chmod(0o755)
    path = f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["sh", DOCKER / "run.sh", "dashboard", "--port=8501"],
        env={"PATH": path, "CUSTSEG_DASHBOARD_PASSWORD": password},
        capture_output=True,
        text=True,
        check=True,
    )
    *told, started = done.stdout.splitlines()
    given = started.removeprefix("dashboard --port=8501, password ")
    assert given == password if password else len(given) >= 16
    assert bool(told) == (not password)
    assert all(given in said for said in told)
