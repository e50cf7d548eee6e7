"""What a new run knows of earlier ones, in its own lake and in one that it continues."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from small_lake import rows

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import RUNS, SEGMENT_PROFILES
from custseg_spark.pipeline.history import past

MARCH, APRIL, MAY = date(2021, 3, 1), date(2021, 4, 1), date(2021, 5, 1)
# As 0.1 wrote it: the model's keys in one section.
OLD_CONFIG = {"model": {"k_max": 8}, "run": {"sample_fraction": 1.0, "max_rows": None}}


def profile(segment_id: int, born_on: date, **more: Any) -> dict[str, Any]:
    centroid = [("monetary", {"value": 1.0, "scale": 2.0})]
    return {
        "algorithm": "kmeans",
        "segment_id": segment_id,
        "segment_name": f"S{segment_id}",
        "born_on": born_on,
        "status": "continued",
        "customers": 10,
        "centroid": centroid,
        **more,
    }


def lake_of(folder: Path, runs: dict[date, list[dict[str, Any]]]) -> Lake:
    """A lake with the segments of each run date."""
    lake = Lake(None, LakeConfig(path=str(folder), io="native"))  # type: ignore[arg-type]
    lake.create([RUNS, SEGMENT_PROFILES])
    for day, profiles in runs.items():
        run = {
            "run_date": day,
            "models": [("kmeans", "x")],
            "features": ["monetary"],
            "fitted_on": day,
            "config": json.dumps(OLD_CONFIG),
        }
        dated = [{**p, "run_date": day} for p in profiles]
        lake.replace_dates(rows(SEGMENT_PROFILES, *dated), SEGMENT_PROFILES, [day])
        lake.replace_dates(rows(RUNS, run), RUNS, [day])
    return lake


def test_a_first_run_continues_the_latest_run_of_another_lake(tmp_path: Path) -> None:
    segments = [profile(1, MARCH), profile(4, APRIL), profile(2, MARCH, status="died")]
    old = lake_of(tmp_path / "old", {MARCH: [profile(9, MARCH)], APRIL: segments})
    found = past(lake_of(tmp_path / "new", {}), MAY, old)
    assert found.previous is not None
    assert (found.previous.run_date, found.previous.lake) == (APRIL, old)
    names = {i: a.name for i, a in found.previous.ancestors("kmeans").items()}
    assert names == {1: "S1", 4: "S4"}
    # 9 is dead since April, and nobody's again.
    assert found.next_id("kmeans") == 10


def test_a_lake_made_anew_continues_the_old_one_s_run_of_the_same_date(tmp_path: Path) -> None:
    old = lake_of(tmp_path / "old", {MARCH: [profile(1, MARCH)], MAY: [profile(1, MARCH)]})
    new = lake_of(tmp_path / "new", {})
    previous = past(new, MARCH, old).previous
    assert previous is not None
    assert previous.run_date == MARCH
    assert past(new, date(2021, 1, 1), old).previous is None


def test_a_lake_with_an_earlier_run_continues_that_one_and_gives_no_id_twice(
    tmp_path: Path,
) -> None:
    old = lake_of(tmp_path / "old", {MARCH: [profile(7, MARCH)]})
    new = lake_of(tmp_path / "new", {APRIL: [profile(1, APRIL)]})
    found = past(new, MAY, old)
    assert found.previous is not None
    assert (found.previous.run_date, found.previous.lake) == (APRIL, None)
    assert (found.next_id("kmeans"), past(new, MAY).next_id("kmeans")) == (8, 2)


def test_a_run_that_is_made_again_continues_the_same_run(tmp_path: Path) -> None:
    old = lake_of(tmp_path / "old", {MARCH: [profile(1, MARCH)]})
    new = lake_of(tmp_path / "new", {APRIL: [profile(1, MARCH), profile(2, APRIL)]})
    found = past(new, APRIL, old)
    assert found.previous is not None
    assert found.previous.lake == old
    assert (found.next_id("kmeans"), [s.segment_id for s in found.reborn["kmeans"]]) == (2, [2])
