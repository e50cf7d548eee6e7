"""The whole way from log to segments: ours and the peers in turn, after a check of their work."""

from collections.abc import Mapping

from bench import check, ours
from bench.check import Checked
from bench.measure import DONE, Measured
from bench.page import gib, ratios, seconds, table
from bench.runs import OURS, Plan, Runner

DEFAULT = "ours, default run"
# Beyond, nobody need wait for it: it takes a third more at either of the usual sizes.
_LARGEST_DEFAULT = 10_000_000
# A stage's seconds as the run's manifest has them, beside the seconds of the whole process.
Stages = tuple[Mapping[str, float], float]


def whole(runner: Runner, plan: Plan) -> str:
    """A section a size. A peer whose work differs is not timed; the check warms the file cache."""
    smallest = plan.sizes[0]
    refused: dict[str, str] = {}
    text = []
    if plan.is_compared:
        checked = _checked(runner, {n: runner.program(n, smallest) for n in plan.names})
        refused = _refusals(checked)
        text.append("Checked on the smallest log, before anything is timed:")
        text.append(check_table(checked))
    for events in plan.sizes:
        text += [f"### {events:,} events", *_at_size(runner, plan, events, refused)]
    return "\n\n".join(text)


def _at_size(runner: Runner, plan: Plan, events: int, refused: Mapping[str, str]) -> list[str]:
    stages: dict[str, Stages] = {}
    other_work = dict(refused)
    text = []
    for repeat in range(plan.repeats):
        last: dict[str, Measured] = {}
        for name in plan.names:
            if name in other_work or runner.is_hopeless(name, events):
                continue
            last[name] = runner.timed(name, events)
            if name == OURS and last[name].outcome == DONE:
                stages[f"run {repeat + 1}"] = staged(runner, last[name])
        if not repeat and plan.is_compared and events > plan.sizes[0]:
            checked = _checked(runner, last)
            other_work |= _refusals(checked)
            text += ["Checked at this size:", check_table(checked)]
    is_run_as_it_comes = OURS in plan.names and events <= _LARGEST_DEFAULT
    if is_run_as_it_comes:
        lake = runner.new(OURS) / "lake"
        done = runner.ours(runner.log(events), lake, config=ours.DEFAULT)
        runner.results[DEFAULT, events] = [done]
        if done.outcome == DONE:
            stages["default run"] = staged(runner, done)
    names = [*plan.names, DEFAULT] if is_run_as_it_comes else plan.names
    results = {name: runner.results.get((name, events), []) for name in names}
    return [*text, result_table(results, other_work), stage_table(stages)]


def _checked(runner: Runner, last: Mapping[str, Measured]) -> dict[str, Checked]:
    """Compare the last outputs of the peers that finished with our last lake."""
    ended = [name for name, run in last.items() if run.outcome == DONE]
    if OURS not in ended:
        return {}
    lake = runner.out(OURS) / "lake"
    return {name: check.compare(lake, runner.out(name)) for name in ended if name != OURS}


def _refusals(checked: Mapping[str, Checked]) -> dict[str, str]:
    return {name: "; ".join(check.problems) for name, check in checked.items() if check.problems}


def staged(runner: Runner, done: Measured) -> Stages:
    """The stages of the last run of ours."""
    return ours.published(runner.out(OURS) / "lake").seconds, done.wall


def check_table(checked: Mapping[str, Checked]) -> str:
    """What was compared with ours, a peer a row."""
    rows = [
        [
            name,
            f"{check.customers:,}",
            f"{check.columns}",
            "; ".join(check.problems) or "equal",
            f"{check.k}",
            f"{check.cost_of_one_start:.3f}",
            f"{check.cost_of_ten_starts:.3f}",
        ]
        for name, check in checked.items()
    ]
    headers = ["", "customers", "features", "within 1e-9", "our k", "cost / ours", "of ten starts"]
    return table(headers, rows)


def measured(runs: list[Measured]) -> list[str]:
    """Cells of the runs of one program: wall, CPU, peak; or how they ended."""
    if any(run.outcome != DONE for run in runs):
        wall = f"{runs[-1].outcome} after {runs[-1].wall:,.0f} s"
    else:
        wall = seconds([run.wall for run in runs])
    return [wall, seconds([run.cpu for run in runs]), gib([run.peak for run in runs])]


def result_table(results: Mapping[str, list[Measured]], other_work: Mapping[str, str]) -> str:
    """A program a row; the ratio is its seconds by ours of the same turn."""
    our_results = results.get(OURS, [])
    rows = []
    for name, runs in results.items():
        if name in other_work:
            rows.append([name, "other work, see the check", "", "", ""])
            continue
        is_done = all(run.outcome == DONE for run in [*runs, *our_results])
        pairs = ratios([r.wall for r in runs], [r.wall for r in our_results]) if is_done else ""
        rows.append([name, *measured(runs), pairs])
    return table(["", "wall, s", "CPU, s", "peak, GiB", "times ours"], rows)


def stage_table(columns: Mapping[str, Stages]) -> str:
    """Our seconds by stage, the longest first; what no stage has is Java's and Python's start."""
    if not columns:
        return ""
    names = {name: max(s.get(name, 0.0) for s, _ in columns.values())
             for stages, _ in columns.values() for name in stages}  # fmt: skip
    order = sorted(names, key=lambda name: -names[name])
    rows = [[n, *[f"{s[n]:,.1f}" if n in s else "" for s, _ in columns.values()]] for n in order]
    rest = [f"{wall - sum(stages.values()):,.1f}" for stages, wall in columns.values()]
    total = [f"{wall:,.1f}" for _, wall in columns.values()]
    rows += [["before, between, after", *rest], ["in all", *total]]
    return table(["our seconds by stage", *columns], rows)
