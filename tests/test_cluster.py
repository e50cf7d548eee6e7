"""The job on a standalone cluster of several processes, one of which is killed meanwhile."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
import spark_cluster
from conftest import ROOT, job
from pyspark.sql import SparkSession
from spark_cluster import Cluster

from custseg_spark.config import LakeConfig
from custseg_spark.schemas import CUSTOMER_SEGMENTS, EVENTS, SEGMENT_PROFILES, SESSIONS
from custseg_spark.tables import Lake

DAY = date(2019, 10, 9)
QUICK = (
    f"--run-date={DAY}",
    "--set=model.k=3",
    "--set=model.starts=1",
    "--set=model.bootstraps=0",
    "--set=model.bisecting_iterations=5",
    "--set=report.enabled=false",
)
_SHORT = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m"
_SETTINGS = {
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": _SHORT,
    "spark.executor.memory": "900m",
    "spark.executor.cores": "1",
    "spark.executor.extraJavaOptions": _SHORT,
    "spark.sql.shuffle.partitions": "2",
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


def submitted(cluster: Cluster, wheel: Path, lake: Path, log: Path) -> subprocess.Popen[str]:
    """The job on its way to the cluster, as the README has it."""
    settings = [f"--conf={key}={value}" for key, value in _SETTINGS.items()]
    return subprocess.Popen(
        [
            *(str(Path(sys.executable).parent / "spark-submit"), f"--master={cluster.url}"),
            *(f"--py-files={wheel}", *settings, str(ROOT / "jobs" / "segment.py")),
            *(f"--lake={lake}", f"--source=ecommerce_events={log}", *QUICK),
        ],
        cwd=lake.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )


def _lose_a_worker(cluster: Cluster, lake: Path, running: subprocess.Popen[str]) -> None:
    """Kills a worker once the features stand and the models don't: there is work left to do, and
    there are cached rows to lose."""
    features = lake / "customer_features" / "_delta_log" / f"{1:020}.json"
    spark_cluster.wait_until(
        lambda: features.exists() or running.poll() is not None, "customer_features"
    )
    assert running.poll() is None
    [app] = cluster.status()["activeapps"]
    assert (app["cores"], len(cluster.alive())) == (2, 2)
    spark_cluster.kill(cluster.processes[2])


def test_a_job_that_loses_a_worker_finishes_with_the_segments_of_local_mode(
    spark: SparkSession, cluster: Cluster, built_wheel: Path, log: Path, tmp_path: Path
) -> None:
    there, here = tmp_path / "cluster" / "lake", tmp_path / "local" / "lake"
    there.parent.mkdir()
    running = submitted(cluster, built_wheel, there, log)
    try:
        with ThreadPoolExecutor(1) as beside:
            lost = beside.submit(_lose_a_worker, cluster, there, running)
            local = [f"--lake={here}", f"--source=ecommerce_events={log}", *QUICK]
            job("segment").run(local)
            said, _ = running.communicate(timeout=300)
        assert running.returncode == 0, said
        lost.result()
    finally:
        running.kill()
    assert len(cluster.alive()) == 1
    lakes = [Lake(spark, LakeConfig(path=str(lake))) for lake in (here, there)]
    for table in (EVENTS, SESSIONS, CUSTOMER_SEGMENTS, SEGMENT_PROFILES):
        drop = ("ingested_at",)
        one, other = (sorted(map(repr, lake.read(table).drop(*drop).collect())) for lake in lakes)
        assert one == other, table.name
        assert one
