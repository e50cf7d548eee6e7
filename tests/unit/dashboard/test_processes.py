"""A command with its children: its stages, its end, and that nothing of it is left."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout import ROOT

from custseg_spark.interfaces.dashboard.trying.job_view import STAGES
from custseg_spark.interfaces.dashboard.trying.processes import Process, shown, stages
from custseg_spark.progress import Progress

# A child that doesn't hear SIGTERM, as a hanging JVM, whose number is the log's first line.
CHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}])
print(child.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""


def wait_for(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for doesn't."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def started(tmp_path: Path, seconds: float) -> Process:
    command = [sys.executable, "-c", PARENT, str(seconds)]
    return Process(command, folder=tmp_path, log=tmp_path / "log.txt")


def test_cancelling_ends_the_whole_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custseg_spark.interfaces.dashboard.trying.processes._GRACE_S", 0.2)
    process = started(tmp_path, 60)
    wait_for(lambda: process.text().strip())
    child = int(process.text())
    process.cancel()
    assert not process.is_running
    assert process.is_cancelled
    assert process.exit_code is not None
    assert process.exit_code < 0
    wait_for(lambda: not is_alive(child))
    process.cancel()


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    process = started(tmp_path, 0)
    wait_for(lambda: not process.is_running)
    assert (process.exit_code, process.is_cancelled) == (0, False)
    wait_for(lambda: not is_alive(int(process.text())))


def test_the_end_is_told_once_with_the_exit_code(tmp_path: Path) -> None:
    told: list[int | None] = []
    process = Process(
        [sys.executable, "-c", "import sys; print('error: no'); sys.exit(3)"],
        folder=tmp_path,
        log=tmp_path / "log.txt",
        on_end=lambda ended: told.append(ended.exit_code),
    )
    wait_for(lambda: not process.is_running)
    process.cancel()
    assert (told, process.text(), process.is_cancelled) == ([3], "error: no\n", False)


def test_stages_are_read_from_what_progress_writes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = Progress(live=True)
    with progress.stage("start Spark"):
        pass
    with progress.stage("customer lifetime value") as stage:
        stage.rows, stage.note = 1_234_567, "50 repeat buyers"
    during = stages(capsys.readouterr().err + "WARN x\nfit models …\r")
    assert during.done == ("start Spark", "customer lifetime value")
    assert during.current == "fit models"


def test_a_log_is_shown_as_on_a_terminal() -> None:
    assert shown("a …\ra  1.0 s\r\nb") == "a  1.0 s\nb"


def test_the_stages_of_the_progress_bar_are_those_that_the_code_names() -> None:
    code = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "custseg_spark").rglob("*.py"))
    assert [name for name in STAGES if f'.stage("{name}")' not in code] == []
