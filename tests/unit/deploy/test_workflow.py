"""The workflows of GitHub Actions: actionlint accepts them, and the Makefile has their targets."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from checkout import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
SET_UP = ROOT / ".github" / "actions" / "set-up" / "action.yml"
# Where .ci/run puts it.
ACTIONLINT = shutil.which("actionlint", path=str(ROOT / ".tools")) or shutil.which("actionlint")


@pytest.mark.skipif(ACTIONLINT is None, reason="no actionlint: .ci/run installs it where Go is")
def test_actionlint_finds_nothing_and_would_find_a_typo(tmp_path: Path) -> None:
    assert ACTIONLINT is not None
    done = subprocess.run([ACTIONLINT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    wrong = tmp_path / "ci.yml"
    wrong.write_text(WORKFLOW.read_text().replace("runs-on", "runs-onn", 1))
    done = subprocess.run([ACTIONLINT, wrong], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert '"runs-on" section is missing' in done.stdout


def test_it_calls_only_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    workflows = "".join(path.read_text() for path in WORKFLOW.parent.glob("*.yml"))
    called = " ".join(re.findall(r"run: make ([a-z -]+)", workflows)).split()
    lanes = {"test-unit", "test", "test-all", "test-floor"}
    assert set(called) == {"lint", "dbt", "airflow", *lanes}
    assert set(called) <= targets


def test_its_versions_are_those_of_the_project() -> None:
    steps = yaml.safe_load(SET_UP.read_text())["runs"]["steps"]
    used = {s["uses"].split("@")[0]: s["with"] for s in steps}
    assert used["actions/setup-python"]["python-version"] == "3.11"
    assert used["actions/setup-java"]["java-version"] == "17"
    # The same linter here and there.
    (there,) = re.findall(r"actionlint@(v[\d.]+)", WORKFLOW.read_text())
    assert f"actionlint@{there}" in (ROOT / ".ci" / "run").read_text()
