"""The lake's runs, and a run's content."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import RUNS
from custseg_spark.interfaces.dashboard.lake import cached
from custseg_spark.outputs.report import reading
from custseg_spark.outputs.report.content import Content


@dataclass(frozen=True)
class RunChoice:
    """A run: its algorithms, the main one first, and when it was finished."""

    run_date: date
    algorithms: Sequence[str]
    finished_at: datetime


@cached(4, "Reading the runs …")
def run_choices(lake: LakeReader) -> Sequence[RunChoice]:
    """Return the lake's runs, the latest first."""
    rows = dicts_of(lake.rows(RUNS, ["run_date", "models", "config", "finished_at"]))
    choices = [RunChoice(r["run_date"], _algorithms(r), r["finished_at"]) for r in rows]
    return sorted(choices, key=lambda choice: choice.run_date, reverse=True)


def _algorithms(row: dict[str, object]) -> list[str]:
    models = dict(row["models"] or {})  # type: ignore[call-overload]
    configured = json.loads(str(row["config"] or "{}")).get("model", {}).get("algorithms", [])
    return [a for a in configured if a in models or not models] or sorted(models)


@cached(8, "Reading the run …")
def content_of(lake: LakeReader, run_date: date, algorithm: str | None) -> Content:
    """Return the content of a run, seen through one of its algorithms."""
    return reading.content(lake, run_date, lake.map_files, algorithm)
