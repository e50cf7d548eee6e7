"""A run that would be made of just the same stands; whatever differs makes another."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from custseg_spark.config.rfm import RfmConfig
from custseg_spark.config.settings import Config
from custseg_spark.core.segments.naming import Archetypes
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import RUNS
from custseg_spark.pipeline.unchanged import made_by, published, unchanged_run

BEFORE, DAY, LATER = date(2019, 10, 1), date(2019, 11, 1), date(2019, 12, 1)
NAMES = Archetypes((), {}, {})
CONFIG = Config()
VERSIONS = {"events": 4, "sessions": 5, "customers": 1, "runs": 9}


def row(day: date, hour: int, previous: date | None, **more: Any) -> dict[str, Any]:
    return {
        "run_date": day,
        "previous_run_date": previous,
        "run_id": f"run of {day}",
        "model_use": "fit",
        "model_reason": "there is no earlier run",
        "finished_at": datetime(2020, 1, 1, hour, tzinfo=UTC),
        "config_hash": CONFIG.hash(),
        "made_by": made_by(NAMES, CONFIG),
        "table_versions": {"events": 4, "sessions": 5},
        "row_counts": {"customers": 30, "events": 400},
        "warnings": ["one customer has 60% of the events"],
        "models": {"kmeans": "m"},
        "model_hashes": {"kmeans": "abc"},
        "left_out": {"discount_share": "constant"},
        **more,
    }


def lake(*runs: dict[str, Any], versions: dict[str, int] | None = None) -> Lake:
    def rows(table: object, columns: list[str], days: list[date] | None = None) -> pa.Table:
        assert table is RUNS
        found = [{c: r[c] for c in columns} for r in runs if days is None or r["run_date"] in days]
        return pa.Table.from_pylist(found, pa.schema([RUNS.schema.field(c) for c in columns]))

    moment = SimpleNamespace(versions=versions or VERSIONS)
    return cast(Lake, SimpleNamespace(rows=rows, moment=moment))


def test_a_run_of_the_same_stands() -> None:
    held = lake(row(BEFORE, 1, None), row(DAY, 2, BEFORE), row(LATER, 3, DAY))
    assert unchanged_run(held, DAY, CONFIG, NAMES) == f"run of {DAY}"
    assert unchanged_run(held, BEFORE, CONFIG, NAMES) == f"run of {BEFORE}"


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [row(LATER, 1, None)],
        [row(DAY, 1, None, made_by="other code")],
        [row(DAY, 1, None, config_hash="other")],
        [row(DAY, 1, None, table_versions={"events": 3, "sessions": 5})],
        [row(BEFORE, 1, None), row(DAY, 2, None)],
        [row(BEFORE, 3, None), row(DAY, 2, BEFORE)],
        [row(DAY, 2, BEFORE)],
    ],
    ids=[
        "no run",
        "of another date",
        "by other code",
        "of another configuration",
        "of other events",
        "before a run that came between",
        "of a run before that was made again",
        "of a run before that is gone",
    ],
)
def test_another_run_is_made(runs: list[dict[str, Any]]) -> None:
    assert unchanged_run(lake(*runs), DAY, CONFIG, NAMES) is None


def test_a_group_map_counts_by_its_content(tmp_path: Path) -> None:
    groups = tmp_path / "groups.toml"
    config = replace(CONFIG, rfm=RfmConfig(groups=str(groups)))
    groups.write_text('[[group]]\nname = "All"\n')
    of_all = made_by(NAMES, config)
    groups.write_text('[[group]]\nname = "Everybody"\n')
    assert made_by(NAMES, config) != of_all


def test_customers_count_where_their_attributes_are_features() -> None:
    families = (*CONFIG.features.optional_families, "demographics")
    config = replace(CONFIG, features=replace(CONFIG.features, optional_families=families))
    versions = {"events": 4, "sessions": 5, "customers": 1}
    own = row(DAY, 1, None, config_hash=config.hash(), table_versions=versions)
    assert unchanged_run(lake(own), DAY, config, NAMES) is not None
    assert (
        unchanged_run(lake(own, versions={**versions, "customers": 2}), DAY, config, NAMES) is None
    )


def test_an_unchanged_run_is_described_by_its_row() -> None:
    run = published(lake(row(DAY, 1, None)), DAY)
    assert (run.run_id, run.customers, run.is_older) == (f"run of {DAY}", 30, True)
    assert (run.plan.use, run.plan.reason) == ("fit", "there is no earlier run")
    assert run.warnings == ["one customer has 60% of the events"]
    assert (run.models, run.left_out) == ({"kmeans": "m"}, {"discount_share": "constant"})
