"""A standalone cluster of this machine's Spark: a master and workers, each a process of its own."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conftest import SPARK

HOST = "127.0.0.1"
_PATIENCE_S = 240
_NAME = "org.apache.spark.deploy"
_CLASS = SPARK / "bin" / "spark-class"


@dataclass
class Cluster:
    """A running master, and its workers in the order of their start."""

    folder: Path
    port: int = field(default_factory=lambda: _free_port())
    page: int = field(default_factory=lambda: _free_port())
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"spark://{HOST}:{self.port}"

    def status(self) -> dict[str, Any]:
        """What the master says of its workers and applications."""
        with urllib.request.urlopen(f"http://{HOST}:{self.page}/json/", timeout=5) as answer:
            return dict(json.load(answer))

    def alive(self) -> list[dict[str, Any]]:
        """The workers that the master can reach."""
        return [w for w in self.status()["workers"] if w["state"] == "ALIVE"]

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts `master.Master` or `worker.Worker`, with its executors a group of processes."""
        process = subprocess.Popen(
            [str(_CLASS), f"{_NAME}.{name}", "--host", HOST, *arguments],
            cwd=self.folder,
            env={**os.environ, "SPARK_DAEMON_MEMORY": "256m", "SPARK_LOCAL_IP": HOST},
            stdin=subprocess.DEVNULL,
            stdout=(self.folder / f"{name}.log").open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def start_worker(self) -> subprocess.Popen[bytes]:
        """A worker with one core and 1 GiB for executors."""
        work = str(self.folder / "work")
        limits = ("--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", work)
        return self.start("worker.Worker", *limits, self.url)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a worker and its executors, at once and without a word to anybody."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Asks until it holds; an error of the network is a no."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"{what} didn't come about in {_PATIENCE_S} s")


@contextmanager
def started(folder: Path, workers: int) -> Iterator[Cluster]:
    """The cluster, for the block; all of its processes end with it."""
    cluster = Cluster(folder)
    try:
        ports = ("--port", str(cluster.port), "--webui-port", str(cluster.page))
        cluster.start("master.Master", *ports)
        for _ in range(workers):
            cluster.start_worker()
        wait_until(lambda: len(cluster.alive()) == workers, f"a cluster of {workers} workers")
        yield cluster
    finally:
        for process in reversed(cluster.processes):
            kill(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
