"""The job on a standalone cluster of several processes; one is killed meanwhile."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
import spark_cluster
from checkout import ROOT, SHORT_RUN, SUPPORT, job
from pyspark.sql import SparkSession
from spark_cluster import Cluster, asked, free_port, wait_until

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, EVENTS, SEGMENT_PROFILES, SESSIONS

# A night's work: minutes of whole runs.
pytestmark = pytest.mark.heavy

DAY = date(2019, 10, 9)
QUICK = (
    f"--run-date={DAY}",
    "--set=model.k=3",
    '--set=model.algorithms=["kmeans"]',
    "--set=model.fit.starts=1",
    "--set=model.stability.bootstraps=0",
    "--set=clv.enabled=false",
    "--set=report.enabled=false",
)
_SETTINGS = {
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": SHORT_RUN,
    "spark.executor.memory": "900m",
    "spark.executor.cores": "1",
    "spark.executor.extraJavaOptions": SHORT_RUN,
    "spark.sql.shuffle.partitions": "2",
    # The driver's page tells what runs where.
    "spark.ui.enabled": "true",
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with spark_cluster.started(tmp_path_factory.mktemp("cluster"), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "events.csv"
    sizes = ("--events=2000", "--customers=300", "--days=8")
    script = str(ROOT / "scripts" / "generate_events.py")
    subprocess.run([sys.executable, script, *sizes, "--out", str(path)], check=True)
    return path


def submitted(
    cluster: Cluster, wheel: Path, lake: Path, log: Path, page: int
) -> subprocess.Popen[str]:
    """The guide's command on its way to this cluster."""
    guide = (ROOT / "docs" / "guides" / "lake.md").read_text(encoding="utf-8")
    section = guide.split("\n## On a standalone cluster")[1]
    command = re.search(r"^spark-submit (.*\\\n.*)$", section, re.M)
    assert command is not None
    theirs = {
        "spark://HOST:7077": cluster.url,
        f"dist/{wheel.name}": str(wheel),
        "jobs/segment.py": str(ROOT / "jobs" / "segment.py"),
        "ecommerce_events=PATH": f"ecommerce_events={log}",
        "lake": str(lake),
    }
    arguments = [theirs.pop(word, word) for word in command[1].replace("\\", "").split()]
    assert not theirs, "the guide says something else"
    settings = [f"--conf={k}={v}" for k, v in {**_SETTINGS, "spark.ui.port": page}.items()]
    folder = Path(sys.executable).parent
    return subprocess.Popen(
        [str(folder / "spark-submit"), *settings, *arguments, *QUICK],
        cwd=lake.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
    )


def _tasks(app: str, page: int, executors: set[str]) -> int:
    """The tasks that the driver has running on these executors."""
    found = asked(page, f"api/v1/applications/{app}/executors")
    return sum(each["activeTasks"] for each in found if each["id"] in executors)


def _lose_a_worker(
    cluster: Cluster, lake: Path, running: subprocess.Popen[str], page: int
) -> list[str]:
    """Kills a worker in the midst of a task, once the features stand and the models don't: there
    is work left to do. The workers' states after that."""
    features = lake / "customer_features" / "_delta_log" / f"{1:020}.json"
    wait_until(lambda: features.exists() or running.poll() is not None, "customer_features")
    assert running.poll() is None
    [app] = cluster.status()["activeapps"]
    assert (app["state"], app["cores"], cluster.states()) == ("RUNNING", 2, ["ALIVE", "ALIVE"])
    victim = cluster.workers[1]
    # Frozen, it can't end the task that the driver gives it.
    victim.freeze()
    wait_until(lambda: _tasks(app["id"], page, victim.executors()) > 0, "a task on the worker")
    victim.kill()
    wait_until(lambda: cluster.states() != ["ALIVE", "ALIVE"], "the master's notice")
    assert running.poll() is None
    return cluster.states()


def test_a_job_that_loses_a_worker_finishes_with_the_segments_of_local_mode(
    spark: SparkSession, cluster: Cluster, built_wheel: Path, log: Path, tmp_path: Path
) -> None:
    there, here = tmp_path / "cluster" / "lake", tmp_path / "local" / "lake"
    there.parent.mkdir()
    page = free_port()
    running = submitted(cluster, built_wheel, there, log, page)
    try:
        with ThreadPoolExecutor(1) as beside:
            lost = beside.submit(_lose_a_worker, cluster, there, running, page)
            local = [f"--lake={here}", f"--source=ecommerce_events={log}", *QUICK]
            job("segment").run(local)
            said, _ = running.communicate(timeout=300)
        assert running.returncode == 0, said
        assert "lake.io: Spark writes" not in said
        assert lost.result() == ["ALIVE", "DEAD"]
    finally:
        running.kill()
    [app] = cluster.status()["completedapps"]
    assert app["state"] == "FINISHED"
    lakes = [Lake(spark, LakeConfig(path=str(lake))) for lake in (here, there)]
    for table in (EVENTS, SESSIONS, CUSTOMER_SEGMENTS, SEGMENT_PROFILES):
        drop = ("ingested_at", "run_id")
        one, other = (sorted(map(repr, lake.read(table).drop(*drop).collect())) for lake in lakes)
        assert one == other, table.name
        assert one


def test_a_cluster_writes_natively_only_where_its_executors_share_the_drivers_folder(
    cluster: Cluster, tmp_path: Path
) -> None:
    # In one process a path of the driver's folder, in another of its own.
    folders = {str(tmp_path / "lake"): "None", "/proc/self/cwd/lake": "not every executor shares"}
    done = subprocess.run(
        [sys.executable, str(SUPPORT / "sharing_process.py"), cluster.url, *folders],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    for answer, expected in zip(done.stdout.splitlines(), folders.values(), strict=True):
        assert answer.startswith(expected)
    assert not (tmp_path / "lake").exists()
