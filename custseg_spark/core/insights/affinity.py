"""Count the owners of products, categories and brands by segment, and rank them by lift.

A customer counts once for a product, however often it was bought. Counts add up over buckets of
customers, so that the result is exact and the same for any buckets. Products are named later: here
a product is the key of its id.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from custseg_spark.core.insights.lift import lifts
from custseg_spark.core.insights.purchases import (
    KINDS,
    PRODUCT,
    SEGMENT,
    in_segments,
    owned,
)

_KEYS = (*SEGMENT, "kind", "key")
_COUNTS = pl.Schema(
    {
        "algorithm": pl.String(),
        "segment_id": pl.Int32(),
        "kind": pl.Enum(KINDS),
        "key": pl.Int64(),
        "customers": pl.Int64(),
    }
)


@dataclass(frozen=True)
class Rules:
    """The rules of a list: the most rows, the fewest owners, the confidence of the interval."""

    top: int
    min_customers: int
    confidence: float


def counts(parts: pa.Table, labels: pa.Table, basis: str) -> pl.DataFrame:
    """Count a bucket's customers by algorithm, segment, kind and key.

    Rows without a kind count the segment's owners of anything: its `buyers`.
    """
    rows = in_segments(owned(parts, basis), labels)
    of_keys = rows.group_by(_KEYS).agg(pl.len().alias("customers"))
    buyers = rows.filter(pl.col("kind") == PRODUCT).select(*SEGMENT, "customer_id").unique()
    of_anything = buyers.group_by(SEGMENT).agg(pl.len().alias("customers"))
    return pl.concat([of_keys, of_anything], how="diagonal").select(*_COUNTS).cast(_COUNTS)


def added(buckets: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add up counts of buckets."""
    frames = [pl.DataFrame(schema=_COUNTS), *buckets]
    return pl.concat(frames).group_by(_KEYS).agg(pl.col("customers").sum())


def affinities(counts: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Return one row per segment, kind and key with enough owners and a lift above 1.

    Columns beside the keys: `customers` (owners in the segment), `segment_buyers`, `support` (their
    share), `all_customers` and `all_buyers` (of everybody), `lift`, `lift_low`, `lift_high`.
    """
    is_buyers = pl.col("kind").is_null()
    buyers = counts.filter(is_buyers).select(*SEGMENT, segment_buyers="customers")
    totals = buyers.group_by("algorithm").agg(all_buyers=pl.col("segment_buyers").sum())
    owners = counts.filter(~is_buyers)
    everybody = owners.group_by("algorithm", "kind", "key").agg(
        all_customers=pl.col("customers").sum()
    )
    rows = (
        owners.filter(pl.col("customers") >= rules.min_customers)
        .join(buyers, on=SEGMENT)
        .join(totals, on="algorithm")
        .join(everybody, on=["algorithm", "kind", "key"])
    )
    return with_lift(rows, "customers", "segment_buyers", "all_customers", "all_buyers", rules)


def with_lift(
    rows: pl.DataFrame, part: str, of: str, all_part: str, all_of: str, rules: Rules
) -> pl.DataFrame:
    """Add `support` (part / of) and its lift against all; keep the rows whose lift is above 1."""
    x, n, both, total = (rows[name].to_numpy() for name in (part, of, all_part, all_of))
    lift = lifts(x, n, both - x, total - n, rules.confidence)
    with_lifts = rows.with_columns(
        (pl.col(part) / pl.col(of)).alias("support"),
        pl.Series("lift", lift.lift, pl.Float64),
        pl.Series("lift_low", lift.low, pl.Float64),
        pl.Series("lift_high", lift.high, pl.Float64),
    )
    # By whole numbers: a lift of 1 may be 1.0000000000000002 as a double.
    return with_lifts.filter(pl.col(part) * pl.col(all_of) > pl.col(all_part) * pl.col(of))


def leading(rows: pl.DataFrame, over: list[str], most: int) -> pl.DataFrame:
    """Keep the rows that may be among the first `most` by the lift's lower end.

    Ties stay: ids break them, and aren't known yet.
    """
    rank = pl.col("lift_low").rank("min", descending=True).over(over)
    return rows.filter(rank <= most)


def ranked(rows: pl.DataFrame, over: list[str], id_: str, most: int) -> pl.DataFrame:
    """Number the rows of each list from 1 by the lower end of the lift, ties by id; keep `most`."""
    ordered = rows.sort([*over, "lift_low", id_], descending=[*[False] * len(over), True, False])
    numbered = ordered.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(over))
    return numbered.filter(pl.col("rank") <= most)
