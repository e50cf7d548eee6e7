"""What is measured, part by part: each runs its programs and gives its section as Markdown."""

import json
import shutil
import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench import ours
from bench.measure import DONE, Measured
from bench.page import gib, ratios, seconds, table
from bench.runs import OURS, Plan, Runner
from bench.service import service
from bench.whole import Stages, measured, stage_table, whole

FIRST, THEN = "first run", "with a day more"

_INDICES = """\
Silhouette (squared Euclidean), Davies-Bouldin and Calinski-Harabasz of seven clusterings, k = 2
to 8, of points in 11 dimensions. Ours takes all points, on a running session. scikit-learn
compares every pair, so that its time grows with the square; beyond the first row it takes the
silhouettes of a sample alone, as its users do. Differences: relative to scikit-learn's; absolute
of the sample."""

_SWEEP = """\
KMeans for k = 2 to 8 from one start, at most 50 iterations, on points in 11 dimensions. Ours fits
the range in NumPy on one core of the driver, then k = 7, as if it were chosen, by MLlib on a
running session; a run does so on a sample of 20,000 customers, however many there are."""


def growth(runner: Runner, plan: Plan) -> str:
    """Ours at every size: how seconds and memory grow with the events."""
    medians: dict[int, float] = {}
    rows = []
    for events in plan.sizes:
        runs = runner.results.get((OURS, events)) or [runner.timed(OURS, events)]
        if any(run.outcome != DONE for run in runs):
            rows.append([f"{events:,}", runs[-1].outcome, "", "", "", ""])
            continue
        wall = statistics.median(run.wall for run in runs)
        last = max(medians, default=events)
        more = f"{events / last:.0f} x events, {wall / medians[last]:.1f} x s" if medians else ""
        medians[events] = wall
        cpu = statistics.median(run.cpu for run in runs)
        peak = gib([run.peak for run in runs])
        figures = [f"{wall:,.1f}", f"{events / wall:,.0f}", f"{cpu:,.1f}", peak, more]
        rows.append([f"{events:,}", *figures])
    headers = ["events", "wall, s", "events a second", "CPU, s", "peak, GiB", "to the one before"]
    return table(headers, rows)


def cores(runner: Runner, plan: Plan) -> str:
    """Ours with local[1] on one core against local[2] on two, in turn."""
    log = runner.log(plan.side_events)
    runs: dict[int, list[Measured]] = {1: [], 2: []}
    for _ in range(plan.repeats):
        for count, done in runs.items():
            done.append(runner.ours(log, runner.new("cores") / "lake", cores=count))
    walls = [run.wall for run in runs[2]]
    rows = [
        [f"local[{count}]", *measured(done), ratios([run.wall for run in done], walls)]
        for count, done in runs.items()
    ]
    headers = ["", "wall, s", "CPU, s", "peak, GiB", "times local[2]"]
    return f"{plan.side_events:,} events.\n\n{table(headers, rows)}"


def increment(runner: Runner, plan: Plan) -> str:
    """Ours on a log of daily files without its last day, then with it, in the same lake."""
    log = runner.log(plan.side_events, by_day=True)
    held_back = runner.new("held_back")
    last = max(log.iterdir())
    shutil.move(last, held_back)
    lake = runner.new("increment") / "lake"
    first = runner.ours(log, lake)
    stages = {FIRST: _stages(first, lake)}
    shutil.move(held_back / last.name, log)
    then = runner.ours(log, lake)
    stages[THEN] = _stages(then, lake)
    runs = {FIRST: first, THEN: then}
    rows = [[n, *measured([run]), ratios([run.wall], [first.wall])] for n, run in runs.items()]
    headers = ["", "wall, s", "CPU, s", "peak, GiB", "times the first"]
    days = len(list(log.iterdir()))
    return "\n\n".join(
        [
            f"{plan.side_events:,} events of {days} days, one file a day.",
            table(headers, rows),
            stage_table({name: found for name, found in stages.items() if found}),
        ]
    )


def _stages(run: Measured, lake: Path) -> Stages | None:
    return (ours.published(lake).seconds, run.wall) if run.outcome == DONE else None


def indices(runner: Runner, plan: Plan) -> str:
    """Our exact indices of seven clusterings against scikit-learn's."""
    rows = []
    for result in _models(runner, "indices", *plan.index_points):
        what = "all of them" if result["is_exact"] else "silhouettes of a sample of 10,000"
        rows.append(
            [
                f"{result['points']:,}",
                seconds([result["first"], result["warm"]]),
                f"{result['theirs']:,.1f}",
                what,
                f"{result['difference']:.1e}",
            ]
        )
    headers = ["points", "ours, s: first, again", "scikit-learn, s", "of", "largest difference"]
    return f"{_INDICES}\n\n{table(headers, rows)}"


def sweep(runner: Runner, plan: Plan) -> str:
    """Our KMeans sweep against scikit-learn's."""
    rows = []
    for result in _models(runner, "sweep", *plan.sweep_points):
        costs = result["costs"]
        rows.append(
            [
                f"{result['points']:,}",
                seconds([result["first"], result["warm"]]),
                f"{result['theirs']:,.1f}",
                f"{result['theirs'] / result['warm']:.3f}",
                f"{costs[0]:.3f} to {costs[-1]:.3f}",
            ]
        )
    headers = ["points", "ours, s: first, again", "scikit-learn, s", "times ours", "costs / its"]
    return f"{_SWEEP}\n\n{table(headers, rows)}"


def _models(runner: Runner, what: str, *sizes: int) -> list[dict[str, Any]]:
    """The objects that bench.models prints."""
    command = [sys.executable, "-m", "bench.models", what, *[str(size) for size in sizes]]
    done = runner.execute(what, command)
    return [json.loads(line) for line in done.said.splitlines() if line.startswith("{")]


PARTS: Mapping[str, tuple[str, Callable[[Runner, Plan], str]]] = {
    "whole": ("From the log to segments", whole),
    "growth": ("Growth", growth),
    "cores": ("One core, two cores", cores),
    "increment": ("A day more", increment),
    "indices": ("Indices", indices),
    "sweep": ("KMeans sweep", sweep),
    "service": ("Scoring service", service),
}
