"""The ids of the keys in lists, and a product's category and brand."""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from custseg_spark.core.insights.purchases import BRAND, CATEGORY, KINDS, PRODUCT, PURCHASES
from custseg_spark.core.sessions.buckets import text_key

NAME_COLUMNS = ("event_type", "product_id", "category_id", "category_code", "brand")
_IDS = {PRODUCT: "product_id", CATEGORY: "category_id", BRAND: "brand"}
# The attributes of each kind beside its id.
_ATTRIBUTES: Mapping[str, Sequence[str]] = {
    PRODUCT: ("category_code", "brand"),
    CATEGORY: ("category_code",),
    BRAND: (),
}
_ROWS = pl.Schema(
    {
        "kind": pl.Enum(KINDS),
        "key": pl.Int64(),
        "id": pl.String(),
        "category_code": pl.String(),
        "brand": pl.String(),
        "events": pl.Int64(),
    }
)


def spellings(events: pl.DataFrame, wanted_keys: pl.DataFrame, basis: str) -> pl.DataFrame:
    """Count a slice's events of the wanted keys by kind, id and attributes."""
    rows = events.filter(event_type="purchase") if basis == PURCHASES else events
    frames = [pl.DataFrame(schema=_ROWS)]
    for kind, id_ in _IDS.items():
        keys = wanted_keys.filter(pl.col("kind") == kind).select("key")
        # Each id is hashed once, not once per event.
        ids = rows.select(pl.col(id_).unique()).drop_nulls()
        matching = ids.with_columns(key=text_key(id_)).join(keys, on="key", how="semi")
        attributes = [name for name in _ATTRIBUTES[kind] if name != id_]
        counted = rows.join(matching, on=id_).group_by(id_, "key", *attributes)
        named = counted.agg(events=pl.len().cast(pl.Int64)).rename({id_: "id"})
        frames.append(named.with_columns(pl.lit(kind, pl.Enum(KINDS)).alias("kind")))
    return pl.concat(frames, how="diagonal")


def named(slices: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return one row per kind and key: its id, and the category code and brand of most of its
    events (ties by their texts, null last).
    """
    keys = ["kind", "key", "id", "category_code", "brand"]
    rows = (
        pl.concat([pl.DataFrame(schema=_ROWS), *slices]).group_by(keys).agg(pl.col("events").sum())
    )
    ordered = rows.sort(
        "kind", "key", "id", "events", "category_code", "brand",
        descending=[False, False, False, True, False, False], nulls_last=True,
    )  # fmt: skip
    return ordered.unique(["kind", "key"], keep="first", maintain_order=True).drop("events")
