"""Sum the memberships of a Gaussian mixture's customers, portion by portion.

Memberships are summed as whole billionths, so that no sum depends on the portions.
"""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from custseg_spark.outputs.report.rows import Memberships, MixedCustomer

ALGORITHM = "gaussian_mixture"
READ = ("algorithm", "customer_id", "segment_id", "memberships")
# Customers without a membership above this share lie between segments.
CLEAR = 0.5
MOST_EXAMPLES = 5
_UNITS = 1_000_000_000
_PAIRS = pa.list_(pa.struct([pa.field("key", pa.int32(), nullable=False), ("value", pa.float64())]))
_SUM, _CUSTOMERS, _BETWEEN, _EXAMPLE = "sum", "customers", "between", "example"
_SCHEMA = {
    "kind": pl.String,
    "segment_id": pl.Int32,
    "member_of": pl.Int32,
    "amount": pl.Int64,
    "customer_id": pl.String,
    "largest": pl.Int64,
}


def portion(bucket: pa.Table) -> pl.DataFrame:
    """Return sums and counts by segment, and the customers with the smallest largest membership."""
    # Depending on its version, Polars reads maps as lists of pairs or as a type of its own.
    place = bucket.column_names.index("memberships")
    pairs = bucket.set_column(place, "memberships", bucket["memberships"].cast(_PAIRS))
    frame = pl.DataFrame(pl.from_arrow(pairs)).filter(pl.col("algorithm") == ALGORITHM)
    if frame.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    member = pl.col("memberships").struct
    each = frame.explode("memberships").select(
        "customer_id",
        "segment_id",
        member.field("key").alias("member_of"),
        (member.field("value") * _UNITS).round().cast(pl.Int64).alias("amount"),
    )
    each = each.drop_nulls().with_columns(largest=pl.col("amount").max().over("customer_id"))
    return pl.concat([*_sums(each), _examples(each)])


def memberships(portions: Sequence[pl.DataFrame]) -> Memberships | None:
    """Return the sums of all portions; None if no customer has a membership."""
    rows = pl.concat([pl.DataFrame(schema=_SCHEMA), *portions])
    if rows.is_empty():
        return None
    added = rows.filter(pl.col("kind") != _EXAMPLE)
    sums = {
        (kind, segment_id, of): amount
        for kind, segment_id, of, amount in added.group_by("kind", "segment_id", "member_of")
        .agg(pl.col("amount").sum())
        .iter_rows()
    }
    customers = {segment_id: n for (kind, segment_id, _), n in sums.items() if kind == _CUSTOMERS}
    return Memberships(
        customers=customers,
        between={segment_id: sums.get((_BETWEEN, segment_id, None), 0) for segment_id in customers},
        means={
            (segment_id, of): amount / _UNITS / customers[segment_id]
            for (kind, segment_id, of), amount in sorted(sums.items(), key=str)
            if kind == _SUM
        },
        examples=_mixed(_least_clear(rows.filter(pl.col("kind") == _EXAMPLE))),
    )


def _sums(each: pl.DataFrame) -> list[pl.DataFrame]:
    people = each.unique("customer_id")
    is_between = pl.col("largest") <= CLEAR * _UNITS
    sums = each.group_by("segment_id", "member_of").agg(pl.col("amount").sum())
    counts = people.group_by("segment_id").agg(pl.len().alias("amount"))
    between = people.filter(is_between).group_by("segment_id").agg(pl.len().alias("amount"))
    return [_as(sums, _SUM), _as(counts, _CUSTOMERS), _as(between, _BETWEEN)]


def _examples(each: pl.DataFrame) -> pl.DataFrame:
    return _as(_least_clear(each), _EXAMPLE)


def _least_clear(each: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a few customers: the smallest largest membership first, then by id.

    One customer for each whole percent: far from all segments, many have equal memberships.
    """
    customers = each.select("customer_id", "largest").unique().sort("largest", "customer_id")
    percents = customers.with_columns(percent=pl.col("largest") // (_UNITS // 100))
    chosen = percents.unique("percent", keep="first", maintain_order=True).head(MOST_EXAMPLES)
    chosen = chosen.drop("percent").with_row_index("rank")
    return each.join(chosen, on=["customer_id", "largest"]).sort("rank", "member_of").drop("rank")


def _as(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    whole = rows.with_columns(kind=pl.lit(kind))
    missing = [name for name in _SCHEMA if name not in whole.columns]
    whole = whole.with_columns(pl.lit(None).alias(name) for name in missing)
    return whole.select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items())


def _mixed(rows: pl.DataFrame) -> list[MixedCustomer]:
    customers: dict[str, tuple[int, list[tuple[int, float]]]] = {}
    for row in rows.iter_rows(named=True):
        _, parts = customers.setdefault(row["customer_id"], (row["segment_id"], []))
        parts.append((row["member_of"], row["amount"] / _UNITS))
    return [
        MixedCustomer(segment_id, sorted(parts, key=lambda part: (-part[1], part[0])))
        for segment_id, parts in customers.values()
    ]
