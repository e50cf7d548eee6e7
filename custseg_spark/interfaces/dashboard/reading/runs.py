"""The lake's runs, and what a run's tables say."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from custseg_spark.engine.lake.reader import LakeReader
from custseg_spark.engine.lake.rows import dicts_of
from custseg_spark.engine.lake.schemas import RUNS
from custseg_spark.interfaces.dashboard.lake import held
from custseg_spark.outputs.report import reading
from custseg_spark.outputs.report.content import Content


@dataclass(frozen=True)
class RunChoice:
    """A run: its algorithms, the main one first, and when it was finished."""

    run_date: date
    algorithms: Sequence[str]
    finished_at: datetime


@held(4, "Reading the runs …")
def run_choices(lake: LakeReader) -> Sequence[RunChoice]:
    """The lake's runs, the latest first."""
    rows = dicts_of(lake.rows(RUNS, ["run_date", "models", "config", "finished_at"]))
    made = [RunChoice(r["run_date"], _algorithms(r), r["finished_at"]) for r in rows]
    return sorted(made, key=lambda choice: choice.run_date, reverse=True)


def _algorithms(row: dict[str, object]) -> list[str]:
    made = dict(row["models"] or {})  # type: ignore[call-overload]
    configured = json.loads(str(row["config"] or "{}")).get("model", {}).get("algorithms", [])
    return [a for a in configured if a in made or not made] or sorted(made)


@held(8, "Reading the run …")
def content_of(lake: LakeReader, run_date: date, algorithm: str | None) -> Content:
    """What the tables say of a run, as one of its algorithms segments it."""
    return reading.content(lake, run_date, lake.map_files, algorithm)
