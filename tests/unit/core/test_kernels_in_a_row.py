"""From lines to features by the kernels, against the oracle in plain Python."""

import os
import random
import time
from collections.abc import Callable, Iterator

import pytest
from compared import assert_same_table
from kernels import expected, run
from random_logs import Log, differences, random_log

# The lane of every change takes these; the night takes many more.
SEEDS = range(14)
NIGHTLY = [pytest.param(seed, marks=pytest.mark.heavy) for seed in range(14, 200)]


def log_of(seed: int) -> Log:
    """Of few customers, whose levels and scores are odd, or of more."""
    return random_log(seed, (2, 9)[seed % 2])


def shuffled(log: Log, seed: int) -> Log:
    lines = random.Random(seed).sample(log.lines, len(log.lines))
    return Log(tuple(lines), log.events, log.refused)


@pytest.mark.parametrize("seed", [*SEEDS, *NIGHTLY])
def test_features_are_the_oracles_whatever_the_partitions_and_the_order(seed: int) -> None:
    log = log_of(seed)
    table = run(log, 1)
    rows = {row.pop("customer_id"): row for row in table.to_pylist()}
    assert differences(rows, expected(log)) == [], f"seed {seed}"
    # Of four seeds, each kind of log in few and in many partitions.
    partitions = (2, 8)[seed // 2 % 2]
    assert_same_table(run(shuffled(log, partitions), partitions), table)


def test_the_logs_have_the_shapes_that_break_kernels() -> None:
    logs = [log_of(seed) for seed in SEEDS]
    assert sum(log.refused for log in logs) > 50
    assert sum(len(log.lines) - len(log.events) - log.refused for log in logs) > 200
    assert max(len(log.events) for log in logs) < 100
    events = [one for log in logs for one in log.events]
    assert any(one["session_id"] is None and one["order_id"] is None for one in events)
    assert any(one["event_type"] == "return" for one in events)


@pytest.fixture
def set_time_zone() -> Iterator[Callable[[str], None]]:
    """Sets the machine's time zone for this process."""
    before = os.environ.get("TZ")

    def set_to(name: str | None) -> None:
        os.environ.pop("TZ", None)
        if name is not None:
            os.environ["TZ"] = name
        time.tzset()

    yield set_to
    set_to(before)


def test_the_machines_time_zone_changes_nothing(set_time_zone: Callable[[str], None]) -> None:
    log = random_log(1, 14)
    tables = []
    for zone, offset in (("America/New_York", -18_000), ("Asia/Kolkata", 19_800), ("UTC", 0)):
        set_time_zone(zone)
        assert time.localtime(0).tm_gmtoff == offset
        tables.append(run(log, 2))
    assert_same_table(tables[0], tables[2])
    assert_same_table(tables[1], tables[2])
