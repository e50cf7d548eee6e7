"""Plan a campaign: the smallest effects it can show, its power, and the customers it takes.

  custseg plan-test --lake lake --segment Loyal --control-share 0.2
  custseg plan-test --customers 50000 --rate 0.04 --mean 2.5 --deviation 19 --planned-days 28

The first measures what the segment's customers did in the last 30 days of a run; the second takes
the figures as options. Neither needs Java.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from custseg_spark.core.experiments.plans import Plan, Promise, plan
from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.interfaces.cli import plan_arguments
from custseg_spark.interfaces.cli.plan_arguments import PlanArguments
from custseg_spark.outputs.exports.baselines import DAYS, DAYS_BEFORE, Measured, measured
from custseg_spark.paths import place

_OUTCOMES = ("buyers", "spend a customer", "spend, adjusted")


def run(argv: Sequence[str]) -> None:
    """Print the plan that a command line asks for."""
    given = plan_arguments.parse(__doc__ or "", argv)
    measured = _measured(given)
    customers = given.customers or measured.customers
    if customers * min(given.design.control_share, 1 - given.design.control_share) < 2:
        raise InputError(f"{customers} customers are too few for two groups")
    planned = plan(measured.of, given.design, customers, given.lifts)
    print("\n".join([*_head(given, measured, planned), *_table(planned)]))


def _measured(given: PlanArguments) -> Measured:
    if given.baseline:
        return Measured(None, None, given.customers or 0, given.baseline)
    folder = place(given.config.lake.path)
    if given.config.lake.catalog or not isinstance(folder, Path):
        raise ConfigurationError(
            "plan-test reads lakes in folders; give --rate, --mean, --deviation and --customers"
        )
    reader = LakeReader(folder)
    reader.require()
    lake = reader.at_one_moment()
    return measured(lake, given.run_date, given.algorithm, given.segment)


def _head(given: PlanArguments, measured: Measured, planned: Plan) -> list[str]:
    exports, of = given.config.exports, planned.baseline
    whom = f"customers of {measured.segment}" if measured.segment else "customers"
    where = f"in {DAYS} days before {measured.run_date}" if measured.run_date else "told"
    looks = f"looked at on each of {given.planned_days} days" if given.planned_days else "one look"
    return [
        f"Plan for {planned.customers:,} {whom}, {planned.design.control_share:.1%} held back;"
        f" {exports.confidence:.0%} confidence, {looks}, power {exports.power:.0%}",
        f"without a campaign, {where}: {of.rate:.2%} buy; {of.mean:,.2f} a customer, deviation"
        f" {of.deviation:,.2f}; {of.correlation:.2f} correlated with"
        + (f" the {DAYS_BEFORE} days before" if measured.run_date else " the spend before"),
        "",
    ]


def _table(planned: Plan) -> list[str]:
    buyers, spend, adjusted = planned.detectable
    columns = "".join(f"{name:>18}" for name in _OUTCOMES)
    smallest = (_absolute(buyers, "+.2%"), _absolute(spend, "+,.2f"), _absolute(adjusted, "+,.2f"))
    return [
        f"  {'':<28}{columns}",
        f"  {'smallest effect it shows':<28}" + "".join(f"{text:>18}" for text in smallest),
        *(_power(promise) for promise in planned.promises),
        *(_customers(promise) for promise in planned.promises),
        "",
        "adjusted: by each customer's spend before (CUPED), as custseg lift does",
    ]


def _power(promise: Promise) -> str:
    cells = "".join(f"{power:>18.1%}" for power in promise.power)
    return f"  {f'power for a rise of {promise.lift:.0%}':<28}{cells}"


def _customers(promise: Promise) -> str:
    texts = ("–" if n is None else f"{math.ceil(n):,}" for n in promise.customers)
    cells = "".join(f"{text:>18}" for text in texts)
    return f"  {f'customers for {promise.lift:.0%}':<28}{cells}"


def _absolute(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
