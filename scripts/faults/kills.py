"""Kills jobs at many moments, then looks whether the last good result stands and a retry is right.

  PYTHONPATH=scripts python -m faults.kills [--io native|spark] [--moments 10] [--steps 14]

A rerun of a finished run date is killed at moments spread over its time, and at the beginning of
each write of its publication; so is an ingest, whose file comes again with one more line. After
each kill: what `runs` publishes is the old result or the new one in full; after the retry it is
the new one, nothing is left of the killed run, and the ledger adds up.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from faults import jobs, state

Results = Mapping[date, str]


@dataclass
class Tries:
    """What was tried and what went wrong."""

    kills: int = 0
    faults: list[str] = field(default_factory=list)

    def expect(self, holds: bool, what: str) -> None:
        """Notes a fault unless it holds."""
        if not holds:
            self.faults.append(what)
            print(f"  FAULT {what}", flush=True)


@dataclass(frozen=True)
class Reruns:
    """A lake with a result, and what a rerun with other segments makes of it."""

    work: Path
    io: str
    tries: Tries

    def words(self, lake: Path, k: int) -> list[str]:
        """The command of a run with k segments."""
        of_io = f"--set=lake.io={self.io}"
        more = [f"--lake={lake}", "--skip-ingest", f"--set=model.k={k}", of_io]
        return ["segment", *more, *jobs.QUICK]

    def prepared(self, log: Path) -> tuple[Path, Results, Results, float]:
        """The lake, its result, the rerun's, and the rerun's seconds."""
        lake, again = self.work / "lake", self.work / "again"
        source = f"--source=ecommerce_events={log}"
        jobs.must("ingest", f"--lake={lake}", source, f"--set=lake.io={self.io}")
        jobs.must(*self.words(lake, 2))
        shutil.copytree(lake, again)
        ended = jobs.must(*self.words(again, 3))
        return lake, state.results(lake), state.results(again), ended.seconds

    def kill(self, lake: Path, old: Results, new: Results, **moment: float | int) -> None:
        """Kills a rerun on a copy of the lake, looks, tries again, and looks once more."""
        copy = self.work / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(lake, copy)
        ended = killed(self.words(copy, 3), **moment)
        self.tries.kills += ended.code == -9
        results = state.results(copy)
        is_new = results == new
        print(f"{moment}: exit {ended.code}, {'new' if is_new else 'old'} result", flush=True)
        self.tries.expect(results in (old, new), f"{moment}: neither the old nor the new result")
        retry = jobs.run(*self.words(copy, 3))
        self.tries.expect(retry.code == 0, f"{moment}: the retry ended with {retry.code}")
        self.tries.expect(state.results(copy) == new, f"{moment}: the retry's result")
        self.tries.expect(not state.strangers(copy), f"{moment}: rows of other runs")
        left = state.leftovers(copy)
        self.tries.expect(not left, f"{moment}: left {left[:3]}")


def killed(words: Sequence[str], **moment: float | int) -> jobs.Ended:
    """A job that is killed after `seconds`, or at its write `step`."""
    if "step" in moment:
        return jobs.run(*words, dies_at=int(moment["step"]))
    return jobs.wait(jobs.start(*words), kill_after_s=moment["seconds"])


def ingests(work: Path, io: str, log: Path, tries: Tries, steps: int) -> None:
    """Kills ingests at each of their writes; the file comes again with one more line."""
    lines = log.read_text().splitlines()
    lines[5::400] = ["broken"] * len(lines[5::400])
    lake, file = work / "ingested", work / "delivered.csv"
    words = ["ingest", f"--lake={lake}", f"--source=ecommerce_events={file}"]
    words += [f"--set=lake.io={io}"]
    for step in range(steps):
        shutil.rmtree(lake, ignore_errors=True)
        file.write_text("\n".join(lines[:-1]) + "\n")
        ended = killed(words, step=step)
        if ended.code != -9:
            return
        tries.kills += 1
        file.write_text("\n".join(lines) + "\n")
        again = jobs.run(*words)
        faults = state.ledger_faults(lake)
        print(f"ingest, step {step}: then exit {again.code}", flush=True)
        tries.expect(again.code == 0, f"ingest, step {step}: then exit {again.code}")
        tries.expect(not faults, f"ingest, step {step}: {faults[:2]}")
        gate = jobs.run("gate", f"--lake={lake}", f"--set=lake.io={io}")
        tries.expect(gate.code == 0, f"ingest, step {step}: the gate said {gate.said[-200:]}")


def moments(seconds: float, count: int, steps: int) -> Iterator[dict[str, float | int]]:
    """Moments spread over a run's time, then the writes of its publication."""
    for number in range(count):
        yield {"seconds": round(seconds * (number + 0.5) / count, 1)}
    for step in range(steps):
        yield {"step": step}


def main() -> None:
    """Tries all of it and says what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--io", default="native", choices=("native", "spark"))
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--steps", type=int, default=14)
    parser.add_argument("--events", type=int, default=6_000)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="custseg-faults-"))
    work.mkdir(parents=True, exist_ok=True)
    log, tries = work / "log.csv", Tries()
    jobs.generate(log, options.events)
    reruns = Reruns(work, options.io, tries)
    lake, old, new, seconds = reruns.prepared(log)
    print(f"a rerun takes {seconds:.0f} s", flush=True)
    for moment in moments(seconds, options.moments, options.steps):
        reruns.kill(lake, old, new, **moment)
    ingests(work, options.io, log, tries, options.steps)
    print(f"{tries.kills} kills, {len(tries.faults)} faults")
    raise SystemExit(bool(tries.faults))


if __name__ == "__main__":
    main()
