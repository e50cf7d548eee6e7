"""Time our job against pandas, Polars and DuckDB with scikit-learn, on generated logs.

Everybody does the same work, from a CSV log to segments in a table: all features of the data
dictionary that a log without orders can have, the same preparation, KMeans for k = 2 to 8 from
one start, the best silhouette, everybody's label. Each is a process of its own on two cores, from
nothing; a peer is in its fastest known settings. Before anything is timed their features are held
to ours, customer by customer, and so is the cost of their clusters at our k.

Linux only. Takes the extra [bench], which requirements-dev.txt pins.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import page
from bench.measure import available_bytes
from bench.parts import PARTS
from bench.runs import OURS, PEERS, THREADS, Plan, Runner

_PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "benchmark.md"
_SIZES = (1_000_000, 10_000_000)
_QUICK_SIZES = (20_000,)
# What other programs leave free now, less a little for the measuring itself.
_MEMORY_SHARE = 0.9

_METHOD = f"""\
Every run is a new process on {THREADS} cores, from a CSV log to segments in a table; ours is
`spark-submit jobs/segment.py` with `conf/presets/benchmark.toml` into an empty lake, the start of
Java included. They run in turn, A B A B; the log has been read before (the file cache). "times
ours" is a program's wall time by that of ours in the same turn: below 1 it is faster than ours.

The same work: exact copies of events dropped, all features of the data dictionary but lifetime
values, discounts (the log has none), baskets (ours has them in addition) and the optional families,
the same default features for the model, fences, priors and scale, KMeans for k = 2 to 8 from one
start, a label for everybody, Parquet. Ours learns from at most 20,000 customers and takes exact
silhouettes of all; the peers learn from all with events enough and take silhouettes of a sample of
10,000, in scikit-learn's own (Euclidean) distance, as their users do.
Ours also checks every record, keeps the events, and writes sessions, profiles, names and the
evidence for both; no peer does. "default run" is ours as it comes: bisecting KMeans beside KMeans,
three starts, bootstrap stability, lifetime values, the report.

The check: each feature of each customer equal within 1e-9; and the cost of the peer's clusters at
our k, in our model's space over the customers that models learn from, within 1 % of ours with the
best of ten starts (a single start may end in a poor optimum: that is the column "cost / ours").

CPU and memory are of all processes of a run, looked at five times a second: memory is the sum of
their resident sets at its highest, CPU what the kernel accounts to them. A program that needs more
than {{memory}} is ended: out of memory."""


def main(argv: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(argv)
    # Ended as by Ctrl-C: the program that is running goes as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sizes = sorted(set(options.events or (_QUICK_SIZES if options.quick else _SIZES)))
    plan = Plan(
        sizes,
        1 if options.quick else options.repeats,
        options.only,
        (2_000, 20_000) if options.quick else (20_000, 1_000_000),
        (5_000,) if options.quick else (50_000,),
        1.0 if options.quick else 20.0,
    )
    out = options.out or (None if options.quick else _PAGE)
    memory = options.memory * page.GIB if options.memory else available_bytes() * _MEMORY_SHARE
    with tempfile.TemporaryDirectory(prefix="custseg-benchmark-") as temporary:
        folder = options.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        runner = Runner(folder.absolute(), int(memory))
        text = _introduction(plan, options.parts, int(memory))
        print(text)
        for name in options.parts:
            title, part = PARTS[name]
            section = f"## {title}\n\n{part(runner, plan)}"
            print(f"\n{section}", flush=True)
            text = f"{text}\n\n{section}"
            # After each part: an interruption leaves what is done.
            if out:
                out.write_text(text + "\n", encoding="utf-8")


def _introduction(plan: Plan, parts: Sequence[str], memory: int) -> str:
    words = [
        "python scripts/benchmark.py",
        *[f"--events {events:_}" for events in plan.sizes],
        f"--repeats {plan.repeats}",
        f"--only {','.join(plan.names)}",
        f"--parts {','.join(parts)}",
    ]
    method = _METHOD.format(memory=f"{memory / page.GIB:.0f} GiB")
    written = f"Written by\n\n    {' '.join(words)}\n\non\n\n{page.machine()}"
    return f"# Benchmark\n\n{written}\n\n{method}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--events",
        type=int,
        action="append",
        metavar="N",
        help="size of a log; may be repeated (default: 1_000_000 and 10_000_000)",
    )
    add("--repeats", type=int, default=2, help="runs of each program (%(default)s)")
    names = (OURS, *PEERS)
    add("--only", type=_names(names), default=list(names), help=f"of {','.join(names)}")
    add("--parts", type=_names(tuple(PARTS)), default=list(PARTS), help=f"of {','.join(PARTS)}")
    add("--work", type=Path, metavar="DIR", help="keep logs and outputs here (else: temporary)")
    add(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"(default: {_PAGE.name} of docs; none for --quick)",
    )
    add("--memory", type=int, metavar="GIB", help="end what needs more (default: 90 %% of free)")
    add("--quick", action="store_true", help="20,000 events, once: whether it works, not how fast")
    return parser


def _names(choices: Sequence[str]) -> Callable[[str], list[str]]:
    """A type of argument: names of `choices`, separated by commas, in its order."""

    def parse(text: str) -> list[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in choices]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown '{unknown[0]}', of {', '.join(choices)}")
        return [name for name in choices if name in names]

    return parse


if __name__ == "__main__":
    main(sys.argv[1:])
