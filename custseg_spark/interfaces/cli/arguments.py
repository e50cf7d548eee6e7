"""Turn the options of commands into configuration, checked as far as possible without Spark."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from custseg_spark.config import loading, shipped
from custseg_spark.config.archetypes import find, load_archetypes
from custseg_spark.config.jdbc import expanded
from custseg_spark.config.mappings import MappingFile, load_mapping
from custseg_spark.config.model import MODEL_USES
from custseg_spark.config.options import Parser
from custseg_spark.config.settings import Config
from custseg_spark.config.typed import parse_date
from custseg_spark.core.segments.naming import Archetypes
from custseg_spark.errors import ConfigurationError
from custseg_spark.pipeline import checks


@dataclass(frozen=True)
class Arguments:
    """The arguments of a command line, checked as far as possible without Spark."""

    config: Config
    mappings: tuple[MappingFile, ...]
    archetypes: Archetypes
    skip_ingest: bool
    model_date: date | None
    again: bool = False


def base_parser(description: str, epilog: str) -> Parser:
    """Return a parser of every job's options: the configuration, the lake, and keys to override."""
    parser = Parser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        epilog=epilog,
    )
    parser.add_argument(
        "--config",
        type=shipped.find,
        metavar="FILE",
        default=os.environ.get("CUSTSEG_CONFIG") or shipped.conf_dir() / "local.toml",
        help="configuration as TOML, a file or a shipped one such as presets/rfm.toml (default:"
        " CUSTSEG_CONFIG of the environment or of .env, else conf/local.toml, the demo log)",
    )
    parser.add_argument(
        "--lake",
        metavar="DIR",
        default=os.environ.get("CUSTSEG_LAKE"),
        help="folder or URI of the Delta tables (default: CUSTSEG_LAKE, else the configuration's)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="override a configuration key, such as model.k=5; may be repeated",
    )
    return parser


def configured(options: argparse.Namespace) -> Config:
    """Return the configuration by the options of `base_parser`."""
    config = loading.load(options.config, options.set)
    if options.lake:
        config = replace(config, lake=replace(config.lake, path=options.lake, catalog=None))
    return config


def parse(
    description: str, argv: Sequence[str], *, ingests: bool = True, segments: bool = True
) -> Arguments:
    """Parse the arguments of a job that reads sources, makes segments, both or neither.

    Raises ConfigurationError; exits for --help and unknown options.
    """
    options = _parser(description, ingests=ingests, segments=segments).parse_args(argv)
    config = configured(options)
    if options.model:
        config = replace(config, model=replace(config.model, use=options.model))
    if options.continue_from:
        config = replace(config, lake=replace(config.lake, continue_from=options.continue_from))
    if options.reports:
        config = replace(config, report=replace(config.report, path=options.reports))
    if options.run_date:
        day = parse_date(options.run_date, "--run-date")
        config = replace(config, run=replace(config.run, run_date=day))
    model_date = options.model_date
    checks.check(config)
    folders = [options.config.parent, shipped.conf_dir()]
    return Arguments(
        config,
        named_mappings(config, asked_sources(options), shipped.source_folders(options.config))
        if ingests
        else (),
        load_archetypes(find(config.naming.archetypes, folders), checks.feature_names()),
        options.skip_ingest,
        parse_date(model_date, "--model-date") if model_date else None,
        options.again,
    )


def parse_gate(description: str, argv: Sequence[str]) -> Config:
    """Return the configuration of jobs/gate.py. Raises ConfigurationError; exits for --help."""
    parser = base_parser(description, _EPILOG)
    parser.add_argument(
        "--run-date",
        metavar="YYYY-MM-DD",
        help="the run date that would follow; default: the day after the last event",
    )
    options = parser.parse_args(argv)
    config = configured(options)
    if options.run_date:
        day = parse_date(options.run_date, "--run-date")
        config = replace(config, run=replace(config.run, run_date=day))
    return config


def parse_maintain(description: str, argv: Sequence[str]) -> Config:
    """Return the configuration of jobs/maintain.py. Raises ConfigurationError; exits for --help."""
    return configured(base_parser(description, _EPILOG).parse_args(argv))


def _parser(description: str, *, ingests: bool, segments: bool) -> Parser:
    parser = base_parser(description, _EPILOG)
    parser.set_defaults(
        source=[],
        paths=[],
        mapping=None,
        run_date=None,
        reports=None,
        skip_ingest=False,
        model=None,
        model_date=None,
        continue_from=None,
        again=False,
    )
    if ingests:
        add_sources(
            parser, "what to read by --mapping; custseg preview PATH --write proposes a mapping"
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
            choices=MODEL_USES,
            help="fit new models, score with the published ones (frozen), or let the drift since"
            " the earlier run decide (auto, the default)",
        )
        parser.add_argument(
            "--continue-from",
            metavar="OLD_LAKE",
            help="folder or URI of another lake, such as one of 0.1: where the lake has no earlier"
            " run, segments take over the ids and names of that lake's latest one",
        )
        parser.add_argument(
            "--again",
            action="store_true",
            help="make the run date's segments anew, even if nothing has changed since its run",
        )
    elif segments:
        parser.add_argument(
            "--model-date",
            metavar="YYYY-MM-DD",
            help="score with the models of this run date; default: of the latest run before",
        )
    return parser


def add_sources(parser: Parser, what: str) -> None:
    """Add the options that name sources; `what` describes a PATH."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help=what)
    parser.add_argument(
        "--mapping", metavar="NAME", help="the mapping conf/sources/NAME.toml of each PATH"
    )
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="MAPPING=PATH",
        help="read PATH (a file, folder, glob or URI; CSV, Parquet, JSON, SQLite or XLSX, told"
        " by its content; or a database's jdbc:… URL) by the mapping conf/sources/MAPPING.toml;"
        " may be repeated; replaces the configured sources",
    )


_EPILOG = """examples:
  spark-submit jobs/segment.py
  spark-submit jobs/segment.py logs/ --mapping ecommerce_events --lake lake
  spark-submit jobs/segment.py --source ecommerce_events=logs/ --lake lake --run-date 2019-11-01
  spark-submit jobs/segment.py --skip-ingest --model fit --set model.k=6
  spark-submit jobs/score.py --run-date 2019-12-01 --model-date 2019-11-01
  spark-submit jobs/report.py --run-date 2019-11-01 --reports reports

exit codes: 0 done, 2 configuration, 3 unreadable input, 4 too much rejected or a closed gate,
            5 conflict with another run, 6 out of memory or disk
"""


def asked_sources(options: argparse.Namespace) -> list[str]:
    """Return each requested MAPPING=PATH, from --source or from PATH and --mapping."""
    if options.paths and not options.mapping:
        raise ConfigurationError(
            f"by which mapping is {options.paths[0]} read? Give --mapping NAME;"
            " custseg preview PATH --write proposes one"
        )
    if options.mapping and not options.paths:
        raise ConfigurationError(f"--mapping {options.mapping}: of which PATH?")
    return [*options.source, *(f"{options.mapping}={path}" for path in options.paths)]


def named_mappings(
    config: Config, sources: Sequence[str], folders: Sequence[Path]
) -> tuple[MappingFile, ...]:
    """Return the mappings to read, with their paths; `--source` replaces configured paths."""
    paths: dict[str, list[str]] = {}
    for source in sources:
        name, separator, path = source.partition("=")
        if not separator or not path:
            raise ConfigurationError(f"--source {source}: expected MAPPING=PATH")
        paths.setdefault(name, []).append(path)
    names = {name for name in (paths or config.sources)}
    mappings = []
    for name in sorted(names):
        overrides = dict(config.sources.get(name, {}))
        if paths:
            overrides["path"] = tuple(paths[name])
        mapping = load_mapping(name, overrides, folders)
        mapping = replace(mapping, path=tuple(expanded(p, os.environ) for p in mapping.path))
        if not mapping.path:
            raise ConfigurationError(f"source {name}: no path; give it as --source {name}=PATH")
        mappings.append(mapping)
    for name in config.sources.keys() - names:
        load_mapping(name, config.sources[name], folders)
    return tuple(mappings)
