"""Command lines of export, lift and check-report."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from custseg_spark.config.settings import Config
from custseg_spark.config.typed import parse_date
from custseg_spark.core.experiments.sequential import MOST_DAYS
from custseg_spark.errors import ConfigurationError, nearest
from custseg_spark.interfaces.cli.arguments import base_parser, configured
from custseg_spark.outputs.exports import TABLES, Request
from custseg_spark.outputs.exports.frames import OF_ALGORITHM, REPORTS
from custseg_spark.outputs.exports.frames.changes import SEGMENT_CHANGES
from custseg_spark.outputs.exports.lift import ALWAYS, ONCE, Period
from custseg_spark.outputs.exports.loading import Database, Target
from custseg_spark.outputs.exports.targets import parse_target
from custseg_spark.pipeline.checks import known_algorithm as known

_EPILOG = """examples:
  spark-submit jobs/export.py --to sqlite:///reports.db
  spark-submit jobs/export.py --to postgresql://loader@localhost/reports --run-date 2019-11-01
  spark-submit jobs/export.py --to csv:campaign --changes-since 2019-11-01 --control-share 0.1
  custseg check-report --to postgresql://loader@localhost/reports
  spark-submit jobs/lift.py --run-date 2019-11-15 --changes-since 2019-11-01 --control-share 0.1

exit codes: 0 done, 2 configuration, 3 no such run, or a target that can't be reached or written,
            5 another process holds the target or made the run again, 6 out of memory or disk
"""


@dataclass(frozen=True)
class ExportArguments:
    """Arguments of an export, checked as far as possible without Spark and target."""

    config: Config
    request: Request
    target: Target


@dataclass(frozen=True)
class LiftArguments:
    """Arguments of a measurement, checked as far as possible without Spark and target."""

    config: Config
    request: Request
    period: Period
    target: Target | None


@dataclass(frozen=True)
class CheckArguments:
    """Arguments of a comparison, checked as far as possible without Spark and database."""

    config: Config
    request: Request
    database: Database


def parse_export(description: str, argv: Sequence[str]) -> ExportArguments:
    """Parse the arguments of jobs/export.py. Raises ConfigurationError; exits for --help."""
    parser = base_parser(description, _EPILOG)
    _add_run(parser, "the run to export; default: the latest")
    config, request, target = _exported(parser, argv)
    return ExportArguments(config, request, target)


def parse_check(description: str, argv: Sequence[str]) -> CheckArguments:
    """Parse the arguments of `check-report`. Raises ConfigurationError; exits for --help."""
    parser = base_parser(description, _EPILOG)
    _add_run(parser, "the run that was exported; default: the latest")
    config, request, target = _exported(parser, argv)
    if not isinstance(target, Database):
        raise ConfigurationError(
            f"--to {target.shown}: expected a database: sqlite, postgresql or jdbc"
        )
    return CheckArguments(config, request, target)


def _exported(
    parser: argparse.ArgumentParser, argv: Sequence[str]
) -> tuple[Config, Request, Target]:
    """Return the options of an export beside its run."""
    _add_to(parser, required=True)
    parser.add_argument(
        "--tables",
        metavar="NAME,...",
        help=f"which of {', '.join(TABLES)}; default: all but the last (memberships of"
        " gaussian_mixture only), or the last alone with --changes-since",
    )
    _add_campaign(parser, "also who entered and left each segment since this run date")
    options = parser.parse_args(argv)
    config = configured(options)
    request = _request(options, config, _tables(options))
    return config, request, parse_target(options.to)


def parse_lift(description: str, argv: Sequence[str]) -> LiftArguments:
    """Parse the arguments of jobs/lift.py. Raises ConfigurationError; exits for --help."""
    parser = base_parser(description, _EPILOG)
    _add_run(parser, "the run that was exported", required=True)
    _add_campaign(parser, "the earlier run, as in the export", required=True)
    parser.add_argument(
        "--from",
        dest="begin",
        metavar="YYYY-MM-DD",
        help="first day whose purchases count (default: the run date)",
    )
    parser.add_argument(
        "--until",
        metavar="YYYY-MM-DD",
        help="the day after the last one (default: after the last event)",
    )
    looks = parser.add_mutually_exclusive_group()
    looks.add_argument(
        "--every-day",
        action="store_true",
        help="the effect may be looked at every day for as long as you like, and the campaign"
        " stopped at any: wider intervals that hold at all looks together",
    )
    looks.add_argument(
        "--planned-days",
        type=int,
        metavar="N",
        help="the same for looks on each of the first N days, a number fixed beforehand: less wide",
    )
    _add_to(parser, required=False)
    options = parser.parse_args(argv)
    config = configured(options)
    request = _request(options, config, (SEGMENT_CHANGES.name,))
    if not request.control_share:
        raise ConfigurationError(
            "an effect is measured against who was held back: give --control-share (or"
            " exports.control_share) as in the export"
        )
    begin, until = _day(options.begin, "--from"), _day(options.until, "--until")
    period = Period(begin, until, _looks(options))
    return LiftArguments(config, request, period, parse_target(options.to) if options.to else None)


def _add_run(parser: argparse.ArgumentParser, what: str, *, required: bool = False) -> None:
    parser.add_argument("--run-date", metavar="YYYY-MM-DD", required=required, help=what)
    parser.add_argument(
        "--algorithm", default="kmeans", help="whose segments (default: kmeans)", metavar="NAME"
    )


def _add_to(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--to",
        metavar="TARGET",
        required=required,
        help="sqlite:///FILE, postgresql://USER@HOST/DATABASE (the password from PGPASSWORD or"
        " ~/.pgpass), jdbc:mysql://HOST/DATABASE, jdbc:mariadb:…, jdbc:snowflake:… (user and"
        " password from CUSTSEG_JDBC_USER and _PASSWORD), csv:DIR, parquet:DIR or delta:DIR",
    )


def _add_campaign(parser: argparse.ArgumentParser, since: str, *, required: bool = False) -> None:
    parser.add_argument("--changes-since", metavar="YYYY-MM-DD", required=required, help=since)
    parser.add_argument(
        "--control-share",
        type=float,
        metavar="SHARE",
        help="share of the customers marked as held back (default: exports.control_share, 0)",
    )
    parser.add_argument(
        "--campaign",
        metavar="LABEL",
        help="another label holds back others (default: the run date)",
    )


def _request(options: argparse.Namespace, config: Config, tables: tuple[str, ...]) -> Request:
    known(options.algorithm)
    share = options.control_share
    if share is None:
        share = config.exports.control_share
    elif not 0 <= share < 1:
        raise ConfigurationError(f"--control-share: expected from 0 to below 1, got {share}")
    return Request(
        tables=tables,
        algorithm=options.algorithm,
        run_date=_day(options.run_date, "--run-date") or config.run.run_date,
        since=_day(options.changes_since, "--changes-since"),
        campaign=options.campaign,
        control_share=share,
    )


def _looks(options: argparse.Namespace) -> str | int:
    if options.every_day:
        return ALWAYS
    days: int | None = options.planned_days
    if days is None:
        return ONCE
    if not 1 <= days <= MOST_DAYS:
        raise ConfigurationError(f"--planned-days: expected from 1 to {MOST_DAYS}, got {days}")
    return days


def _day(text: str | None, option: str) -> date | None:
    return parse_date(text, option) if text else None


def _tables(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the requested tables in a fixed order. ConfigurationError for an unknown one."""
    listed, since, changes = options.tables, options.changes_since, SEGMENT_CHANGES.name
    if listed is None:
        is_made = {n: OF_ALGORITHM.get(n, options.algorithm) == options.algorithm for n in REPORTS}
        return (changes,) if since else tuple(name for name in REPORTS if is_made[name])
    names = [name.strip() for name in listed.split(",")]
    for name in names:
        if name not in TABLES:
            raise ConfigurationError(f"--tables: unknown table '{name}'{nearest(name, TABLES)}")
    if changes in names and not since:
        raise ConfigurationError(f"--tables: {changes} needs --changes-since")
    return tuple(name for name in TABLES if name in names or (name == changes and since))
