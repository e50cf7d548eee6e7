"""What is made is its owner's alone, by either way of IO, unless `lake.umask` says otherwise."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from checkout import job, write_log
from pyspark.sql import SparkSession

KMEANS = (
    "--set=model.k=2",
    '--set=model.algorithms=["kmeans"]',
    "--set=model.stability.bootstraps=3",
)
LINES = [
    f"2019-10-0{1 + n % 3} 10:0{n % 10}:00 UTC,{kind},{n},2,a.b,c,{n + 1}.50,"
    f"{541312140 + n % 12},s{n}"
    for n, kind in enumerate(["view", "view", "cart", "purchase", "view"] * 12)
]


@contextmanager
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    try:
        yield
        # A job gives back what it found.
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def modes(folder: Path) -> set[tuple[str, str]]:
    """The permissions of everything in a folder, and of the folder."""
    found = [p for p in (folder, *folder.rglob("*")) if not p.is_symlink()]
    kinds = {True: "folder", False: "file"}
    return {(kinds[p.is_dir()], oct(stat.S_IMODE(p.stat().st_mode))[2:]) for p in found}


@pytest.mark.parametrize(
    ("io", "umask", "expected"),
    [
        ("native", None, {("folder", "700"), ("file", "600")}),
        ("spark", "027", {("folder", "750"), ("file", "640")}),
    ],
)
def test_lake_reports_and_exports_are_their_owners_alone(
    spark: SparkSession, tmp_path: Path, io: str, umask: str | None, expected: set[tuple[str, str]]
) -> None:
    log = write_log(tmp_path / "log.csv", [*LINES, "no record"])
    lake = (f"--lake={tmp_path}/lake", f"--set=lake.io={io}")
    lake += (f"--set=lake.umask={umask}",) if umask else ()
    with usual_umask():
        job("segment").run([*lake, f"--source=ecommerce_events={log}", *KMEANS,
                            "--set=ingest.max_rejected_share=1"])  # fmt: skip
        job("export").run([*lake, f"--to=csv:{tmp_path}/exports"])
        job("export").run([*lake, f"--to=sqlite:///{tmp_path}/db/reports.db"])
    assert {p.name for p in tmp_path.iterdir()} == {"log.csv", "lake", "reports", "exports", "db"}
    for name in ("lake", "reports", "exports", "db"):
        assert modes(tmp_path / name) == expected, name
    with closing(sqlite3.connect(tmp_path / "db" / "reports.db")) as connection:
        assert connection.execute("SELECT count(*) FROM customer_segments").fetchone() == (12,)
