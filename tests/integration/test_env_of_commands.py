"""Commands read `.env` where they run: it gives defaults, and its secrets stay secrets."""

import os
import subprocess
import sys
from pathlib import Path

from checkout import ROOT

CONSOLE = "from custseg_spark.interfaces.cli.main import console; console()"


def tune(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", CONSOLE, "tune", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_the_lake_of_env_is_the_default_and_an_option_goes_before(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CUSTSEG_LAKE=of_env\nCUSTSEG_JDBC_PASSWORD=hunter2\n")
    done = tune(tmp_path)
    assert (done.returncode, "there is no lake at of_env" in done.stderr) == (3, True)
    done = tune(tmp_path, "--lake=hunter2")
    assert "there is no lake at ***" in done.stderr


def test_a_broken_line_ends_with_two_and_its_place(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# ours\nCUSTSEG_LAKE lake\n")
    done = tune(tmp_path)
    assert done.returncode == 2
    assert ".env, line 2: expected NAME=VALUE" in done.stderr
