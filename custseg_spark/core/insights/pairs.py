"""Products that a segment's customers own together with a given one.

Only a segment's leading products are counted, with partners that enough of its customers own. So
the number of pairs is bounded by lists times catalogue, and the counts are exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from custseg_spark.core.insights.affinity import Rules, with_lift
from custseg_spark.core.insights.purchases import PRODUCT, SEGMENT, in_segments, owned

_PAIR = (*SEGMENT, "key", "partner")
_COUNTS = pl.Schema(
    {
        "algorithm": pl.String(),
        "segment_id": pl.Int32(),
        "key": pl.Int64(),
        "partner": pl.Int64(),
        "customers": pl.Int64(),
    }
)


@dataclass(frozen=True)
class Sought:
    """The `anchors` by algorithm and segment, and the `partners` that they may have (`key`)."""

    anchors: pl.DataFrame
    partners: pl.DataFrame


def sought(counts: pl.DataFrame, leading: pl.DataFrame, rules: Rules) -> Sought:
    """Return the pairs to count: enough customers of the segment must own a partner."""
    is_product = pl.col("kind") == PRODUCT
    anchors = leading.filter(is_product).select(*SEGMENT, "key")
    enough = counts.filter(is_product & (pl.col("customers") >= rules.min_customers))
    partners = enough.select(*SEGMENT, "key").join(anchors.select(SEGMENT).unique(), on=SEGMENT)
    return Sought(anchors, partners)


def pair_counts(parts: pa.Table, labels: pa.Table, basis: str, sought: Sought) -> pl.DataFrame:
    """Count a bucket's customers who own both products of a pair, by segment."""
    rows = in_segments(owned(parts, basis, (PRODUCT,)), labels).drop("kind")
    rows = rows.with_columns(pl.col("algorithm").cast(pl.String))
    anchors = rows.join(sought.anchors, on=[*SEGMENT, "key"])
    partners = rows.join(sought.partners, on=[*SEGMENT, "key"]).rename({"key": "partner"})
    both = anchors.join(partners, on=[*SEGMENT, "customer_id"])
    apart = both.filter(pl.col("key") != pl.col("partner"))
    return apart.group_by(_PAIR).agg(pl.len().alias("customers")).select(*_COUNTS).cast(_COUNTS)


def added_pairs(buckets: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add up the pairs of buckets."""
    frames = [pl.DataFrame(schema=_COUNTS), *buckets]
    return pl.concat(frames).group_by(_PAIR).agg(pl.col("customers").sum())


def partners(pairs: pl.DataFrame, counts: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Return one row per pair with enough owners that is owned together more often than by chance.

    `support` is the share of the product's owners in the segment who own the partner, too; its lift
    is against all buyers of the segment.
    """
    is_product = pl.col("kind") == PRODUCT
    owners = counts.filter(is_product).select(*SEGMENT, "key", owners="customers")
    buyers = counts.filter(pl.col("kind").is_null()).select(*SEGMENT, buyers="customers")
    rows = (
        pairs.filter(pl.col("customers") >= rules.min_customers)
        .join(owners, on=[*SEGMENT, "key"])
        .join(
            owners.rename({"key": "partner", "owners": "partner_owners"}), on=[*SEGMENT, "partner"]
        )
        .join(buyers, on=SEGMENT)
    )
    return with_lift(rows, "customers", "owners", "partner_owners", "buyers", rules)
