"""Who went where between two runs, held to plain Python."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from random import Random

import polars as pl
import pytest

from custseg_spark.core.segments.migrations import (
    Cell,
    cells,
    crosstab,
    migration_rows,
    overlap_matrix,
)

ALGORITHMS = ("kmeans", "bisecting_kmeans")
Current = tuple[str, Decimal, int, int]
Previous = tuple[str, str, int, Decimal | None]

MONEY = pl.Decimal(28, 4)


def current_frame(rows: Sequence[Current]) -> pl.DataFrame:
    clusters = dict.fromkeys(ALGORITHMS, pl.Int32)
    return pl.DataFrame(
        rows, {"customer_id": pl.String, "monetary": MONEY, **clusters}, orient="row"
    )


def previous_frames(rows: Sequence[Previous]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The segments of the run before, and what its customers had spent then."""
    schema = {
        "customer_id": pl.String,
        "algorithm": pl.String,
        "segment_id": pl.Int32,
        "monetary": MONEY,
    }
    frame = pl.DataFrame(rows, schema, orient="row")
    return frame.drop("monetary"), frame.select("customer_id", "monetary").unique()


def cells_of(
    current: Sequence[Current], previous: Sequence[Previous], buckets: int = 1
) -> list[Cell]:
    """The cells of the customers of each bucket together."""
    now, (segments, spent) = current_frame(current), previous_frames(previous)
    bucket = pl.col("customer_id").str.len_bytes() % buckets
    parts = [[f.filter(bucket == n) for f in (now, segments, spent)] for n in range(buckets)]
    return cells(pl.concat(crosstab(*part) for part in parts))


def oracle(current: Sequence[Current], previous: Sequence[Previous]) -> list[Cell]:
    """The same by dictionaries, in the order of algorithm, from (none first), to (none last)."""
    count: dict[tuple[str, int | None, int | None], int] = defaultdict(int)
    revenue: dict[tuple[str, int | None, int | None], Decimal] = defaultdict(Decimal)
    for position, algorithm in enumerate(ALGORITHMS):
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
    spent = {c: Decimal(random.randint(0, 9_999)) / 100 for c in everybody}
    previous = [
        (c, a, random.randint(1, 5), spent[c])
        for c in everybody
        if random.random() > share
        for a in (*ALGORITHMS, "gaussian_mixture")
    ]
    return current, previous


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("buckets", [1, 3])
def test_cells_are_those_of_plain_python(seed: int, buckets: int) -> None:
    current, previous = rows_of(seed)
    counted = cells_of(current, previous, buckets)
    assert counted == oracle(current, previous)

    for algorithm in ALGORITHMS:
        own = [cell for cell in counted if cell.algorithm == algorithm]
        before = {c for c, a, _, _ in previous if a == algorithm}
        gone = before - {row[0] for row in current}
        assert sum(cell.customers for cell in own) == len(current) + len(gone)
        assert sum(c.customers for c in own if c.cluster is not None) == len(current)
        assert sum(c.customers for c in own if c.previous_segment_id is not None) == len(before)
        assert sum(c.revenue for c in own if c.cluster is not None) == sum(r[1] for r in current)


def test_customers_who_are_gone_keep_their_earlier_revenue() -> None:
    previous = [
        ("a", "kmeans", 3, Decimal("7.25")),
        ("gone", "kmeans", 3, Decimal("99.99")),
        ("unknown", "kmeans", 3, None),
    ]
    counted = cells_of([("a", Decimal("10.5"), 0, 2), ("b", Decimal("0"), 1, 2)], previous)
    assert [cell for cell in counted if cell.algorithm == "kmeans"] == [
        Cell("kmeans", 1, None, 1, Decimal("0")),
        Cell("kmeans", 0, 3, 1, Decimal("10.5")),
        Cell("kmeans", None, 3, 2, Decimal("99.99")),
    ]


def test_revenue_beyond_64_bits_is_added_exactly() -> None:
    rich = Decimal("99999999999999999999.9999")
    current = [(f"c{n}", rich, 0, 0) for n in range(3)]
    assert {cell.revenue for cell in cells_of(current, [])} == {3 * rich}


CELLS = [
    Cell("kmeans", 1, None, 4, Decimal("4")),
    Cell("kmeans", 0, 3, 5, Decimal("5")),
    Cell("kmeans", 1, 3, 6, Decimal("6")),
    Cell("kmeans", 1, 7, 2, Decimal("2")),
    Cell("kmeans", None, 7, 9, Decimal("9")),
]


def test_the_overlap_counts_customers_of_both_runs() -> None:
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
