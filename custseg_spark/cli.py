"""The jobs' command line: arguments to configuration, errors to exit codes, results to words."""

import argparse
import difflib
import errno
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from custseg_spark import config as configuration
from custseg_spark import pipeline
from custseg_spark.config import Config
from custseg_spark.errors import ConfigurationError, CustsegError, ResourceError, TargetError
from custseg_spark.naming import Archetypes, find, load_archetypes
from custseg_spark.sources.profile import Profile, load_profile

_OUT_OF_RESOURCES = (
    # Java's OutOfMemoryError and Python's own.
    "MemoryError",
    "No space left on device",
    "ExecutorLostFailure",
    "GC overhead limit exceeded",
    # What is left of a worker that the system ended for its memory.
    "Python worker exited unexpectedly",
)


@dataclass(frozen=True)
class Arguments:
    """What a command line asks for, checked as far as that goes without Spark."""

    config: Config
    profiles: tuple[Profile, ...]
    archetypes: Archetypes
    skip_ingest: bool
    model_date: date | None


class Parser(argparse.ArgumentParser):
    """Says which option comes nearest to an unknown one, and exits with our code."""

    def error(self, message: str) -> NoReturn:
        options = [o for action in self._actions for o in action.option_strings]
        prefix = "unrecognized arguments: "
        if message.startswith(prefix):
            word = message.removeprefix(prefix).split()[0].partition("=")[0]
            close = difflib.get_close_matches(word, options, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            message = f"unknown argument '{word}'{hint}"
        self.exit(ConfigurationError.exit_code, f"error: {message} (--help lists the options)\n")


def base_parser(description: str, epilog: str) -> Parser:
    """A parser of what every job takes: the configuration, the lake, and keys to override."""
    parser = Parser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        epilog=epilog,
    )
    parser.add_argument(
        "--config",
        type=configuration.find,
        metavar="FILE",
        default=configuration.conf_dir() / "local.toml",
        help="configuration as TOML, a file or a shipped one such as presets/rfm.toml (default:"
        " conf/local.toml, the demo log)",
    )
    parser.add_argument("--lake", metavar="DIR", help="folder or URI of the Delta tables")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="override a configuration key, such as model.k=5; may be repeated",
    )
    return parser


def configured(options: argparse.Namespace) -> Config:
    """The configuration that the options of `base_parser` ask for."""
    config = configuration.load(options.config, options.set)
    if options.lake:
        config = replace(config, lake=replace(config.lake, path=options.lake, catalog=None))
    return config


def parse(
    description: str, argv: Sequence[str], *, ingests: bool = True, segments: bool = True
) -> Arguments:
    """The arguments of a job that reads sources, makes segments, both or neither.

    Raises ConfigurationError; exits for --help and unknown options.
    """
    options = _parser(description, ingests=ingests, segments=segments).parse_args(argv)
    config = configured(options)
    if options.model:
        config = replace(config, model=replace(config.model, use=options.model))
    if options.reports:
        config = replace(config, report=replace(config.report, path=options.reports))
    if options.run_date:
        day = configuration.parse_date(options.run_date, "--run-date")
        config = replace(config, run=replace(config.run, run_date=day))
    model_date = options.model_date
    pipeline.check(config)
    folders = [options.config.parent, configuration.conf_dir()]
    return Arguments(
        config,
        _profiles(config, options.source, [folder / "sources" for folder in folders])
        if ingests
        else (),
        load_archetypes(find(config.naming.archetypes, folders), pipeline.feature_names()),
        options.skip_ingest,
        configuration.parse_date(model_date, "--model-date") if model_date else None,
    )


def parse_gate(description: str, argv: Sequence[str]) -> Config:
    """The configuration of jobs/gate.py. Raises ConfigurationError; exits for --help."""
    parser = base_parser(description, _EPILOG)
    parser.add_argument(
        "--run-date",
        metavar="YYYY-MM-DD",
        help="the run date that would follow; default: the day after the last event",
    )
    options = parser.parse_args(argv)
    config = configured(options)
    if options.run_date:
        day = configuration.parse_date(options.run_date, "--run-date")
        config = replace(config, run=replace(config.run, run_date=day))
    return config


def _parser(description: str, *, ingests: bool, segments: bool) -> Parser:
    parser = base_parser(description, _EPILOG)
    parser.set_defaults(
        source=[], run_date=None, reports=None, skip_ingest=False, model=None, model_date=None
    )
    if ingests:
        parser.add_argument(
            "--source",
            action="append",
            metavar="PROFILE=PATH",
            help="read PATH (a file, folder, glob or URI; CSV, Parquet, JSON, SQLite or XLSX, told"
            " by its content; or a database's jdbc:… URL) by the mapping conf/sources/PROFILE.toml;"
            " may be repeated; replaces the configured sources",
        )
    if segments:
        parser.add_argument(
            "--run-date",
            metavar="YYYY-MM-DD",
            help="only events before this day (UTC) count; default: the day after the last event",
        )
    elif not ingests:
        parser.add_argument(
            "--run-date",
            metavar="YYYY-MM-DD",
            help="the run to report on; default: the latest",
        )
    if segments or not ingests:
        parser.add_argument(
            "--reports",
            metavar="DIR",
            help="folder or URI of the reports, a folder a run date in it; default: reports beside"
            " the lake",
        )
    if ingests and segments:
        parser.add_argument(
            "--skip-ingest", action="store_true", help="use the lake as it is, read no source"
        )
        parser.add_argument(
            "--model",
            choices=configuration.MODEL_USES,
            help="fit new models, score with the published ones (frozen), or let the drift since"
            " the earlier run decide (auto, the default)",
        )
    elif segments:
        parser.add_argument(
            "--model-date",
            metavar="YYYY-MM-DD",
            help="score with the models of this run date; default: of the latest run before",
        )
    return parser


_EPILOG = """examples:
  spark-submit jobs/segment.py
  spark-submit jobs/segment.py --source ecommerce_events=logs/ --lake lake --run-date 2019-11-01
  spark-submit jobs/segment.py --skip-ingest --model fit --set model.k=6
  spark-submit jobs/score.py --run-date 2019-12-01 --model-date 2019-11-01
  spark-submit jobs/report.py --run-date 2019-11-01 --reports reports

exit codes: 0 done, 2 configuration, 3 unreadable input, 4 too much rejected or a closed gate,
            5 conflict with another run, 6 out of memory or disk
"""


def _profiles(
    config: Config, sources: Sequence[str], folders: Sequence[Path]
) -> tuple[Profile, ...]:
    """The profiles to read, with their paths; `--source` replaces the configured paths."""
    paths: dict[str, list[str]] = {}
    for source in sources:
        name, separator, path = source.partition("=")
        if not separator or not path:
            raise ConfigurationError(f"--source {source}: expected PROFILE=PATH")
        paths.setdefault(name, []).append(path)
    known = {name for name in (paths or config.sources)}
    profiles = []
    for name in sorted(known):
        overrides = dict(config.sources.get(name, {}))
        if paths:
            overrides["path"] = tuple(paths[name])
        profile = load_profile(name, overrides, folders)
        if not profile.path:
            raise ConfigurationError(f"source {name}: no path; give it as --source {name}=PATH")
        profiles.append(profile)
    for name in config.sources.keys() - known:
        load_profile(name, config.sources[name], folders)
    return tuple(profiles)


def main(job: Callable[[Sequence[str]], None]) -> None:
    """Runs a job; an error that a user is meant to read ends it with its message and code."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("custseg").setLevel(logging.INFO)
    # Spark's Python side logs what it then raises.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    try:
        job(sys.argv[1:])
    except CustsegError as error:
        sys.exit(_fail(error))
    except (Py4JJavaError, PySparkException) as error:
        line = _out_of_resources(error)
        if line is None:
            raise
        sys.exit(_fail(ResourceError(f"Spark ran out of resources: {line}")))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit(_fail(ResourceError(f"no space left: {error}")))
        if error.filename is None:
            raise
        sys.exit(_fail(TargetError(f"{error.filename} can't be used: {error.strerror}")))


def _out_of_resources(error: Py4JJavaError | PySparkException) -> str | None:
    """The line of an error of Spark's that says what ran out; None of another error.

    A task's error is the cause of that of its job, which may say no more than that it failed.
    """
    cause: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    said = str(error).splitlines()
    while cause is not None:
        said += str(cause.toString()).splitlines()
        cause = cause.getCause()
    for line in said:
        if any(sign in line for sign in _OUT_OF_RESOURCES):
            return line.strip()
    return None


def _fail(error: CustsegError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return error.exit_code


def now() -> datetime:
    """The moment of ingest: the clock is read here and nowhere else."""
    return datetime.now(UTC)
