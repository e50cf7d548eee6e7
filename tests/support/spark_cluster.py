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

from checkout import SPARK

HOST = "127.0.0.1"
_PATIENCE_S = 240
_NAME = "org.apache.spark.deploy"
_CLASS = SPARK / "bin" / "spark-class"
# The shell waits for the end of its input, which is ours: however the tests end, be it by a kill,
# it takes the daemon and the executors with it.
_WHILE_WE_LIVE = '"$@" & read; kill -KILL 0'


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Asks until it holds; an error of the network, or a page in the answer's place, is a no."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        with suppress(OSError, ValueError):
            if holds():
                return
        time.sleep(0.1)
    raise TimeoutError(f"{what} didn't come about in {_PATIENCE_S} s")


def asked(port: int, path: str) -> Any:
    """What a server of Spark says at a path."""
    with urllib.request.urlopen(f"http://{HOST}:{port}/{path}", timeout=5) as answer:
        return json.load(answer)


@dataclass
class Daemon:
    """A master or a worker: a group of processes, executors among them, in a folder."""

    folder: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, folder: Path, name: str, *arguments: str) -> "Daemon":
        """Starts `master.Master` or `worker.Worker`."""
        folder.mkdir()
        with (folder / "log").open("wb") as log:
            daemon = (str(_CLASS), f"{_NAME}.{name}", "--host", HOST, *arguments)
            process = subprocess.Popen(
                ["bash", "-c", _WHILE_WE_LIVE, name, *daemon],
                cwd=folder,
                env={**os.environ, "SPARK_DAEMON_MEMORY": "256m", "SPARK_LOCAL_IP": HOST},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(folder, process)

    def freeze(self) -> None:
        """Stops its processes where they are; others still believe that they live."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """Ends its processes at once and without a word to anybody."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def executors(self) -> set[str]:
        """A worker's executors, by the numbers that the driver knows them by."""
        return {path.name for path in self.folder.glob("app-*/*")}


@dataclass
class Cluster:
    """A running master, and its workers in the order of their start."""

    folder: Path
    port: int = field(default_factory=free_port)
    page: int = field(default_factory=free_port)
    daemons: list[Daemon] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"spark://{HOST}:{self.port}"

    @property
    def workers(self) -> list[Daemon]:
        return self.daemons[1:]

    def status(self) -> dict[str, Any]:
        """What the master says of its workers and applications."""
        return dict(asked(self.page, "json/"))

    def states(self) -> list[str]:
        """The states of the workers, as the master has them."""
        return sorted(worker["state"] for worker in self.status()["workers"])

    def start_master(self) -> None:
        ports = ("--port", str(self.port), "--webui-port", str(self.page))
        self.daemons.append(Daemon.start(self.folder / "master", "master.Master", *ports))

    def start_worker(self) -> None:
        """A worker with one core and 1 GiB for executors."""
        folder = self.folder / f"worker-{len(self.daemons)}"
        limits = ("--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", str(folder))
        self.daemons.append(Daemon.start(folder, "worker.Worker", *limits, self.url))


@contextmanager
def started(folder: Path, workers: int) -> Iterator[Cluster]:
    """The cluster, for the block; all of its processes end with it."""
    cluster = Cluster(folder)
    try:
        cluster.start_master()
        for _ in range(workers):
            cluster.start_worker()
        wait_until(lambda: cluster.states() == ["ALIVE"] * workers, f"a cluster of {workers}")
        yield cluster
    finally:
        for daemon in reversed(cluster.daemons):
            daemon.kill()
