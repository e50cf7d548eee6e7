"""Small gates of the proofs in scripts: structure in whole logs, segments over weeks."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import structureless_logs
import weekly_segments
from trust import weekly
from trust.year import BIRTH, Year, year

from custseg_spark.core.segments.statuses import BORN, CONTINUED


@pytest.mark.parametrize(
    ("kind", "is_continuum"), [("one wide type", True), ("planted types", False)]
)
def test_a_log_without_types_is_a_continuum_and_one_with_types_is_none(
    kind: str, is_continuum: bool
) -> None:
    found = structureless_logs.gaps(structureless_logs.kinds()[kind], range(2), 20_000)
    assert [one.is_continuum for one in found] == [is_continuum] * 2


WEEKS = range(BIRTH - 2, BIRTH + 2)


@pytest.fixture(scope="module")
def made() -> Year:
    return year(weeks=WEEKS.stop)


@pytest.fixture(scope="module")
def fits(made: Year) -> list[weekly.Fit]:
    return [weekly.fit_of_week(made, week, None) for week in WEEKS]


def test_a_birth_is_named_in_its_week(made: Year, fits: list[weekly.Fit]) -> None:
    course = weekly.course(made, fits, 0.0)
    statuses = [Counter(i.status for i in who.clusters) for who in course.identities[1:]]
    assert statuses == [{CONTINUED: 4}, {CONTINUED: 4, BORN: 1}, {CONTINUED: 5}]


def test_hysteresis_moves_fewer_customers(made: Year, fits: list[weekly.Fit]) -> None:
    moves = []
    for margin in (0.0, 0.3):
        labels = weekly.course(made, fits, margin).segments[:, : len(fits)]
        moves.append(int(np.sum((labels[:, 1:] != labels[:, :-1]) & (labels[:, :-1] > 0))))
    assert 0 < moves[1] < moves[0]


def test_who_went_to_and_fro_is_counted() -> None:
    kinds = np.full((3, 58), "quiet", dtype=object)
    labels = np.ones((3, 52), dtype=int)
    labels[1, 7] = 2  # A, B, A in three runs
    labels[2, 20:30] = 2  # back after ten
    course = weekly.Course(labels)
    one_year = Year(pa.table({}), ["a", "b", "c"], kinds, {})
    assert weekly_segments.back_and_forth(one_year, course) == (
        pytest.approx(1 / 150),
        pytest.approx(1 / 3),
        pytest.approx(2 / 3),
    )
