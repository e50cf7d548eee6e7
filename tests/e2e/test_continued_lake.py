"""A lake of 0.1 is refused, and its segments go on in a new lake of the same sources."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import job, write_log
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import (
    FEATURE_DRIFT,
    RUNS,
    SEGMENT_MIGRATIONS,
    SEGMENT_PROFILES,
)
from custseg_spark.errors import InputError

QUICK = (
    '--set=model.algorithms=["kmeans"]',
    "--set=model.k=2",
    "--set=model.fit.starts=1",
    "--set=model.stability.bootstraps=0",
    "--set=clv.enabled=false",
    "--set=report.enabled=false",
)


def lines() -> Iterator[str]:
    """Twenty customers who look around, and twenty who buy."""
    for customer in range(40):
        kind = "purchase" if customer % 2 else "view"
        for day in range(1, 4 + customer % 5):
            price = 50 + customer if kind == "purchase" else 5
            yield f"2019-10-0{day} 1{customer % 5}:00:00 UTC,{kind},7,1,a,b,{price}.00,{customer},s"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(tmp_path_factory.mktemp("log") / "events.csv", list(lines()))


@pytest.fixture(scope="module")
def old(spark: SparkSession, log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with a run, as if of 0.1: its events don't say the format."""
    folder = tmp_path_factory.mktemp("old") / "lake"
    segment(folder, log, "--run-date=2019-10-20")
    spark.sql(f"ALTER TABLE delta.`{folder}/events` UNSET TBLPROPERTIES ('custseg.format')")
    return folder


def segment(lake: Path, log: Path, *arguments: str) -> None:
    source = f"--source=ecommerce_events={log}"
    job("segment").run(["--lake", str(lake), source, *QUICK, *arguments])


def digest(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("io", ["native", "spark"])
def test_a_lake_of_0_1_is_refused_before_anything_is_written(
    spark: SparkSession, log: Path, old: Path, io: str
) -> None:
    before = digest(old)
    with pytest.raises(InputError, match=f"--continue-from {old}"):
        segment(old, log, f"--set=lake.io={io}")
    assert digest(old) == before


@pytest.mark.parametrize("io", ["native", pytest.param("spark", marks=pytest.mark.heavy)])
def test_segments_of_another_lake_keep_ids_names_and_customers(
    spark: SparkSession, log: Path, old: Path, tmp_path: Path, io: str
) -> None:
    before = digest(old)
    new = tmp_path / "lake"
    segment(new, log, f"--set=lake.io={io}", f"--continue-from={old}", "--run-date=2019-10-21")
    assert digest(old) == before
    was, now = (Lake(spark, LakeConfig(path=str(folder), io="spark")) for folder in (old, new))
    of = ["segment_id", "segment_name", "customers", "born_on"]
    segments = now.rows(SEGMENT_PROFILES, of).sort_by("segment_id").to_pylist()
    assert segments == was.rows(SEGMENT_PROFILES, of).sort_by("segment_id").to_pylist()
    [run] = now.rows(RUNS).to_pylist()
    assert (run["model_use"], run["model_reason"]) == ("fit", "the earlier run is another lake's")
    assert str(run["previous_run_date"]) == "2019-10-20"
    moved = now.rows(SEGMENT_MIGRATIONS).to_pylist()
    assert sorted((m["from_segment_id"], m["to_segment_id"], m["customers"]) for m in moved) == [
        (1, 1, 20),
        (2, 2, 20),
    ]
    assert len(now.rows(FEATURE_DRIFT)) > 0


def test_a_lake_to_continue_from_that_has_no_run_is_an_error(
    spark: SparkSession, log: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"continue_from: there is no run in .*none/runs"):
        segment(tmp_path / "lake", log, f"--continue-from={tmp_path}/none")
    assert not (tmp_path / "none").exists()
