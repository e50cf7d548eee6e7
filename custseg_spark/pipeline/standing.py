"""Tell whether a run date's published run is what another run would make again."""

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
    """Hash what makes a run beside its configuration's text and its tables: the code, the
    archetypes, the file of RFM groups."""
    made_of = f"{_code()}\n{archetypes!r}\n{rfm_rules(config.rfm)!r}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:16]


def standing(lake: Lake, run_date: date, config: Config, archetypes: Archetypes) -> str | None:
    """Return the id of the date's run if nothing that it was made of has changed since.

    The same configuration, archetypes and code, the same versions of the tables that it read, and
    the same run before it, published before it.
    """
    runs = lake.rows(RUNS, list(_COLUMNS)).to_pylist()
    own = next((run for run in runs if run["run_date"] == run_date), None)
    if own is None:
        return None
    before = max((r for r in runs if r["run_date"] < run_date), key=_by_date, default=None)
    same_past = before is None or before["finished_at"] < own["finished_at"]
    of_before = before["run_date"] if before else None
    same = (
        same_past
        and own["previous_run_date"] == of_before
        and own["config_hash"] == config.hash()
        and own["made_by"] == made_by(archetypes, config)
        and dict(own["table_versions"]) == read_versions(lake, config)
    )
    return str(own["run_id"]) if same else None


def published(lake: Lake, run_date: date) -> SegmentRun:
    """Return what the date's published run did, by its row of `runs`."""
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
    """Hash the package's modules: a version may stand for many states of them."""
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
