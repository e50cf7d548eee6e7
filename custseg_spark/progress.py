"""Stages with their seconds and rows, for the terminal and for the manifest."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from custseg_spark import redaction

log = redaction.logger()


@dataclass
class Stage:
    """A running stage; set `rows` or `note` inside the block to report them."""

    name: str
    rows: int | None = None
    note: str = ""

    def line(self, seconds: float) -> str:
        rows = f"{self.rows:>14,} rows" if self.rows is not None else " " * 19
        return f"{self.name:<22}{rows}{seconds:>8.1f} s  {self.note}".rstrip()


def _at_a_terminal() -> bool:
    # Under spark-submit stderr is a pipe; the settings say whether it was a terminal.
    return sys.stderr.isatty() or "CUSTSEG_TERMINAL" in os.environ


@dataclass
class Progress:
    """Collects the stages of a run: shown on a terminal, otherwise logged at level INFO."""

    seconds: dict[str, float] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    live: bool = field(default_factory=_at_a_terminal)

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Time the block; on a terminal the running stage is shown."""
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
