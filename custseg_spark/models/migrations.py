"""Who went where between two runs: one join and one aggregation, counts on the driver."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_MONEY = "decimal(38,4)"


@dataclass(frozen=True)
class Cell:
    """The customers of one cluster who came from one previous segment, and their revenue.

    `cluster` is None for customers who are gone (no event before the run date any more, as after
    a deletion), `previous_segment_id` for those who joined. The revenue is what they have spent
    up to the run date; of those gone, up to the previous one.
    """

    algorithm: str
    cluster: int | None
    previous_segment_id: int | None
    customers: int
    revenue: Decimal


def crosstab(current: DataFrame, previous: DataFrame, labels: Mapping[str, str]) -> list[Cell]:
    """The cells of each algorithm in an order of their own; at most (k + 1) x (k + 1) each.

    `current` has a row a customer with `customer_id`, `monetary` and the columns of `labels`
    (column to algorithm); `previous` has a row a customer and algorithm with `segment_id` and
    `monetary`. Other algorithms of `previous` are passed over.
    """
    clusters = F.array(
        *[
            F.struct(
                F.lit(algorithm).alias("algorithm"), F.col(column).cast("int").alias("cluster")
            )
            for column, algorithm in labels.items()
        ]
    )
    now = current.select("customer_id", "monetary", F.inline(clusters))
    before = previous.where(F.col("algorithm").isin(list(labels.values()))).select(
        "customer_id",
        "algorithm",
        F.col("segment_id").alias("previous_segment_id"),
        F.col("monetary").alias("previous_monetary"),
    )
    spent = F.coalesce("monetary", "previous_monetary").cast(_MONEY)
    rows = (
        now.join(before, ["customer_id", "algorithm"], how="full")
        .groupBy("algorithm", "cluster", "previous_segment_id")
        .agg(F.count("*").alias("customers"), F.sum(spent).cast(_MONEY).alias("revenue"))
        .collect()
    )
    cells = [Cell(r.algorithm, r.cluster, r[2], r.customers, r.revenue or Decimal(0)) for r in rows]
    return sorted(cells, key=_order)


def overlap_matrix(cells: Iterable[Cell], clusters: int, previous_ids: Sequence[int]) -> np.ndarray:
    """Clusters x previous segments: the customers of both runs, from one algorithm's cells."""
    columns = {segment: column for column, segment in enumerate(previous_ids)}
    counts = np.zeros((clusters, len(previous_ids)), dtype=np.int64)
    for cell in cells:
        if cell.cluster is not None and cell.previous_segment_id is not None:
            counts[cell.cluster, columns[cell.previous_segment_id]] += cell.customers
    return counts


def migration_rows(
    cells: Iterable[Cell],
    segment_ids: Mapping[str, Sequence[int]],
    run_date: date,
    previous_run_date: date,
) -> list[tuple[object, ...]]:
    """Rows of `segment_migrations`; `segment_ids` holds those of an algorithm's clusters."""
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
    """By algorithm, from and to: who joined first, who is gone last."""
    return cell.algorithm, _none_first(cell.previous_segment_id), _none_last(cell.cluster)


def _none_first(value: int | None) -> tuple[bool, int]:
    return value is not None, value or 0


def _none_last(value: int | None) -> tuple[bool, int]:
    return value is None, value or 0
