"""Since when a customer has been in a segment, over runs in a row, against plain Python."""

from collections.abc import Mapping, Sequence
from datetime import date
from random import Random

import pyarrow as pa

from custseg_spark.core.segments.tenure import PREVIOUS_COLUMNS, TENURE, with_tenure

DAYS = [date(2021, month, 1) for month in range(1, 9)]
KEYS = ("algorithm", "customer_id", "segment_id")
Segments = Mapping[tuple[str, str], int]


def rows(segments: Segments) -> pa.Table:
    return pa.table(
        {
            "algorithm": pa.array([a for a, _ in segments], pa.string()),
            "customer_id": pa.array([c for _, c in segments], pa.string()),
            "segment_id": pa.array(list(segments.values()), pa.int32()),
        }
    )


def runs_in_a_row(history: Sequence[Segments]) -> list[pa.Table]:
    made: list[pa.Table] = []
    for day, segments in zip(DAYS, history, strict=False):
        before = made[-1].select(PREVIOUS_COLUMNS) if made else None
        previous_day = DAYS[len(made) - 1] if made else None
        made.append(with_tenure(rows(segments), before, day, previous_day))
    return made


def literal(table: pa.Table) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


def test_the_first_run_has_its_own_date_and_no_segment_before() -> None:
    [found] = runs_in_a_row([{("kmeans", "a"): 1, ("kmeans", "b"): 2}])
    assert literal(found) == [
        ("kmeans", "a", 1, None, DAYS[0]),
        ("kmeans", "b", 2, None, DAYS[0]),
    ]
    assert found.schema.names == [*KEYS, *TENURE.names]


def test_who_stays_keeps_the_date_and_who_moves_gets_a_new_one() -> None:
    history = [{("kmeans", "a"): 1}, {("kmeans", "a"): 1}, {("kmeans", "a"): 2},
               {("kmeans", "a"): 2}, {("kmeans", "a"): 1}]  # fmt: skip
    found = [literal(run)[0][3:] for run in runs_in_a_row(history)]
    assert found == [
        (None, DAYS[0]),
        (None, DAYS[0]),
        (1, DAYS[2]),
        (1, DAYS[2]),
        (2, DAYS[4]),
    ]


def test_a_customer_or_an_algorithm_that_is_new_begins_anew() -> None:
    history = [{("kmeans", "a"): 1}, {("kmeans", "b"): 1, ("bisecting_kmeans", "a"): 1}]
    assert literal(runs_in_a_row(history)[1]) == [
        ("kmeans", "b", 1, None, DAYS[1]),
        ("bisecting_kmeans", "a", 1, None, DAYS[1]),
    ]


def test_a_run_of_an_older_version_counts_from_its_own_date() -> None:
    old = pa.table(
        [["a", "b"], ["kmeans"] * 2, pa.array([1, 1], pa.int32()), pa.nulls(2, pa.int32()),
         pa.nulls(2, pa.date32())],
        names=PREVIOUS_COLUMNS,
    )  # fmt: skip
    found = with_tenure(rows({("kmeans", "a"): 1, ("kmeans", "b"): 2}), old, DAYS[3], DAYS[2])
    assert [row[3:] for row in literal(found)] == [(None, DAYS[2]), (1, DAYS[3])]


def oracle(history: Sequence[Segments], at: int) -> dict[tuple[str, str], tuple[int | None, date]]:
    """Looked up in all runs: back to where the segment is another one, or none."""
    found = {}
    for key, segment in history[at].items():
        first = at
        while first and history[first - 1].get(key) == segment:
            first -= 1
        found[key] = (history[first - 1].get(key) if first else None, DAYS[first])
    return found


def test_any_history_has_what_looking_back_through_all_runs_has() -> None:
    random = Random(9)
    for _ in range(30):
        keys = [(a, f"c{n}") for a in ("kmeans", "bisecting_kmeans") for n in range(12)]
        history = [
            {k: random.randint(1, 3) for k in random.sample(keys, random.randint(0, len(keys)))}
            for _ in DAYS
        ]
        for at, run in enumerate(runs_in_a_row(history)):
            made = {
                (r["algorithm"], r["customer_id"]): (r["previous_segment_id"], r["segment_since"])
                for r in run.to_pylist()
            }
            assert made == oracle(history, at)
