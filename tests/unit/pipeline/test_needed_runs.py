"""Which runs maintenance keeps: the latest, and the runs that they depend on."""

from datetime import date
from typing import Any

import pytest

from custseg_spark.pipeline.maintenance import needed_runs

MARCH, APRIL, MAY, JUNE = (date(2021, month, 1) for month in (3, 4, 5, 6))


def run(day: date, fitted_on: date, previous: date | None) -> dict[str, Any]:
    return {"run_date": day, "fitted_on": fitted_on, "previous_run_date": previous}


RUNS = [
    run(MAY, MARCH, APRIL),
    run(MARCH, MARCH, None),
    run(JUNE, JUNE, MAY),
    run(APRIL, MARCH, MARCH),
]


@pytest.mark.parametrize(
    ("keep", "needed"),
    [
        (0, {MARCH, APRIL, MAY, JUNE}),
        (1, {JUNE, MAY}),
        (2, {JUNE, MAY, APRIL, MARCH}),
        (9, {MARCH, APRIL, MAY, JUNE}),
    ],
)
def test_kept_are_the_latest_runs_their_models_and_those_before(
    keep: int, needed: set[date]
) -> None:
    assert needed_runs(RUNS, keep) == needed


def test_a_run_that_was_kept_for_another_keeps_none_itself() -> None:
    chain = [run(MARCH, MARCH, None), run(APRIL, APRIL, MARCH), run(MAY, MAY, APRIL)]
    assert needed_runs(chain, 1) == {MAY, APRIL}


def test_a_run_of_another_lake_is_not_asked_for() -> None:
    assert needed_runs([run(MAY, MAY, MARCH)], 1) == {MAY}
    assert needed_runs([], 3) == set()
