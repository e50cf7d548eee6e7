"""Starts jobs on one lake at once, then looks whether one of them won and the lake is whole.

  PYTHONPATH=scripts python -m faults.races [--io native|spark] [--rounds 3] [--work DIR]

Two ingests into a fresh lake; two runs of one date with other segments, also the second once the
first has its features; exports while a run is made again. Who loses ends with exit code 5.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from faults import jobs, state
from faults.kills import Tries


def fresh_ingests(work: Path, io: str, log: Path, tries: Tries) -> None:
    """Race two first ingests: each succeeds or exits with a conflict, and the ledger adds up."""
    lake = work / "fresh"
    shutil.rmtree(lake, ignore_errors=True)
    source = f"--source=ecommerce_events={log}"
    words = ("ingest", f"--lake={lake}", source, f"--set=lake.io={io}")
    both = [jobs.start(*words) for _ in range(2)]
    ended = [jobs.wait(job) for job in both]
    codes = sorted(one.code for one in ended)
    print(f"two first ingests: {codes}", flush=True)
    for one in ended:
        tries.expect("Traceback" not in one.said, f"a traceback: {one.said[-300:]}")
    tries.expect(set(codes) <= {0, 5}, f"two first ingests ended with {codes}")
    jobs.must(*words)
    faults = state.ledger_faults(lake)
    tries.expect(not faults, f"two first ingests: {faults[:2]}")


def _again(lake: Path, io: str) -> tuple[str, ...]:
    """Return the words of a run that is made anew whatever stands."""
    again = ("--skip-ingest", "--again", f"--set=lake.io={io}")
    return ("segment", f"--lake={lake}", *again, *jobs.QUICK)


def two_runs(work: Path, lake: Path, io: str, wait_s: float, tries: Tries) -> None:
    """Race two runs of one date: one counts in full, the other exits with a conflict."""
    copy = work / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(lake, copy)
    words = _again(copy, io)
    first = jobs.start(*words, "--set=model.k=2")
    time.sleep(wait_s)
    second = jobs.start(*words, "--set=model.k=3")
    ended = [jobs.wait(job) for job in (first, second)]
    codes = [one.code for one in ended]
    print(f"two runs, {wait_s:.0f} s apart: {codes}", flush=True)
    tries.expect(sorted(codes) in ([0, 0], [0, 5]), f"two runs ended with {codes}")
    # The next opener tidies up after the loser.
    export = jobs.run("export", f"--lake={copy}", f"--to=csv:{work / 'out'}")
    tries.expect(export.code == 0, f"the export ended with {export.code}: {export.said[-200:]}")
    tries.expect(not state.strangers(copy), "rows of other runs")
    tries.expect(len(state.results(copy)) == 1, "the date has one run")


def export_during_a_rerun(work: Path, lake: Path, io: str, tries: Tries) -> None:
    """Exports all the time while a run is made again: each is of one run in full."""
    copy, out = work / "copy", work / "out"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(lake, copy)
    words = _again(copy, io)
    rerun = jobs.start(*words, "--set=model.k=3")
    counts = []
    while rerun.poll() is None:
        jobs.must("export", f"--lake={copy}", f"--to=csv:{out}", "--tables=segment_metrics")
        rows = (out / "segment_metrics.csv").read_text().splitlines()[1:]
        counts.append(len(rows))
        tries.expect(len(rows) in (2, 3), f"an export of {len(rows)} segments")
        run_dates = {row.split(",")[0] for row in rows}
        tries.expect(len(run_dates) == len(rows), "an export of two runs at once")
    jobs.wait(rerun)
    print(f"exports during a rerun: segments {counts}", flush=True)


def main() -> None:
    """Tries all of it and says what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--io", default="native", choices=("native", "spark"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=6_000)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="custseg-faults-"))
    work.mkdir(parents=True, exist_ok=True)
    log, lake, tries = work / "log.csv", work / "lake", Tries()
    jobs.generate(log, options.events)
    of_lake = (f"--lake={lake}", f"--set=lake.io={options.io}")
    jobs.must("ingest", *of_lake, f"--source=ecommerce_events={log}")
    jobs.must("segment", *of_lake, "--skip-ingest", "--set=model.k=2", *jobs.QUICK)
    for number in range(options.rounds):
        fresh_ingests(work, options.io, log, tries)
        two_runs(work, lake, options.io, 4.0 * number, tries)
    export_during_a_rerun(work, lake, options.io, tries)
    print(f"{len(tries.faults)} faults")
    raise SystemExit(bool(tries.faults))


if __name__ == "__main__":
    main()
