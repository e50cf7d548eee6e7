"""Kills a stream at many moments, starts it again, and compares with one that nobody disturbed.

  PYTHONPATH=scripts python -m faults.stream_kills [--io native|spark] [--moments 10] [--steps 10]

A log comes in as files, late ones among them, one file a batch, into a lake that has a published
run. The stream is killed at moments spread over its time, and at the beginning of each write of a
journal or a commit; then it is started until it ends well. Events and sessions must be those of one
ingest of the same files, current segments those of the undisturbed stream; and with hysteresis off
those of the batch, customer by customer.
"""

import argparse
import csv
import hashlib
import shutil
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow.compute as pc

from custseg_spark.engine.lake.columns import Table
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import (
    CUSTOMER_SEGMENTS,
    CUSTOMERS,
    EVENTS,
    INGEST_FILES,
    REJECTED_EVENTS,
    SESSIONS,
)
from custseg_spark.engine.lake.stream_tables import CURRENT_SEGMENTS
from faults import jobs, state
from faults.kills import Tries, killed, moments

HYSTERESIS = 0.3
_MAPPING = "--mapping=ecommerce_events"
_BROUGHT = (EVENTS, REJECTED_EVENTS, INGEST_FILES, SESSIONS, CUSTOMERS)
_SEGMENT = ("customer_id", "segment_id", "segment_name", "distance", "second_segment_id", "margin")
# A stream that is killed again and again would never be through.
_MOST_STARTS = 3


@dataclass(frozen=True)
class Streams:
    """The files that arrive, a lake without events that has a run, and what they come to."""

    work: Path
    io: str
    tries: Tries

    @property
    def landing(self) -> Path:
        return self.work / "landing"

    @property
    def batch(self) -> Path:
        """The lake of the batch: all files at once, and a run."""
        return self.work / "batch"

    def words(self, lake: Path, hysteresis: float) -> list[str]:
        """The command of a stream."""
        return [
            *("stream", str(self.landing), _MAPPING, "--once", f"--lake={lake}"),
            *("--set=stream.max_files=1", f"--set=model.stability.hysteresis={hysteresis}"),
            f"--set=lake.io={self.io}",
        ]

    def prepare(self, events: int, files: int) -> None:
        """Makes the files and the batch's lake."""
        log = self.work / "log.csv"
        jobs.generate(log, events)
        split(log, self.landing, files)
        source = f"--source=ecommerce_events={self.landing}"
        of_io = f"--set=lake.io={self.io}"
        jobs.must("segment", f"--lake={self.batch}", source, of_io, *jobs.QUICK)

    def fresh(self, name: str) -> Path:
        """A copy of the batch's lake with its run and without its events."""
        lake = self.work / name
        shutil.rmtree(lake, ignore_errors=True)
        shutil.copytree(self.batch, lake)
        for table in _BROUGHT:
            shutil.rmtree(lake / table.name, ignore_errors=True)
        return lake

    def through(self, lake: Path, hysteresis: float, what: str) -> float:
        """Starts the stream until it ends well; the seconds of the last start."""
        for _ in range(_MOST_STARTS):
            ended = jobs.run(*self.words(lake, hysteresis))
            if ended.code == 0:
                return ended.seconds
            print(f"  {what}: exit {ended.code}: {ended.said[-300:]}", flush=True)
        self.tries.expect(False, f"{what}: the stream doesn't get through")
        return 0.0

    def kill(self, undisturbed: Sequence[str], **moment: float | int) -> None:
        """Kills a stream, starts it again, and compares."""
        lake = self.fresh("killed")
        ended = killed(self.words(lake, HYSTERESIS), **moment)
        self.tries.kills += ended.code == -9
        done = ended.said.count("batch ")
        print(f"{moment}: exit {ended.code} after {done} batches", flush=True)
        self.through(lake, HYSTERESIS, str(moment))
        for table, before, after in zip(
            (EVENTS, SESSIONS, CURRENT_SEGMENTS), undisturbed, digests(lake), strict=True
        ):
            self.tries.expect(before == after, f"{moment}: {table.name} differ")
        faults = state.ledger_faults(lake)
        self.tries.expect(not faults, f"{moment}: {faults[:2]}")


def split(log: Path, landing: Path, files: int) -> None:
    """Cuts a log into files by time; each fifth line comes with the next file, so late."""
    with log.open(newline="") as stream:
        header, *rows = list(csv.reader(stream))
    rows.sort(key=lambda row: row[header.index("event_time")])
    size = -(-len(rows) // files)
    landing.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        part = rows[number * size : (number + 1) * size]
        before = rows[(number - 1) * size : number * size] if number else []
        late, rest = before[::5], [row for i, row in enumerate(part) if i % 5]
        last = part[::5] if number == files - 1 else []
        with (landing / f"{number:02}.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([header, *late, *rest, *last])


def digests(root: Path) -> list[str]:
    """Digests of events, sessions and current segments, whatever their files."""
    return [_digest(NativeLake(root), table) for table in (EVENTS, SESSIONS, CURRENT_SEGMENTS)]


def _digest(lake: NativeLake, table: Table) -> str:
    rows = sorted(map(repr, lake.read(table).to_pylist())) if lake.exists(table) else []
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:12]


def segments(root: Path, table: Table, dates: Collection[date] | None = None) -> list[str]:
    """Customers with their segments by the main algorithm, of some run dates or all."""
    rows = NativeLake(root).read(table, [*_SEGMENT, "algorithm"], dates)
    of_main = rows.filter(pc.equal(rows["algorithm"], "kmeans")).select(list(_SEGMENT))
    return sorted(map(repr, of_main.to_pylist()))


def main() -> None:
    """Tries all of it and says what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--io", default="native", choices=("native", "spark"))
    parser.add_argument("--moments", type=int, default=10)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--events", type=int, default=6_000)
    parser.add_argument("--files", type=int, default=5)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="custseg-faults-"))
    work.mkdir(parents=True, exist_ok=True)
    streams = Streams(work, options.io, Tries())
    streams.prepare(options.events, options.files)
    lake = streams.fresh("undisturbed")
    seconds = streams.through(lake, HYSTERESIS, "undisturbed")
    undisturbed = digests(lake)
    print(f"undisturbed: {seconds:.0f} s", flush=True)
    expect = streams.tries.expect
    expect(undisturbed[:2] == digests(streams.batch)[:2], "events and sessions aren't the batch's")
    off = streams.fresh("off")
    # The first stream finds the machine's caches cold: by its time the last moments were too late.
    seconds = min(seconds, streams.through(off, 0.0, "without hysteresis"))
    same = segments(off, CURRENT_SEGMENTS) == segments(streams.batch, CUSTOMER_SEGMENTS)
    expect(same, "without hysteresis the segments aren't the batch's")
    expect(_held(lake) > 0, "hysteresis held nobody: the comparison says little")
    for moment in moments(seconds, options.moments, options.steps):
        streams.kill(undisturbed, **moment)
    print(f"{streams.tries.kills} kills, {len(streams.tries.faults)} faults")
    raise SystemExit(bool(streams.tries.faults))


def _held(root: Path) -> int:
    return sum(NativeLake(root).read(CURRENT_SEGMENTS, ["is_held"])["is_held"].to_pylist())


if __name__ == "__main__":
    main()
