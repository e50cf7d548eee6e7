"""What a shell sees of a command that fails unforeseen, or has a secret in its line."""

import subprocess
import sys

import pytest
from checkout import ROOT

PROGRAM = """
import logging, sys
from custseg_spark.interfaces.cli.main import main

def job(arguments):
    logging.getLogger("somebody.else").warning("opened %s", arguments[0])
    try:
        raise OSError("of https://u:hunter2@h")
    except OSError as error:
        raise ValueError("at " + arguments[0]) from error

main(job)
"""


@pytest.mark.parametrize(
    ("argument", "warns"), [("https://u:hunter2@h/x", True), ("https://h/x", False)]
)
def test_a_traceback_and_others_logs_are_redacted(argument: str, warns: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, argument],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr
    assert "ValueError: at https://" in done.stderr
    assert "OSError: of https://***@h" in done.stderr
    assert "WARNING opened https://" in done.stderr
    assert ("the command line holds a secret" in done.stderr) == warns
