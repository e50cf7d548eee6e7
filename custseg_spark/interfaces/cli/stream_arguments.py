"""Command line of jobs/stream.py."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from custseg_spark.config.mappings import MappingFile
from custseg_spark.config.settings import Config
from custseg_spark.config.shipped import source_folders
from custseg_spark.errors import ConfigurationError, InputError
from custseg_spark.interfaces.cli import arguments
from custseg_spark.paths import Place, Remote, place
from custseg_spark.pipeline import checks

FILES, DELTA, KAFKA = "files", "delta", "kafka"
_KAFKA_URL = "kafka://"
_EPILOG = """examples:
  spark-submit jobs/stream.py landing/ --mapping ecommerce_events --lake lake
  spark-submit jobs/stream.py landing/ --mapping ecommerce_events --lake lake --once
  spark-submit --packages org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0 jobs/stream.py \\
      kafka://broker:9092/events --mapping ecommerce_events --lake lake

exit codes: 0 done, 2 configuration, 3 a source or lake that can't be read, 5 another run was in
            the way, 6 out of memory or disk
"""


@dataclass(frozen=True)
class StreamArguments:
    """The arguments of a stream. `interval_s` is None to read only what has arrived."""

    config: Config
    mapping: MappingFile
    kind: str
    where: str
    kafka_options: Mapping[str, str]
    checkpoint: Place
    interval_s: float | None
    metrics_file: Path | None
    metrics_port: int | None
    metrics_host: str

    @property
    def topic(self) -> tuple[str, str]:
        """The servers and the topic of a Kafka URL."""
        servers, _, topic = self.where.removeprefix(_KAFKA_URL).partition("/")
        return servers, topic


def parse_stream(description: str, argv: Sequence[str]) -> StreamArguments:
    """Parse the arguments of jobs/stream.py. Raises ConfigurationError; exits for --help."""
    options = _parser(description).parse_args(argv)
    config = arguments.configured(options)
    checks.check(config)
    mapping, where = _mapping(options, config)
    kind = options.format or _kind(where)
    _check(kind, where)
    if options.kafka_options and kind != KAFKA:
        raise ConfigurationError(f"--kafka-options: {where} is no Kafka topic")
    given = place(options.checkpoint or f"{config.lake.path}/_streams/{mapping.name}")
    checkpoint = given if isinstance(given, Remote) else given.absolute()
    interval = config.stream.interval_s if options.interval is None else options.interval
    if interval <= 0:
        raise ConfigurationError(f"--interval {interval}: expected more than 0 seconds")
    return StreamArguments(
        config,
        mapping,
        kind,
        where,
        _properties(options.kafka_options) if options.kafka_options else {},
        checkpoint,
        None if options.once else interval,
        options.metrics_file,
        options.metrics_port,
        options.metrics_host,
    )


def _mapping(options: argparse.Namespace, config: Config) -> tuple[MappingFile, str]:
    """Return the one mapping and the one path of a stream."""
    folders = source_folders(options.config)
    mappings = arguments.named_mappings(config, arguments.asked_sources(options), folders)
    paths = [(mapping, path) for mapping in mappings for path in mapping.path]
    if len(paths) != 1:
        raise ConfigurationError(
            f"a stream reads one source, got {len(paths)}: give PATH and --mapping; several streams"
            " may write one lake"
        )
    [(mapping, where)] = paths
    if mapping.fills != "events":
        raise ConfigurationError(f"source {mapping.name} fills {mapping.fills}, a stream events")
    return mapping, where


def _kind(where: str) -> str:
    """Return the kind of source by its path."""
    if where.startswith(_KAFKA_URL):
        return KAFKA
    folder = place(where)
    is_delta = isinstance(folder, Path) and (folder / "_delta_log").is_dir()
    return DELTA if is_delta else FILES


def _check(kind: str, where: str) -> None:
    """Check a source as far as possible without Spark."""
    if kind == KAFKA:
        servers, _, topic = where.removeprefix(_KAFKA_URL).partition("/")
        if not where.startswith(_KAFKA_URL) or not servers or not topic or "/" in topic:
            raise ConfigurationError(f"{where}: expected kafka://HOST:PORT[,HOST:PORT…]/TOPIC")
        return
    folder = place(where)
    if isinstance(folder, Path) and not folder.is_dir():
        raise InputError(f"there is no folder {where}; files arrive in one")


def _properties(path: Path) -> dict[str, str]:
    """Read the options of a Java properties file, as Kafka's own clients do."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--kafka-options {path} can't be read: {error}") from error
    options: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith(("#", "!")):
            continue
        name, separator, value = text.partition("=")
        if not separator:
            raise ConfigurationError(f"--kafka-options {path}, line {number}: expected NAME=VALUE")
        options[name.strip()] = value.strip()
    return options


def _parser(description: str) -> argparse.ArgumentParser:
    parser = arguments.base_parser(description, _EPILOG)
    arguments.add_sources(
        parser,
        "a folder in which files arrive, a Delta table, or kafka://HOST:PORT/TOPIC",
    )
    parser.add_argument(
        "--format",
        choices=(FILES, DELTA, KAFKA),
        help="what PATH is; default: told by it (a URI is a folder of files)",
    )
    parser.add_argument(
        "--once", action="store_true", help="read what is there, then end; for schedulers"
    )
    parser.add_argument(
        "--interval",
        type=float,
        metavar="SECONDS",
        help="from the beginning of a batch to that of the next (default: stream.interval_s)",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        help="where the stream keeps its place; default: _streams/MAPPING in the lake's folder",
    )
    parser.add_argument(
        "--kafka-options",
        type=Path,
        metavar="FILE",
        help="a properties file of Kafka's own clients, for its passwords and certificates",
    )
    parser.add_argument(
        "--metrics-file",
        type=Path,
        metavar="FILE",
        help="written after each batch, for Prometheus's node exporter",
    )
    parser.add_argument(
        "--metrics-port", type=int, metavar="PORT", help="where Prometheus may ask for the metrics"
    )
    parser.add_argument(
        "--metrics-host", default="127.0.0.1", metavar="HOST", help="default: this machine alone"
    )
    return parser
