"""Who went where between two runs, held to plain Python."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from random import Random

import pytest
from custseg_spark.models.migrations import Cell, crosstab, migration_rows, overlap_matrix
from pyspark.sql import DataFrame, SparkSession

LABELS = {"kmeans_k4": "kmeans", "bisecting_k3": "bisecting_kmeans"}
Current = tuple[str, Decimal, int, int]
Previous = tuple[str, str, int, Decimal | None]


def current_frame(spark: SparkSession, rows: Sequence[Current]) -> DataFrame:
    columns = "customer_id string, monetary decimal(28,4), kmeans_k4 int, bisecting_k3 int"
    return spark.createDataFrame(rows, columns)


def previous_frame(spark: SparkSession, rows: Sequence[Previous]) -> DataFrame:
    columns = "customer_id string, algorithm string, segment_id int, monetary decimal(28,4)"
    return spark.createDataFrame(rows, columns)


def oracle(current: Sequence[Current], previous: Sequence[Previous]) -> list[Cell]:
    """The same by dictionaries, in the order of algorithm, from (none first), to (none last)."""
    count: dict[tuple[str, int | None, int | None], int] = defaultdict(int)
    revenue: dict[tuple[str, int | None, int | None], Decimal] = defaultdict(Decimal)
    for position, algorithm in enumerate(LABELS.values()):
        was = {c: (s, m) for c, a, s, m in previous if a == algorithm}
        for row in current:
            key = (algorithm, row[2 + position], was.get(row[0], (None, None))[0])
            count[key] += 1
            revenue[key] += row[1]
        for customer in set(was) - {row[0] for row in current}:
            segment, spent = was[customer]
            count[algorithm, None, segment] += 1
            revenue[algorithm, None, segment] += spent or 0
    order = sorted(count, key=lambda k: (k[0], k[2] or 0, 99 if k[1] is None else k[1]))
    return [Cell(*key, count[key], revenue[key]) for key in order]


def rows_of(seed: int) -> tuple[list[Current], list[Previous]]:
    """Two runs of some customers; some left, some joined, some spent."""
    random = Random(seed)
    everybody = [f"c{i}" for i in range(random.choice([1, 5, 200]))]
    share = random.random()
    current = [
        (c, Decimal(random.randint(-500, 99_999)) / 100, random.randrange(4), random.randrange(3))
        for c in everybody
        if random.random() > share / 2
    ]
    previous = [
        (c, a, random.randint(1, 5), Decimal(random.randint(0, 9_999)) / 100)
        for c in everybody
        if random.random() > share
        for a in (*LABELS.values(), "gaussian_mixture")
    ]
    return current, previous


@pytest.mark.parametrize("seed", range(4))
def test_cells_are_those_of_plain_python(spark: SparkSession, seed: int) -> None:
    current, previous = rows_of(seed)
    cells = crosstab(current_frame(spark, current), previous_frame(spark, previous), LABELS)
    assert cells == oracle(current, previous)

    for algorithm in LABELS.values():
        own = [cell for cell in cells if cell.algorithm == algorithm]
        before = {c for c, a, _, _ in previous if a == algorithm}
        gone = before - {row[0] for row in current}
        assert sum(cell.customers for cell in own) == len(current) + len(gone)
        assert sum(c.customers for c in own if c.cluster is not None) == len(current)
        assert sum(c.customers for c in own if c.previous_segment_id is not None) == len(before)
        assert sum(c.revenue for c in own if c.cluster is not None) == sum(r[1] for r in current)


def test_the_revenue_of_who_is_gone_is_what_it_was(spark: SparkSession) -> None:
    current = current_frame(spark, [("a", Decimal("10.5"), 0, 2), ("b", Decimal("0"), 1, 2)])
    previous = previous_frame(
        spark,
        [
            ("a", "kmeans", 3, Decimal("7.25")),
            ("gone", "kmeans", 3, Decimal("99.99")),
            ("unknown", "kmeans", 3, None),
        ],
    )
    assert crosstab(current, previous, {"kmeans_k4": "kmeans"}) == [
        Cell("kmeans", 1, None, 1, Decimal("0")),
        Cell("kmeans", 0, 3, 1, Decimal("10.5")),
        Cell("kmeans", None, 3, 2, Decimal("99.99")),
    ]


CELLS = [
    Cell("kmeans", 1, None, 4, Decimal("4")),
    Cell("kmeans", 0, 3, 5, Decimal("5")),
    Cell("kmeans", 1, 3, 6, Decimal("6")),
    Cell("kmeans", 1, 7, 2, Decimal("2")),
    Cell("kmeans", None, 7, 9, Decimal("9")),
]


def test_the_overlap_counts_who_is_in_both_runs() -> None:
    assert overlap_matrix(CELLS, 3, [7, 3]).tolist() == [[0, 5], [2, 6], [0, 0]]


def test_rows_say_from_where_to_where_null_for_joined_and_gone() -> None:
    now, before = date(2019, 12, 1), date(2019, 11, 1)
    assert migration_rows(CELLS, {"kmeans": (8, 3)}, now, before) == [
        (now, "kmeans", before, None, 3, 4, Decimal("4")),
        (now, "kmeans", before, 3, 8, 5, Decimal("5")),
        (now, "kmeans", before, 3, 3, 6, Decimal("6")),
        (now, "kmeans", before, 7, 3, 2, Decimal("2")),
        (now, "kmeans", before, 7, None, 9, Decimal("9")),
    ]
