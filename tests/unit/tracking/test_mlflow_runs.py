"""A run of a literal lake in a real MLflow store: logged once, its model registered and loaded."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import python_lake
from checkout import ROOT
from without_spark import WITHOUT_SPARK

from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.interfaces.cli import mlflow as command

# Found, not imported: only the process that runs these tests takes the second for it.
pytestmark = pytest.mark.skipif(find_spec("mlflow") is None, reason="the extra [mlflow]")
GUIDE = (ROOT / "docs" / "guides" / "tracking.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A lake whose latest run is logged, and the store's address."""
    folder = tmp_path_factory.mktemp("mlflow")
    python_lake.make(folder / "lake")
    uri = (folder / "runs").as_uri()
    with pytest.MonkeyPatch.context() as patch:
        # MLflow would ask a running session for it.
        patch.setenv("MLFLOW_REGISTRY_URI", uri)
        # Its other stores need packages beyond mlflow-skinny, or a server.
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        log(folder, uri)
        yield folder, uri


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def log(folder: Path, uri: str) -> None:
    """The guide's command, on the test's lake and store."""
    [line] = re.findall(r"^custseg mlflow (.*)$", GUIDE, re.M)
    ours = {"--lake lake": f"--lake {folder / 'lake'}", "http://127.0.0.1:5000": uri}
    for theirs, own in ours.items():
        assert theirs in line
        line = line.replace(theirs, own)
    command.run(shlex.split(line))


def client_of(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def runs(uri: str) -> list[Any]:
    client = client_of(uri)
    experiment = client.get_experiment_by_name("custseg")
    return list(client.search_runs([experiment.experiment_id]))


def test_parameters_indices_and_report_are_there(store: tuple[Path, str]) -> None:
    [run] = runs(store[1])
    assert run.data.tags["custseg.run_date"] == "2024-05-01"
    assert run.data.tags["custseg.run_id"] == "r5"
    assert run.data.params["customer_features"] == "monetary frequency"
    assert run.data.metrics["kmeans.silhouette"] == pytest.approx(0.48)
    assert run.data.metrics["kmeans.k"] == 2
    client = client_of(store[1])
    by_k = client.get_metric_history(run.info.run_id, "kmeans.by_k.silhouette")
    assert sorted((m.step, round(m.value, 4)) for m in by_k) == [(2, 0.48), (3, 0.47)]
    listed = {a.path for a in client.list_artifacts(run.info.run_id, "report")}
    assert "report/cluster_report.html" in listed


def test_a_run_is_logged_once(store: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    log(*store)
    assert "is in MLflow already" in capsys.readouterr().out
    assert len(runs(store[1])) == 1


def test_the_guides_program_scores_without_spark_as_the_lake_says(store: tuple[Path, str]) -> None:
    program = re.search(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert program is not None
    code = program[1].replace('"lake"', repr(str(store[0] / "lake")))
    code = code.replace("2019-11-30", python_lake.NOW.isoformat())
    done = subprocess.run(
        [sys.executable, "-c", f"{WITHOUT_SPARK}\n{code}\nprint(segments['segment_id'].tolist())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": store[1]},
    )
    # Customers a to d.
    assert done.stdout.splitlines()[-1:] == ["[1, 2, 2, 1]"], done.stderr
    assert not list((store[0] / "runs").rglob("*.pkl"))


def test_a_frame_without_a_feature_is_refused() -> None:
    from custseg_spark.outputs import tracked_model

    model = tracked_model._load_pyfunc(str(python_lake.MODEL))
    with pytest.raises(InputError, match="no column frequency, event_count"):
        model.predict(pd.DataFrame({"monetary": [1.0]}))


def test_a_lake_elsewhere_and_a_missing_run_are_named(store: tuple[Path, str]) -> None:
    with pytest.raises(ConfigurationError, match="a folder of this machine"):
        command.run(["--lake=s3a://bucket/lake"])
    with pytest.raises(ConfigurationError, match="holds a secret"):
        command.run(["--tracking-uri=http://me:hunter2@127.0.0.1:5000"])
    with pytest.raises(InputError, match="no run of 2020-01-01"):
        command.run([f"--lake={store[0] / 'lake'}", "--run-date=2020-01-01"])
