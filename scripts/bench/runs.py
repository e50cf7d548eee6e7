"""Runs of ours and the peers on generated logs, each in a folder and processes of its own."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import measure, ours
from bench.measure import DONE, Measured

THREADS = 2
OURS = "ours"
# The peers' programs.
PEERS = {name: f"bench.peer_{name}" for name in ("polars", "duckdb", "pandas")}
LARGEST_SIDE_EVENTS = 10_000_000

_SCRIPTS = Path(__file__).resolve().parent.parent
# Another Spark on this machine must not stand in for the pinned one.
_NOT_PASSED_ON = ("SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON")
_THREAD_SETTINGS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Plan:
    """What was asked for: sizes in events, the smallest first, and how often each is run."""

    sizes: Sequence[int]
    repeats: int
    names: Sequence[str]
    index_points: Sequence[int]
    sweep_points: Sequence[int]
    service_seconds: float

    @property
    def peers(self) -> list[str]:
        """The programs to compare with ours."""
        return [name for name in self.names if name != OURS]

    @property
    def is_compared(self) -> bool:
        """Whether there are both ours and a peer."""
        return OURS in self.names and bool(self.peers)

    @property
    def side_events(self) -> int:
        """The size for what is measured beside the whole way: the largest that takes minutes."""
        return max([n for n in self.sizes if n <= LARGEST_SIDE_EVENTS] or [self.sizes[0]])


@dataclass
class Runner:
    """Makes logs and runs programs in `folder`; a program's former output is removed first."""

    folder: Path
    memory: int
    results: dict[tuple[str, int], list[Measured]] = field(default_factory=dict)

    def log(self, events: int, *, by_day: bool = False) -> Path:
        """The generated log of so many events: a CSV file, or a new folder of one a day."""
        log = self.folder / (f"days_{events}" if by_day else f"events_{events}.csv")
        if by_day:
            shutil.rmtree(log, ignore_errors=True)
        if not log.exists():
            program = str(_SCRIPTS / "generate_events.py")
            command = [sys.executable, program, f"--events={events}", f"--out={log}"]
            outcome = self.execute("generate", command)
            if outcome.outcome != DONE:
                raise RuntimeError(f"no log of {events:,} events: {outcome.said}")
        return log

    def program(self, name: str, events: int) -> Measured:
        """One run of ours or of a peer on the log of so many events, from nothing."""
        log = self.log(events)
        if name == OURS:
            return self.ours(log, self.new(OURS) / "lake")
        out = str(self.new(name))
        return self.execute(name, [sys.executable, "-m", PEERS[name], str(log), out])

    def timed(self, name: str, events: int) -> Measured:
        """As `program`, kept among the results."""
        done = self.program(name, events)
        self.results.setdefault((name, events), []).append(done)
        return done

    def is_hopeless(self, name: str, events: int) -> bool:
        """Whether the program has failed at this size before."""
        return any(run.outcome != DONE for run in self.results.get((name, events), []))

    def ours(
        self, log: Path, lake: Path, *, config: Path = ours.PRESET, cores: int = THREADS
    ) -> Measured:
        """One run of ours, into a new lake or on with what it holds."""
        command = ours.command(log, lake, config=config, cores=cores)
        return self.execute(OURS, command, cores=cores)

    def execute(self, name: str, command: Sequence[str], *, cores: int = THREADS) -> Measured:
        """Any command on that many cores, with as many threads."""
        environment = {k: v for k, v in os.environ.items() if k not in _NOT_PASSED_ON}
        environment |= dict.fromkeys(_THREAD_SETTINGS, str(cores))
        environment["PYTHONPATH"] = str(_SCRIPTS)
        done = measure.run(
            command,
            output=self.folder / f"{name}.out",
            memory=self.memory,
            environment=environment,
            cores=cores,
            folder=self.folder,
        )
        words = f"{name:<10}{done.wall:>9.1f} s  {done.outcome}"
        print(words if done.outcome == DONE else f"{words}\n{done.said}", file=sys.stderr)
        return done

    def out(self, name: str) -> Path:
        """Where a program's last output is; a lake in `lake` of ours."""
        return self.folder / f"out_{name}"

    def new(self, name: str) -> Path:
        """The same folder, emptied."""
        shutil.rmtree(self.out(name), ignore_errors=True)
        self.out(name).mkdir()
        return self.out(name)
