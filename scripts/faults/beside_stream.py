"""Runs batches beside a stream on one lake, then looks whether anything was lost or counted twice.

  PYTHONPATH=scripts python -m faults.beside_stream [--io native|spark] [--events 4000] [--files 12]

Half of a log is a lake's history, with a run; the other half arrives file by file, late events
among it, and a stream follows. Meanwhile batches run: the same run date again, a new run date, the
stream's own files as a source. Each ends well or with exit code 5, and then its retry does. In the
end events and sessions are those of one ingest of all files, and the stream has picked up the last
run's model: with hysteresis off its segments are that run's, customer by customer.
"""

import argparse
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from custseg_spark.engine.lake.columns import RUN_ID
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, RUNS
from custseg_spark.engine.lake.stream_tables import CURRENT_SEGMENTS
from faults import jobs, state
from faults.kills import Tries
from faults.stream_kills import digests, segments, split

_CONFLICT = 5
_MOST_TRIES = 6
_QUIET_S = 120.0
_OFF = "--set=model.stability.hysteresis=0.0"
_BATCH = (*jobs.QUICK, _OFF)


@dataclass(frozen=True)
class Beside:
    """A lake with a run of its history, files that will arrive, and what went wrong."""

    work: Path
    io: str
    tries: Tries

    @property
    def lake(self) -> Path:
        """Holds the history's events and its run; then the stream writes it."""
        return self.work / "lake"

    @property
    def landing(self) -> Path:
        """Where the stream looks."""
        return self.work / "landing"

    def words(self, command: str, *more: str, lake: Path | None = None) -> list[str]:
        """A command on the lake."""
        of_lake = (f"--lake={lake or self.lake}", f"--set=lake.io={self.io}")
        return [command, *more, *of_lake]

    def prepare(self, events: int, files: int) -> list[Path]:
        """Makes the lake of the history; returns the files that are to arrive, in order."""
        log, cut = self.work / "log.csv", self.work / "cut"
        jobs.generate(log, events)
        split(log, cut, files)
        pieces = sorted(cut.glob("*.csv"))
        history = self.work / "history"
        history.mkdir()
        for piece in pieces[: files // 2]:
            piece.rename(history / piece.name)
        self.landing.mkdir()
        jobs.must(*self.words("segment", f"--source=ecommerce_events={history}", *_BATCH))
        return sorted(cut.glob("*.csv"))

    @contextmanager
    def streaming(self) -> Iterator[Path]:
        """The stream, at work for the block, and the file of what it says."""
        log = self.work / "stream.log"
        options = ("--mapping=ecommerce_events", "--set=stream.max_files=1", "--interval=1", _OFF)
        words = self.words("stream", str(self.landing), *options)
        stream = jobs.start(*words, says_to=log)
        try:
            yield log
        finally:
            stream.send_signal(signal.SIGINT)
            try:
                code = stream.wait(timeout=_QUIET_S)
            except subprocess.TimeoutExpired:
                os.killpg(stream.pid, signal.SIGKILL)
                code = stream.wait()
            self.tries.expect(code == 0, f"the stream ended with {code}: {log.read_text()[-500:]}")

    def deliver(self, piece: Path, name: str = "") -> None:
        """Puts a file into the landing folder whole."""
        hidden = self.landing / f".{name or piece.name}"
        shutil.copyfile(piece, hidden)
        hidden.rename(self.landing / (name or piece.name))

    def through(self, what: str, *more: str) -> None:
        """A batch beside the stream, until it ends well; a conflict is said in words, by 5."""
        codes = []
        for _ in range(_MOST_TRIES):
            ended = jobs.run(*self.words("segment", *more, *_BATCH))
            codes.append(ended.code)
            self.tries.expect("Traceback" not in ended.said, f"{what}: {ended.said[-500:]}")
            self.tries.expect(ended.code in (0, _CONFLICT), f"{what}: {ended.said[-500:]}")
            if ended.code == _CONFLICT:
                print(f"  {what}: {ended.said.strip().splitlines()[-1]}", flush=True)
            if ended.code == 0:
                break
        self.tries.expect(codes[-1] == 0, f"{what}: exit codes {codes}")
        print(f"{what}: exit codes {codes}", flush=True)

    def caught_up(self) -> bool:
        """Whether the stream has brought every file and scores with the latest run's model."""
        lake = NativeLake(self.lake)
        run_id, _ = latest_run(lake)
        if not lake.exists(CURRENT_SEGMENTS):
            return False
        used = lake.read(CURRENT_SEGMENTS, ["model_run_id"])["model_run_id"]
        return set(used.to_pylist()) == {run_id}


def latest_run(lake: NativeLake) -> tuple[str, date]:
    """Id and date of the run of the latest date."""
    rows = lake.read(RUNS, ["run_date", RUN_ID]).to_pylist()
    last = max(rows, key=lambda row: row["run_date"])
    return last[RUN_ID], last["run_date"]


def batches(beside: Beside, pieces: list[Path], pause_s: float) -> None:
    """Runs batches while the files arrive, and one when all are there."""
    first_date = latest_run(NativeLake(beside.lake))[1]

    def arrive() -> None:
        for piece in pieces:
            beside.deliver(piece)
            time.sleep(pause_s)

    feeder = threading.Thread(target=arrive)
    feeder.start()
    rerun = ("--skip-ingest", "--again", "--set=model.k=3")
    beside.through("the same run date", f"--run-date={first_date}", *rerun)
    beside.through("a new run date", "--skip-ingest")
    beside.through("the stream's files", f"--source=ecommerce_events={beside.landing}")
    feeder.join()


def settled(beside: Beside, pieces: list[Path]) -> None:
    """A run of all events, a file that the stream knows already, and what it comes to."""
    source = f"--source=ecommerce_events={beside.landing}"
    beside.through("all files are there", source, "--again", "--set=model.k=2")
    beside.deliver(pieces[-1], "known.csv")
    ends = time.monotonic() + _QUIET_S
    while not beside.caught_up() and time.monotonic() < ends:
        time.sleep(1)
    beside.tries.expect(beside.caught_up(), "the stream hasn't picked up the last run's model")


def compare(beside: Beside) -> None:
    """Holds the lake to one ingest of all files, and the stream's segments to the last run's."""
    one = beside.work / "one"
    history = f"--source=ecommerce_events={beside.work / 'history'}"
    (beside.landing / "known.csv").unlink()
    for source in (history, f"--source=ecommerce_events={beside.landing}"):
        jobs.must(*beside.words("ingest", source, lake=one))
    expect = beside.tries.expect
    for name, stream_rows, others in zip(
        ("events", "sessions"), digests(beside.lake), digests(one), strict=False
    ):
        expect(stream_rows == others, f"{name} aren't those of one ingest")
    faults = state.ledger_faults(beside.lake)
    expect(not faults, f"the ledger: {faults[:2]}")
    strangers = state.strangers(beside.lake)
    expect(not strangers, f"rows of other runs: {strangers}")
    _, last = latest_run(NativeLake(beside.lake))
    of_stream = segments(beside.lake, CURRENT_SEGMENTS)
    of_run = segments(beside.lake, CUSTOMER_SEGMENTS, [last])
    expect(of_stream == of_run, "the stream's segments aren't the last run's")
    print(f"{len(of_stream)} customers in current_segments, {len(of_run)} in the run of {last}")


def main() -> None:
    """Tries all of it and says what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--io", default="native", choices=("native", "spark"))
    parser.add_argument("--events", type=int, default=4_000)
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--pause", type=float, default=8.0, help="seconds between two files")
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="custseg-faults-"))
    work.mkdir(parents=True, exist_ok=True)
    beside = Beside(work, options.io, Tries())
    pieces = beside.prepare(options.events, options.files)
    with beside.streaming() as said:
        batches(beside, pieces, options.pause)
        settled(beside, pieces)
    print(said.read_text().strip(), flush=True)
    compare(beside)
    print(f"{len(beside.tries.faults)} faults")
    raise SystemExit(bool(beside.tries.faults))


if __name__ == "__main__":
    main()
