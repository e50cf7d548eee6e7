"""Workers of a parallel run must collect the same tests: ids depend on nothing but the code."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Over a second's boundary: a clock in an id has moved on.
APART_S = 1.2


def collected(hash_seed: int) -> list[str]:
    """The ids of the suite's tests, by a process of its own."""
    program = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        program,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if "::" in line]


@pytest.mark.heavy
def test_the_suite_is_collected_alike_at_another_time_and_with_another_hash_seed() -> None:
    first = collected(1)
    time.sleep(APART_S)
    assert len(first) > 1_000
    assert first == collected(2)
