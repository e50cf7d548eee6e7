"""Stages with their seconds and rows: for the person at the terminal, and for the manifest."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

log = logging.getLogger("custseg")


@dataclass
class Stage:
    """One running stage; set `rows` or `note` inside the block to have them reported."""

    name: str
    rows: int | None = None
    note: str = ""

    def line(self, seconds: float) -> str:
        rows = f"{self.rows:>14,} rows" if self.rows is not None else " " * 19
        return f"{self.name:<22}{rows}{seconds:>8.1f} s  {self.note}".rstrip()


@dataclass
class Progress:
    """Collects the stages of a run; prints to stderr on a terminal, logs otherwise."""

    seconds: dict[str, float] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    live: bool = field(default_factory=lambda: sys.stderr.isatty())

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Times the block; on a terminal the running stage is shown while it works."""
        stage, started = Stage(name), time.perf_counter()
        if self.live:
            print(f"{name} …", end="\r", file=sys.stderr, flush=True)
        yield stage
        elapsed = time.perf_counter() - started
        self.seconds[name] = round(self.seconds.get(name, 0.0) + elapsed, 3)
        if stage.rows is not None:
            self.rows[name] = stage.rows
        if self.live:
            print(stage.line(elapsed), file=sys.stderr, flush=True)
        else:
            log.info(stage.line(elapsed))
