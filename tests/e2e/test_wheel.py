"""The wheel carries all that a job needs, installed or as an archive on the path."""

import importlib
import os
import re
import subprocess
import sys
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest
from checkout import ROOT, SHORT_PROCESS

CONF = ROOT / "conf"
COMMAND = "custseg_spark.interfaces.cli.main:console"


@pytest.fixture(scope="module")
def wheel(built_wheel: Path) -> Path:
    return built_wheel


def from_wheel(wheel: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the wheel as an archive on its path, as --py-files puts it there."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(wheel)},
    )


def test_it_carries_mappings_presets_archetypes_and_templates(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    shipped = [*CONF.glob("*.toml"), *CONF.glob("sources/*"), *CONF.glob("presets/*")]
    assert len(shipped) >= 7
    assert {f"custseg_spark/conf/{p.relative_to(CONF)}" for p in shipped} <= names
    templates = ROOT / "custseg_spark" / "outputs" / "report" / "templates"
    assert {
        f"custseg_spark/outputs/report/templates/{p.name}" for p in templates.iterdir()
    } <= names
    assert {n.split("/")[0] for n in names} == {"custseg_spark", "custseg_spark-0.2.0.dist-info"}
    # What a platform or a container is deployed by stays in the checkout.
    assert not [n for n in names if "/deploy/" in n]


def test_it_brings_no_spark_to_a_platform_that_has_its_own(wheel: Path) -> None:
    metadata = Parser().parsestr(
        ZipFile(wheel).read("custseg_spark-0.2.0.dist-info/METADATA").decode()
    )
    wanted = metadata.get_all("Requires-Dist") or []
    always = {re.split("[<>=]", w)[0] for w in wanted if "extra ==" not in w}
    kernels = {"polars", "polars-hash", "pyarrow", "numpy", "scipy", "pandas"}
    assert always == kernels | {"deltalake", "matplotlib", "jinja2"}
    assert {"spark", "emr", "postgres", "xlsx"} <= set(metadata.get_all("Provides-Extra") or [])


def test_it_installs_the_command(wheel: Path) -> None:
    entries = ZipFile(wheel).read("custseg_spark-0.2.0.dist-info/entry_points.txt").decode()
    assert entries.split() == ["[console_scripts]", "custseg", "=", COMMAND]
    module, _, name = COMMAND.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_a_job_finds_its_configuration_in_the_archive(wheel: Path, tmp_path: Path) -> None:
    segment = str(ROOT / "jobs" / "segment.py")
    shown = from_wheel(wheel, tmp_path, "-c", "import custseg_spark as c; print(c.__file__)")
    assert shown.stdout.startswith(str(wheel))
    absent = from_wheel(
        wheel, tmp_path, segment, "--config=presets/rfm.toml", "--source=online_retail=/none"
    )
    assert absent.returncode == 3, absent.stderr
    assert absent.stderr == "error: no readable file at /none: there is no such file or folder\n"
    mistyped = from_wheel(wheel, tmp_path, segment, "--source=online_retali=x")
    assert mistyped.returncode == 2
    assert "did you mean 'online_retail'?" in mistyped.stderr


def test_the_report_finds_its_templates_in_the_archive(wheel: Path, tmp_path: Path) -> None:
    code = (
        "from jinja2 import PackageLoader;"
        "print(*PackageLoader('custseg_spark.outputs.report').list_templates())"
    )
    assert "cluster_report.html.j2" in from_wheel(wheel, tmp_path, "-c", code).stdout


def test_files_unpacked_from_the_archive_are_removed(wheel: Path, tmp_path: Path) -> None:
    code = "from custseg_spark.config.shipped import conf_dir; print(conf_dir())"
    shown = from_wheel(wheel, tmp_path, "-c", code)
    assert shown.returncode == 0, shown.stderr
    folder = Path(shown.stdout.strip())
    assert folder.name == "conf"
    assert folder != CONF
    assert not folder.exists()


WHERE = """
from custseg_spark.engine.spark import tasks
from custseg_spark.engine.spark.session import get_session

def place(_task):
    import custseg_spark
    return custseg_spark.__file__

print(*{place(0), *tasks.run(get_session(), place, [0])})
"""


def test_kernels_run_from_the_archive_that_spark_submit_is_given(
    wheel: Path, tmp_path: Path
) -> None:
    (tmp_path / "where.py").write_text(WHERE)
    programs = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    shown = subprocess.run(
        [
            str(programs / "spark-submit"),
            "--master=local[1]",
            SHORT_PROCESS,
            f"--py-files={wheel}",
            "where.py",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert shown.returncode == 0, shown.stderr
    # The driver has the wheel where it is, workers a copy of it.
    places = sorted(shown.stdout.split())
    assert len(places) == 2
    assert all(p.endswith(f"/{wheel.name}/custseg_spark/__init__.py") for p in places)
