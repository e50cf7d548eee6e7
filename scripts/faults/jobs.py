"""The project's jobs as processes that can be killed, with all of their JVM, at a wanted moment."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Small and quick: what is tried is the order of the writes, not the models.
QUICK = (
    "--set=model.selection.k_max=3",
    "--set=model.fit.starts=1",
    "--set=model.stability.bootstraps=0",
    '--set=model.algorithms=["kmeans"]',
    "--set=report.enabled=false",
)
# Runs a job that is killed at the beginning of its n-th write of a journal or a commit.
_DIES_AT = """
import os, signal, sys
from custseg_spark.engine.lake import commits, spark_io
from custseg_spark.engine.lake.journal import JournalFile
left = int(sys.argv.pop(1))
def mortal(work):
    def call(*args, **options):
        global left
        left -= 1
        if left < 0:
            os.killpg(0, signal.SIGKILL)
        return work(*args, **options)
    return call
for name in ("write", "remove"):
    setattr(JournalFile, name, mortal(getattr(JournalFile, name)))
commits._write = mortal(commits._write)
for name in ("write", "delete"):
    setattr(spark_io.SparkLake, name, mortal(getattr(spark_io.SparkLake, name)))
from custseg_spark.interfaces.cli.main import console
console()
"""
_RUNS = "from custseg_spark.interfaces.cli.main import console; console()"


@dataclass(frozen=True)
class Ended:
    """How a job ended: its exit code (-9 after a kill), seconds, and what it said."""

    code: int
    seconds: float
    said: str


def start(
    *words: str, dies_at: int | None = None, says_to: Path | None = None
) -> "subprocess.Popen[str]":
    """A job, in a process group of its own; with `dies_at` it kills itself at that write.

    What it says goes into a pipe, or into the file `says_to`.
    """
    program = [_RUNS] if dies_at is None else [_DIES_AT, str(dies_at)]
    return subprocess.Popen(
        [sys.executable, "-c", *program, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=says_to.open("w") if says_to else subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait(job: "subprocess.Popen[str]", *, kill_after_s: float | None = None) -> Ended:
    """Waits for a job's end; after so many seconds its whole group is killed."""
    began = time.monotonic()
    try:
        output, _ = job.communicate(timeout=kill_after_s)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        output, _ = job.communicate()
    return Ended(job.returncode, time.monotonic() - began, output)


def run(*words: str, dies_at: int | None = None) -> Ended:
    """A job from its start to its end."""
    return wait(start(*words, dies_at=dies_at))


def must(*words: str) -> Ended:
    """A job that has to end well."""
    ended = run(*words)
    if ended.code != 0:
        raise SystemExit(f"custseg {' '.join(words)} ended with {ended.code}:\n{ended.said}")
    return ended


def generate(log: Path, events: int) -> None:
    """Writes a small log."""
    script = ROOT / "scripts" / "generate_events.py"
    words = ("--events", str(events), "--customers", str(events // 8), "--days", "12")
    subprocess.run(
        [sys.executable, str(script), *words, "--out", str(log)], check=True, capture_output=True
    )
