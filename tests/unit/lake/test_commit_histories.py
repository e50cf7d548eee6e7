"""Random histories of stale writers and maintenance, against a plain list of what was written."""

import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from small_lake import FIRST, choice, held, small_lake

from custseg_spark.engine.lake.commits import append, replace_dates
from custseg_spark.engine.lake.native import NativeLake
from custseg_spark.engine.lake.schemas import MODEL_SELECTION
from custseg_spark.errors import ConflictError

DATES = [FIRST + timedelta(days=n) for n in range(3)]


@pytest.mark.parametrize("seed", range(4))
def test_a_commit_succeeds_exactly_where_nothing_it_read_has_changed(
    tmp_path: Path, seed: int
) -> None:
    chance, lake = random.Random(seed), small_lake(tmp_path)
    # The date that each version wrote, None where it was maintenance.
    history: list[date | None] = []
    expected: set[tuple[date, int]] = set()
    for step in range(25):
        read_version = max(0, len(history) - chance.choice([0, 0, 1, 2]))
        action = chance.choice(["append", "replace", "replace", "optimize"])
        day = chance.choice(DATES)
        if action == "optimize":
            DeltaTable(lake.folder(MODEL_SELECTION)).optimize.compact()
            history += [None] * (lake.version(MODEL_SELECTION) - len(history))
            continue
        written = [date_ for date_ in history[read_version:] if date_]
        conflicts = bool(written) if action == "append" else day in written
        assert write(lake, action, day, step, read_version) is not conflicts, (seed, step)
        if not conflicts:
            history.append(day)
            stay = expected if action == "append" else {e for e in expected if e[0] != day}
            expected = stay | {(day, step)}
        assert held(lake) == expected, (seed, step)


def write(lake: NativeLake, action: str, day: date, step: int, read_version: int) -> bool:
    """Whether the writer won."""
    files = [choice(lake, day, step)]
    try:
        if action == "append":
            append(lake, MODEL_SELECTION, files, read_version=read_version)
        else:
            replace_dates(lake, MODEL_SELECTION, [day], files, read_version=read_version)
    except ConflictError:
        return False
    return True
