"""Decide whether a run date's published run still stands: a new run would make the same."""

import hashlib
from datetime import date
from functools import cache
from importlib import resources

from custseg_spark.config.rfm_groups import rfm_rules
from custseg_spark.config.settings import Config
from custseg_spark.core.segments.naming import Archetypes
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import RUNS
from custseg_spark.pipeline.planning import Plan
from custseg_spark.pipeline.runs import SegmentRun, read_versions

_PACKAGE = "custseg_spark"


def made_by(archetypes: Archetypes, config: Config) -> str:
    """Hash a run's other inputs than configuration and tables: code, archetypes, RFM groups."""
    made_of = f"{_code()}\n{archetypes!r}\n{rfm_rules(config.rfm)!r}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:16]


def unchanged_run(lake: Lake, run_date: date, config: Config, archetypes: Archetypes) -> str | None:
    """Return the id of the date's run if none of its inputs has changed since.

    The inputs are the configuration, archetypes and code, the versions of the tables, and the run
    before it, which must have been published earlier.
    """
    runs = lake.rows(RUNS, list(_COLUMNS)).to_pylist()
    published_run = next((run for run in runs if run["run_date"] == run_date), None)
    if published_run is None:
        return None
    previous_run = max((r for r in runs if r["run_date"] < run_date), key=_by_date, default=None)
    same_past = previous_run is None or previous_run["finished_at"] < published_run["finished_at"]
    of_before = previous_run["run_date"] if previous_run else None
    is_same = (
        same_past
        and published_run["previous_run_date"] == of_before
        and published_run["config_hash"] == config.hash()
        and published_run["made_by"] == made_by(archetypes, config)
        and dict(published_run["table_versions"]) == read_versions(lake, config)
    )
    return str(published_run["run_id"]) if is_same else None


def published(lake: Lake, run_date: date) -> SegmentRun:
    """Return the result of the date's published run, from its row of `runs`."""
    [row] = lake.rows(RUNS, list(_OF_THE_RUN), [run_date]).to_pylist()
    return SegmentRun(
        run_date,
        row["run_id"],
        dict(row["row_counts"])["customers"],
        Plan(row["model_use"], row["model_reason"]),
        left_out=dict(row["left_out"]),
        models=dict(row["models"]),
        model_hashes=dict(row["model_hashes"]),
        versions=dict(row["table_versions"]),
        warnings=list(row["warnings"]),
        is_older=True,
    )


_COLUMNS = (
    "run_date",
    "previous_run_date",
    "run_id",
    "finished_at",
    "config_hash",
    "made_by",
    "table_versions",
)
_OF_THE_RUN = (
    *("run_id", "row_counts", "model_use", "model_reason", "left_out"),
    *("models", "model_hashes", "table_versions", "warnings"),
)


def _by_date(row: dict[str, date]) -> date:
    return row["run_date"]


@cache
def _code() -> str:
    """Hash the package's modules: one version number may stand for many states of the code."""
    digest = hashlib.sha256()
    waiting = [resources.files(_PACKAGE)]
    while waiting:
        for entry in sorted(waiting.pop().iterdir(), key=lambda e: e.name):
            if entry.is_dir():
                waiting.append(entry)
            elif entry.name.endswith(".py"):
                digest.update(entry.name.encode())
                digest.update(entry.read_bytes())
    return digest.hexdigest()
