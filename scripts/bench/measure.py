"""A command's wall time, CPU seconds and peak memory, of all its processes together.

Linux only: processes are found in /proc five times a second, from the command on down and by its
session, so that Spark's JVM, its Python driver and workers count as the peers' threads do.
Memory is the sum of their resident sets, held in two looks in a row; what forked workers share
counts for each of them.
CPU is what the kernel says of the processes that were waited for, or the sum of the samples where
that is more, as it is for workers that nobody waited for.
"""

import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DONE, OUT_OF_MEMORY, FAILED = "done", "out of memory", "failed"

_INTERVAL_SECONDS = 0.2
_TICKS, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
# How programs say that memory was short; ours also by its exit code.
_MEMORY_WORDS = ("MemoryError", "Unable to allocate", "OutOfMemory", "Out of Memory", "bad_alloc")
_MEMORY_CODES = (6, -signal.SIGKILL, 128 + signal.SIGKILL)
_TAIL_BYTES = 20_000


@dataclass(frozen=True)
class Measured:
    """One run: seconds, CPU seconds, bytes at the peak, and how it ended; `said` is its output."""

    wall: float
    cpu: float
    peak: int
    outcome: str
    said: str = ""


@dataclass
class _Tree:
    """The processes of a command as the samples saw them, by process id and start time."""

    root: int
    seconds: dict[tuple[int, int], float] = field(default_factory=dict)
    alive: set[tuple[int, int]] = field(default_factory=set)
    peak: int = 0
    seen: int = 0

    def sample(self) -> int:
        """Looks at all processes; returns the bytes that the tree's held then and the look before.

        Between fork and exec a child has its parent's memory, not as much again: milliseconds.
        """
        stats = {pid: stat for pid in _process_ids() if (stat := _stat(pid))}
        members = {self.root}
        for pid in sorted(stats, key=lambda p: stats[p].started):
            stat = stats[pid]
            is_known = (pid, stat.started) in self.seconds
            if is_known or stat.session == self.root or stat.parent in members:
                members.add(pid)
        memory = 0
        self.alive = set()
        for pid in members & stats.keys():
            stat = stats[pid]
            self.alive.add((pid, stat.started))
            self.seconds[pid, stat.started] = stat.seconds
            memory += stat.resident
        lasting, self.seen = min(memory, self.seen), memory
        self.peak = max(self.peak, lasting)
        return lasting

    def kill(self) -> None:
        """Ends every process of the tree that still runs."""
        self.sample()
        for pid, started in self.alive:
            stat = _stat(pid)
            if stat and stat.started == started:
                os.kill(pid, signal.SIGKILL)


@dataclass(frozen=True)
class _Stat:
    parent: int
    session: int
    seconds: float
    started: int
    resident: int


def _process_ids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: int) -> _Stat | None:
    """What the kernel says of a process (proc(5)); None where it is gone or dead."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in brackets may hold blanks and brackets.
    fields = text.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    ticks = int(fields[11]) + int(fields[12])
    return _Stat(
        parent=int(fields[1]),
        session=int(fields[3]),
        seconds=ticks / _TICKS,
        started=int(fields[19]),
        resident=int(fields[21]) * _PAGE,
    )


def available_bytes() -> int:
    """The memory that is free or can be freed."""
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo has no MemAvailable")


def run(
    command: Sequence[str],
    *,
    output: Path,
    memory: int,
    environment: Mapping[str, str],
    cores: int = 2,
    folder: Path | None = None,
) -> Measured:
    """Runs a command on `cores` cores to its end, its output to a file, and measures it.

    Beyond `memory` bytes it is ended, before the kernel has to choose whom to end.
    """
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    with output.open("wb") as file:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
            # In the child, before it becomes the command: all that it starts inherits them.
            preexec_fn=lambda: os.sched_setaffinity(0, allowed),
        )
        tree = _Tree(process.pid)
        try:
            status, usage, was_ended = _watch(tree, memory)
        except BaseException:
            tree.kill()
            raise
        wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    tail = output.read_bytes()[-_TAIL_BYTES:].decode("utf-8", errors="replace")
    cpu = max(usage.ru_utime + usage.ru_stime, sum(tree.seconds.values()))
    # Not the kernel's own peak: that begins with the memory of who forked.
    return Measured(wall, cpu, tree.peak, _outcome(process.returncode, tail, was_ended), tail)


def _watch(tree: _Tree, memory: int) -> tuple[int, resource.struct_rusage, bool]:
    """Samples until the command ends, or is ended for its memory."""
    was_ended = False
    ends = os.pidfd_open(tree.root)
    try:
        while not select.select([ends], [], [], _INTERVAL_SECONDS)[0]:
            if tree.sample() > memory and not was_ended:
                was_ended = True
                tree.kill()
    finally:
        os.close(ends)
    _, status, usage = os.wait4(tree.root, 0)
    return status, usage, was_ended


def _outcome(code: int, tail: str, was_ended: bool) -> str:
    if code == 0:
        return DONE
    short = was_ended or code in _MEMORY_CODES or any(word in tail for word in _MEMORY_WORDS)
    return OUT_OF_MEMORY if short else FAILED
