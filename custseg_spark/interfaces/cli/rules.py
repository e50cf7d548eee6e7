"""Print the rules of a run's segments: in words, or as one SQL CASE over customer_features.

With --dialect it is a statement for Spark, DuckDB or PostgreSQL, which labels every customer as the
rules do. A lake in a folder is read without Spark.
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
class _Request:
    config: Config
    run_date: date | None
    algorithm: str | None
    dialect: str | None
    table: str


def run(argv: Sequence[str]) -> None:
    """Print the rules for a command line."""
    request = _parsed(argv)
    clustering = _clustering(request)
    if clustering.rules is None:
        raise InputError(
            f"the model of {clustering.algorithm} was made before there were rules; fit anew"
            " (custseg segment --model fit)"
        )
    if request.dialect:
        print(statement(clustering, request.dialect, request.table))
    else:
        print(_words(clustering))


def _parsed(argv: Sequence[str]) -> _Request:
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
    return _Request(config, day, options.algorithm, options.dialect, options.table)


def _clustering(request: _Request) -> NamedClustering:
    """Return the published clustering. Raises InputError without such a run or model."""
    lake, folder = request.config.lake, place(request.config.lake.path)
    if isinstance(folder, Path) and not lake.catalog:
        reader = LakeReader(folder).at_one_moment()
        reader.require()
        day, algorithm = _run(reader, request)
        return reader.model(day, algorithm).clustering
    from custseg_spark.engine.lake.lake import Lake
    from custseg_spark.engine.spark import sealing
    from custseg_spark.engine.spark.session import get_session

    remote = Lake(get_session("custseg-rules", lake.umask), lake)
    day, algorithm = _run(remote, request)
    name, sha256 = published_model(remote, day, algorithm)
    path = remote.model_path(name)
    return portable_of(sealing.read(remote.spark, path), path, sha256).clustering


def _run(tables: Tables, request: _Request) -> tuple[date, str]:
    """Return run date and algorithm: the named ones, else the latest run and its main algorithm."""
    rows = tables.rows(RUNS, ["run_date", "models"]).to_pylist()
    days = {row["run_date"]: dict(row["models"] or ()) for row in rows}
    if not days:
        raise InputError(f"there is no run in {tables.name(RUNS)}; run custseg segment first")
    day = request.run_date or max(days)
    if day not in days:
        raise InputError(f"no run of {day} in {tables.name(RUNS)}; the latest is of {max(days)}")
    configured = [a for a in request.config.model.algorithms if a in days[day]]
    return day, request.algorithm or next(iter([*configured, *sorted(days[day])]))


def _words(clustering: NamedClustering) -> str:
    rules = clustering.rules
    assert rules is not None
    lines = []
    if clustering.known_from:
        little_known = little_known_words(clustering.known_from)
        lines.append(f"{TOO_LITTLE_KNOWN_ID:>4}  {TOO_LITTLE_KNOWN}: {little_known}")
    for cluster, (segment_id, name) in enumerate(
        zip(clustering.segment_ids, clustering.segment_names, strict=True)
    ):
        leaves = rules.of_cluster(cluster)
        rule_text = sentence(leaves, rules.null_values) if leaves else "no rule of its own"
        lines.append(f"{segment_id:>4}  {name}: {rule_text}")
    return "\n".join(lines)
