"""Count the customers who moved between two runs, by cluster and previous segment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl

# Money has four decimals.
_UNITS = 10_000


@dataclass(frozen=True)
class Cell:
    """The customers of one cluster who came from one previous segment, and their revenue.

    `cluster` is None for customers who are gone (no event before the run date any more, as after a
    deletion). `previous_segment_id` is None for customers who joined. The revenue is their spend up
    to the run date; for customers who are gone, up to the previous run date.
    """

    algorithm: str
    cluster: int | None
    previous_segment_id: int | None
    customers: int
    revenue: Decimal


def crosstab(current: pl.DataFrame, previous: pl.DataFrame, spent: pl.DataFrame) -> pl.DataFrame:
    """Count some customers and their spend, a row per algorithm, cluster and previous segment.

    `current` has `customer_id`, `monetary` and a column of clusters for each algorithm, named after
    it. `previous` has `customer_id`, `algorithm` and `segment_id` of the previous run. `spent` has
    `customer_id` and `monetary` as of the previous run. A customer in one frame must be in the
    other frames too, if it exists there at all. Revenue is in units of 10^-4. Rows of several
    frames add up.
    """
    algorithms = [c for c in current.columns if c not in ("customer_id", "monetary")]
    now = current.unpivot(
        algorithms,
        index=["customer_id", "monetary"],
        variable_name="algorithm",
        value_name="cluster",
    )
    before = (
        previous.filter(pl.col("algorithm").is_in(algorithms))
        .join(spent.rename({"monetary": "previous_monetary"}), on="customer_id")
        .rename({"segment_id": "previous_segment_id"})
    )
    both = now.join(before, on=["customer_id", "algorithm"], how="full", coalesce=True)
    revenue = pl.coalesce("monetary", "previous_monetary").to_physical().cast(pl.Int128)
    return both.group_by("algorithm", "cluster", "previous_segment_id").agg(
        pl.len().cast(pl.Int64).alias("customers"),
        revenue.sum().cast(pl.Decimal(38, 0)).alias("revenue"),
    )


def cells(counts: pl.DataFrame) -> list[Cell]:
    """Return the cells of `crosstab` rows in a fixed order; at most (k + 1) x (k + 1) per
    algorithm.
    """
    keys = ["algorithm", "cluster", "previous_segment_id"]
    merged = counts.group_by(keys).agg(pl.col("customers", "revenue").sum())
    sums = [
        Cell(algorithm, cluster, segment, customers, Decimal(revenue) / _UNITS)
        for algorithm, cluster, segment, customers, revenue in merged.iter_rows()
    ]
    return sorted(sums, key=_order)


def overlap_matrix(cells: Iterable[Cell], clusters: int, previous_ids: Sequence[int]) -> np.ndarray:
    """Count the customers of both runs: clusters x previous segments, of one algorithm.

    Cells of other labels and segments don't count: too little is, or was, known of their customers.
    """
    columns: dict[int | None, int] = {s: column for column, s in enumerate(previous_ids)}
    counts = np.zeros((clusters, len(previous_ids)), dtype=np.int64)
    for cell in cells:
        column = columns.get(cell.previous_segment_id)
        if cell.cluster is not None and cell.cluster < clusters and column is not None:
            counts[cell.cluster, column] += cell.customers
    return counts


def joined_customers(cells: Iterable[Cell], clusters: int) -> list[int]:
    """Count an algorithm's customers by cluster whom the previous run didn't have."""
    counts = [0] * clusters
    for cell in cells:
        is_new = cell.previous_segment_id is None
        if is_new and cell.cluster is not None and cell.cluster < clusters:
            counts[cell.cluster] += cell.customers
    return counts


def migration_rows(
    cells: Iterable[Cell],
    segment_ids: Mapping[str, Sequence[int]],
    run_date: date,
    previous_run_date: date,
) -> list[tuple[object, ...]]:
    """Return rows of `segment_migrations`; `segment_ids` maps each algorithm's clusters to ids."""
    return [
        (
            run_date,
            cell.algorithm,
            previous_run_date,
            cell.previous_segment_id,
            None if cell.cluster is None else segment_ids[cell.algorithm][cell.cluster],
            cell.customers,
            cell.revenue,
        )
        for cell in cells
    ]


def _order(cell: Cell) -> tuple[object, ...]:
    """Sort by algorithm, origin and destination; customers who joined first, those gone last."""
    return cell.algorithm, _none_first(cell.previous_segment_id), _none_last(cell.cluster)


def _none_first(value: int | None) -> tuple[bool, int]:
    return value is not None, value or 0


def _none_last(value: int | None) -> tuple[bool, int]:
    return value is None, value or 0
