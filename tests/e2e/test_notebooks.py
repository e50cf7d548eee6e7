"""The notebooks of `examples` run from top to bottom."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from checkout import ROOT, SHARED_DATA
from pyspark.sql import SparkSession

EXAMPLES = ROOT / "examples"
REAL = SHARED_DATA / "online_retail.csv.xz"

pytestmark = pytest.mark.heavy


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the code cells of a notebook in that folder, one after the other; its names."""
    monkeypatch.chdir(folder)
    mpl.use("agg")
    notebook = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{name}, cell {number}", "exec"), names)
    return names


def test_the_quick_start_runs(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = ROOT / "scripts" / "generate_events.py"
    size = ["--events=20_000", "--customers=2_900", "--days=60", "--seed=7"]
    subprocess.run([sys.executable, generator, *size, f"--out={tmp_path}/events.csv"], check=True)
    names = run("quickstart.ipynb", tmp_path, monkeypatch)
    result = names["result"]
    assert result.segments["customers"].sum() == len(names["customers"])
    assert names["events"]["user_id"].n_unique() == len(names["customers"])


@pytest.mark.shared_data
@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not there")
def test_online_retail_runs(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / REAL.name).symlink_to(REAL)
    names = run("online_retail.ipynb", tmp_path, monkeypatch)
    found = set(names["result"].segments["segment_name"])
    assert found == {"Champions", "Loyal", "Low Value", "At Risk"}
