"""The rules of a run's segments: in words, or as one SQL CASE over customer_features.

With --dialect a statement for Spark, DuckDB or PostgreSQL, whose labels are the rules' own for
every customer. A lake in a folder is read without Spark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from custseg_spark.config.settings import Config
from custseg_spark.config.typed import parse_date
from custseg_spark.core.clustering.assigners import TOO_LITTLE_KNOWN, TOO_LITTLE_KNOWN_ID
from custseg_spark.core.clustering.assignment import NamedClustering
from custseg_spark.core.clustering.rules.sql import DIALECTS
from custseg_spark.core.clustering.rules.words import little_known_words, sentence
from custseg_spark.core.clustering.statements import statement
from custseg_spark.engine.lake.reader import LakeReader, Tables, portable_of, published_model
from custseg_spark.engine.lake.schemas import RUNS
from custseg_spark.errors import InputError
from custseg_spark.interfaces.cli import arguments
from custseg_spark.paths import place


@dataclass(frozen=True)
class _Asked:
    config: Config
    run_date: date | None
    algorithm: str | None
    dialect: str | None
    table: str


def run(argv: Sequence[str]) -> None:
    """Prints the rules for a command line."""
    asked = _parsed(argv)
    clustering = _clustering(asked)
    if clustering.rules is None:
        raise InputError(
            f"the model of {clustering.algorithm} was made before there were rules; fit anew"
            " (custseg segment --model fit)"
        )
    if asked.dialect:
        print(statement(clustering, asked.dialect, asked.table))
    else:
        print(_words(clustering))


def _parsed(argv: Sequence[str]) -> _Asked:
    parser = arguments.base_parser(__doc__ or "", "")
    parser.add_argument(
        "--run-date", metavar="YYYY-MM-DD", help="the run; default: the latest in the lake"
    )
    parser.add_argument(
        "--algorithm", metavar="NAME", help="whose segments; default: the run's main algorithm"
    )
    parser.add_argument(
        "--dialect", choices=DIALECTS, help="print SQL for this database instead of words"
    )
    parser.add_argument(
        "--table",
        default="customer_features",
        metavar="NAME",
        help="what the statement reads from (default: customer_features)",
    )
    options = parser.parse_args(argv)
    day = parse_date(options.run_date, "--run-date") if options.run_date else None
    config = arguments.configured(options)
    return _Asked(config, day, options.algorithm, options.dialect, options.table)


def _clustering(asked: _Asked) -> NamedClustering:
    """The published clustering. Raises InputError where there is no such run or model."""
    lake, folder = asked.config.lake, place(asked.config.lake.path)
    if isinstance(folder, Path) and not lake.catalog:
        reader = LakeReader(folder).at_one_moment()
        reader.require()
        day, algorithm = _run(reader, asked)
        return reader.model(day, algorithm).clustering
    from custseg_spark.engine.lake.lake import Lake
    from custseg_spark.engine.spark import sealing
    from custseg_spark.engine.spark.session import get_session

    remote = Lake(get_session("custseg-rules", lake.umask), lake)
    day, algorithm = _run(remote, asked)
    name, sha256 = published_model(remote, day, algorithm)
    path = remote.model_path(name)
    return portable_of(sealing.read(remote.spark, path), path, sha256).clustering


def _run(tables: Tables, asked: _Asked) -> tuple[date, str]:
    """The run date and the algorithm: the named ones, else the latest and its main one."""
    rows = tables.rows(RUNS, ["run_date", "models"]).to_pylist()
    days = {row["run_date"]: dict(row["models"] or ()) for row in rows}
    if not days:
        raise InputError(f"there is no run in {tables.name(RUNS)}; run custseg segment first")
    day = asked.run_date or max(days)
    if day not in days:
        raise InputError(f"no run of {day} in {tables.name(RUNS)}; the latest is of {max(days)}")
    configured = [a for a in asked.config.model.algorithms if a in days[day]]
    return day, asked.algorithm or next(iter([*configured, *sorted(days[day])]))


def _words(clustering: NamedClustering) -> str:
    rules = clustering.rules
    assert rules is not None
    lines = []
    if clustering.known_from:
        said = little_known_words(clustering.known_from)
        lines.append(f"{TOO_LITTLE_KNOWN_ID:>4}  {TOO_LITTLE_KNOWN}: {said}")
    for cluster, (segment_id, name) in enumerate(
        zip(clustering.segment_ids, clustering.segment_names, strict=True)
    ):
        leaves = rules.of_cluster(cluster)
        told = sentence(leaves, rules.null_values) if leaves else "no rule of its own"
        lines.append(f"{segment_id:>4}  {name}: {told}")
    return "\n".join(lines)
