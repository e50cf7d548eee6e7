"""Lake, models, reports, staging and exports at paths that take some care, their owner's alone.

A run, a score and exports, each way of IO.
"""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from checkout import job, write_log
from pyspark.sql import SparkSession

from custseg_spark.config.settings import LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CUSTOMER_SEGMENTS, REJECTED_EVENTS, RUNS

QUICK = (
    "--set=model.k=2",
    "--set=model.fit.starts=1",
    "--set=model.stability.bootstraps=2",
    '--set=model.algorithms=["kmeans"]',
    "--set=ingest.max_rejected_share=1",
)
ODD = 'shop\'s 50% "x=1" Größe %20'


def _lines() -> list[str]:
    good = [
        f"2021-03-{1 + c % 9:02d} 10:{n:02d}:00 UTC,{'purchase' if n % 3 else 'view'},{n % 5},"
        f"{n % 3},,,{n + c}.00,{c},s{c}"
        for c in range(40)
        for n in range(1 + c % 7)
    ]
    return [*good, "no record"]


@contextmanager
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    try:
        yield
        # A job gives back what it found.
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def modes(path: Path) -> set[tuple[str, str]]:
    """The permissions of a file, or of a folder and everything in it."""
    found = [p for p in (path, *path.rglob("*")) if not p.is_symlink()]
    kinds = {True: "folder", False: "file"}
    return {(kinds[p.is_dir()], oct(stat.S_IMODE(p.stat().st_mode))[2:]) for p in found}


@pytest.mark.parametrize(
    ("io", "umask", "expected"),
    [
        ("native", None, {("folder", "700"), ("file", "600")}),
        # `lake.umask` says otherwise.
        ("spark", "027", {("folder", "750"), ("file", "640")}),
    ],
)
def test_a_run_works_at_odd_paths_and_keeps_them_its_owners(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    io: str,
    umask: str | None,
    expected: set[tuple[str, str]],
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
    lake = ("--lake=../../link/lake/", f"--set=lake.io={io}")
    lake += (f"--set=lake.umask={umask}",) if umask else ()
    exports = tmp_path / "elsewhere" / ODD

    with usual_umask():
        places = (f"--reports=~/{ODD}/./reports/", f"--set=ingest.staging=../{ODD}/staging")
        job("segment").run([source, *lake, *places, *QUICK])
        written = Lake(spark, LakeConfig(path=str(odd / "lake")))
        [run] = written.rows(RUNS).to_pylist()
        # Models are read the same way by either.
        if io == "native":
            scored = ("--run-date=2021-03-20", f"--model-date={run['run_date']}")
            job("score").run([*lake, *places, *scored, *QUICK])
        exports.mkdir(exist_ok=True)
        for target in (f"csv:../{ODD}/csv/", f"sqlite:///../{ODD}/db/report.db"):
            job("export").run([*lake, f"--to={target}"])

    assert written.rows(CUSTOMER_SEGMENTS).num_rows == (80 if io == "native" else 40)
    assert written.rows(REJECTED_EVENTS).num_rows == 1
    assert list((odd / "lake" / "models").iterdir())
    assert list((odd / "reports").rglob("cluster_report.html"))
    assert list((exports / "csv").rglob("customer_segments*"))
    with closing(sqlite3.connect(exports / "db" / "report.db")) as exported:
        assert exported.execute("SELECT count(*) FROM customer_segments").fetchone() == (40,)
    assert {path.name for path in odd.iterdir()} == {"lake", "log.csv", "reports"}
    assert {path.name for path in exports.iterdir()} >= {"csv", "db"}
    for made in (odd / "lake", odd / "reports", exports / "csv", exports / "db"):
        assert modes(made) == expected, made.name
    assert {path.name for path in work.iterdir()} == set()
