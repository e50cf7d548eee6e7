"""Command line of `custseg plan-test`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from custseg_spark.config.settings import Config
from custseg_spark.config.typed import parse_date
from custseg_spark.core.experiments import sequential
from custseg_spark.core.experiments.plans import Baseline
from custseg_spark.core.experiments.power import Design
from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces.cli.arguments import base_parser, configured
from custseg_spark.pipeline.checks import known_algorithm

_TOLD = ("mean", "deviation", "correlation")
_EVEN = 0.5
_FEWEST = 4
_EPILOG = """exit codes: 0 done, 2 configuration, 3 no such lake, run or segment
"""


@dataclass(frozen=True)
class PlanArguments:
    """The plan that a command line asks for.

    `baseline` is given by options; None: measured on a run or segment.
    """

    config: Config
    baseline: Baseline | None
    customers: int | None
    run_date: date | None
    algorithm: str
    segment: str | None
    design: Design
    planned_days: int | None
    lifts: tuple[float, ...]


def parse(description: str, argv: Sequence[str]) -> PlanArguments:
    """Parse the arguments. Raises ConfigurationError; exits for --help."""
    options = _parser(description).parse_args(argv)
    config = configured(options)
    known_algorithm(options.algorithm)
    _above(options.customers, _FEWEST - 1, "--customers")
    baseline = _given_baseline(options)
    if baseline and options.customers is None:
        raise ConfigurationError("--rate: of how many customers? Give --customers, too")
    day = parse_date(options.run_date, "--run-date") if options.run_date else config.run.run_date
    return PlanArguments(
        config,
        baseline,
        options.customers,
        day,
        options.algorithm,
        options.segment,
        _design(options, config),
        options.planned_days,
        _lifts(options.lifts),
    )


def _parser(description: str) -> argparse.ArgumentParser:
    parser = base_parser(description, _EPILOG)
    parser.add_argument("--run-date", metavar="YYYY-MM-DD", help="the run; default: the latest")
    parser.add_argument(
        "--algorithm", default="kmeans", help="whose segments (default: kmeans)", metavar="NAME"
    )
    parser.add_argument("--segment", metavar="ID|NAME", help="its customers; default: everybody")
    numbers = {
        "rate": ("SHARE", "share of buyers without a campaign; without it, what a run's customers"
                 " did in its last 30 days is taken"),
        "mean": ("SPEND", "spend a customer, buyers or not (default: 0)"),
        "deviation": ("SPEND", "the standard deviation of that (default: 0)"),
        "correlation": ("R", "of spend with the spend before (default: 0)"),
        "control-share": ("SHARE", "share held back (default: exports.control_share, else a half)"),
    }  # fmt: skip
    for name, (metavar, what) in numbers.items():
        parser.add_argument(f"--{name}", type=float, metavar=metavar, help=what)
    parser.add_argument(
        "--customers", type=int, metavar="N", help="in both groups; default: the run's or segment's"
    )
    parser.add_argument(
        "--planned-days", type=int, metavar="N", help="looked at on each of N days, not once"
    )
    parser.add_argument(
        "--lifts", default="0.05,0.1,0.2,0.5", metavar="SHARE,...",
        help="relative rises to plan for (default: 0.05,0.1,0.2,0.5)",
    )  # fmt: skip
    return parser


def _given_baseline(options: argparse.Namespace) -> Baseline | None:
    given = [name for name in _TOLD if getattr(options, name) is not None]
    if options.rate is None:
        if given:
            raise ConfigurationError(f"--{given[0]} goes with --rate: give all figures, or none")
        return None
    if options.segment is not None:
        raise ConfigurationError("--segment is read of a run; --rate tells what customers do")
    if not 0 <= options.rate < 1:
        raise ConfigurationError(f"--rate: expected from 0 to below 1, got {options.rate}")
    mean, deviation, correlation = (getattr(options, name) or 0.0 for name in _TOLD)
    if deviation < 0:
        raise ConfigurationError(f"--deviation: expected 0 or more, got {deviation}")
    if not -1 <= correlation <= 1:
        raise ConfigurationError(f"--correlation: expected from -1 to 1, got {correlation}")
    return Baseline(options.rate, mean, deviation, correlation)


def _design(options: argparse.Namespace, config: Config) -> Design:
    exports, share = config.exports, options.control_share
    if share is None:
        share = exports.control_share or _EVEN
    if not 0 < share < 1:
        raise ConfigurationError(f"--control-share: expected above 0, below 1, got {share}")
    confidence, days = exports.confidence, options.planned_days
    if days is not None:
        if not 1 <= days <= sequential.MOST_DAYS:
            most = sequential.MOST_DAYS
            raise ConfigurationError(f"--planned-days: expected from 1 to {most}, got {days}")
        # The power of the last look: effects that an earlier look shows only add to it.
        confidence = sequential.planned_confidence(days, days, confidence)
    return Design(share, confidence, exports.power)


def _lifts(text: str) -> tuple[float, ...]:
    try:
        lifts = tuple(float(part) for part in text.split(","))
    except ValueError:
        lifts = ()
    if not lifts or not all(0 < lift < 1_000 for lift in lifts):
        raise ConfigurationError(f"--lifts: expected shares such as 0.05,0.1, got '{text}'")
    return lifts


def _above(value: int | None, limit: int, option: str) -> None:
    if value is not None and value <= limit:
        raise ConfigurationError(f"{option}: expected {limit + 1} or more, got {value}")
