"""A command in its own process group: its log, its stage, its end."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

# Within this time Spark's own hooks end its workers.
_GRACE_S = 10.0
_TAIL_BYTES = 64 << 10
# The lines that `progress` writes for a stage: first its beginning, then its seconds in place of
# that.
_BEGUN = re.compile(r"^(\S.*) …$")
_DONE = re.compile(r"^(\S.{21,40}?)(?:[\d, ]{14} rows| {19}) *\d+\.\d s")


@dataclass(frozen=True)
class Progressed:
    """The finished stages in order, and the running one."""

    done: tuple[str, ...]
    current: str | None


class Process:
    """A running command; it ends together with its child processes."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
        on_end: Callable[["Process"], None] = lambda _: None,
    ) -> None:
        """Start the command in `folder`; `on_end` is called once, in another thread."""
        self.log = log
        self.is_cancelled = False
        self._started = time.monotonic()
        self._ended: float | None = None
        with log.open("wb") as written:
            self._process = subprocess.Popen(
                list(command),
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._lock = Lock()
        self._is_there = True
        self._waiter = Thread(target=self._wait, args=(on_end,), daemon=True)
        self._waiter.start()

    def _wait(self, on_end: Callable[["Process"], None]) -> None:
        # Not reaped yet, so that its number, the group's too, isn't reused before the group is
        # ended.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self._signal(signal.SIGKILL)
        with self._lock:
            self._is_there = False
            self._process.wait()
        self._ended = time.monotonic()
        on_end(self)

    @property
    def is_running(self) -> bool:
        """Whether the command, or the callback after it, still runs."""
        return self._waiter.is_alive()

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while the command runs, below 0 if a signal ended it."""
        return self._process.returncode

    @property
    def seconds(self) -> float:
        """The running time in seconds."""
        return (self._ended or time.monotonic()) - self._started

    def cancel(self) -> None:
        """End the whole group, and wait for its end."""
        self.is_cancelled = self.is_cancelled or self.exit_code is None
        self._signal(signal.SIGTERM)
        self._waiter.join(_GRACE_S)
        self._signal(signal.SIGKILL)
        self._waiter.join()

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if self._is_there:
                os.killpg(self._process.pid, number)

    def text(self) -> str:
        """Return the end of the log, as a terminal would show it."""
        return shown(tail(self.log))

    def progressed(self) -> Progressed:
        """Return the stages of a job that shows its progress as on a terminal."""
        return stages(tail(self.log))


def tail(log: Path) -> str:
    """Return the end of a log, 64 KiB at most; empty without a log."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            return stream.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def shown(text: str) -> str:
    """Return the lines without overwritten parts."""
    lines = text.split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def stages(text: str) -> Progressed:
    """Return the stages in a job's log."""
    done: list[str] = []
    now = None
    for line in re.split(r"[\r\n]", text):
        if begun := _BEGUN.match(line):
            now = begun[1]
        elif ended := _DONE.match(line):
            done.append(ended[1].rstrip())
            now = None
    return Progressed(tuple(done), now)
