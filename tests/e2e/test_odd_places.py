"""Lake, models, reports, staging and exports at paths that take some care: one run, each way."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from checkout import job, write_log
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, RUNS

QUICK = (
    "--set=model.selection.k_max=3",
    "--set=model.fit.starts=1",
    "--set=model.stability.bootstraps=2",
    '--set=model.algorithms=["kmeans"]',
)
ODD = 'shop\'s 50% "x=1" Größe %20'


def _lines() -> list[str]:
    return [
        f"2021-03-{1 + c % 9:02d} 10:{n:02d}:00 UTC,{'purchase' if n % 3 else 'view'},{n % 5},"
        f"{n % 3},,,{n + c}.00,{c},s{c}"
        for c in range(40)
        for n in range(1 + c % 7)
    ]


@pytest.mark.parametrize("io", ["native", "spark"])
def test_a_run_works_at_odd_paths(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, io: str
) -> None:
    home = tmp_path / "home"
    odd, work = home / ODD, tmp_path / "elsewhere" / "work"
    odd.mkdir(parents=True)
    work.mkdir(parents=True)
    (tmp_path / "link").symlink_to(odd)
    write_log(odd / "log.csv", _lines())
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(home))
    source = f"--source=ecommerce_events=~/{ODD}/../{ODD}/log.csv"
    lake = "../../link/lake/"

    staging = f"--set=ingest.staging=../{ODD}/staging"
    places = (f"--lake={lake}", f"--reports=~/{ODD}/./reports/", f"--set=lake.io={io}", staging)
    job("segment").run([source, *places, *QUICK])

    written = Lake(spark, LakeConfig(path=str(odd / "lake")))
    assert written.rows(CUSTOMER_SEGMENTS).num_rows == 40
    [run] = written.rows(RUNS).to_pylist()
    assert list((odd / "lake" / "models").iterdir())
    assert list((odd / "reports").rglob("cluster_report.html"))

    scored = ["--run-date=2021-03-20", f"--model-date={run['run_date']}"]
    job("score").run([*places, *scored, *QUICK])
    (tmp_path / "elsewhere" / ODD).mkdir(exist_ok=True)
    for target in (f"csv:../{ODD}/csv/", f"sqlite:///../{ODD}/report.db"):
        job("export").run([f"--lake={lake}", f"--to={target}", f"--set=lake.io={io}"])
    assert list((tmp_path / "elsewhere" / ODD / "csv").rglob("customer_segments*"))
    with closing(sqlite3.connect(tmp_path / "elsewhere" / ODD / "report.db")) as exported:
        names = exported.execute("SELECT name FROM sqlite_master").fetchall()
    assert ("customer_segments",) in names
    assert {path.name for path in work.iterdir()} == set()
