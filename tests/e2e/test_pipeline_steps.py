"""scripts/run_pipeline.py from nothing to a reporting database, its steps as `make` gives them."""

import csv
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from checkout import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_make_targets_are_its_steps() -> None:
    for step in ("generate", "extract", "transform", "load"):
        assert re.search(rf"^{step}: venv ## .*\n\t@\$\(STEP\) {step}$", MAKEFILE, re.M)
    assert re.search(r"^run-all: venv ## .*\n\t@\$\(STEP\)$", MAKEFILE, re.M)


def run(folder: Path, *steps: str) -> str:
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "scripts" / "run_pipeline.py", *steps),
            *(f"--folder={folder}", "--customers=300"),
        ],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_customers_and_their_purchases_are_joined(tmp_path: Path) -> None:
    """The steps that need no Spark."""
    said = run(tmp_path / "shop", "generate", "extract")
    assert said.index("--- generate") < said.index("--- extract")
    with (tmp_path / "shop" / "joined_data.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["mobile"] for row in rows}) == 300
    assert f"Joined {len(rows):,} rows" in said
    assert set(rows[0]) > {"mobile", "age", "income", "date", "amount", "store"}


@pytest.mark.heavy
def test_one_command_goes_the_whole_way(tmp_path: Path) -> None:
    said = run(tmp_path / "shop")
    # Customers without a purchase have no events.
    [customers] = re.findall(r"Segments of (\d+) customers", said)
    assert 250 < int(customers) <= 300
    with closing(sqlite3.connect(tmp_path / "shop" / "reports.db")) as connection:
        [[rows]] = connection.execute("SELECT count(*) FROM customer_segments_by_mobile")
    assert rows == int(customers)
