"""What each customer bought: distinct products, categories and brands, by segment."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

PRODUCT, CATEGORY, BRAND = KINDS = ("product", "category", "brand")
PURCHASES, EVENTS = BASES = ("purchases", "events")

_FIELDS = {PRODUCT: "product_key", CATEGORY: "category_key", BRAND: "brand_key"}
# The columns that `owned` reads of session parts: only the keys of the items.
PART_COLUMNS = ("customer_id", "items." + "+".join([*_FIELDS.values(), "order_key"]))
PRODUCT_COLUMNS = ("customer_id", "items.product_key+order_key")
LABEL_COLUMNS = ("algorithm", "customer_id", "segment_id")
SEGMENT = ("algorithm", "segment_id")


def owned(parts: pa.Table, basis: str, kinds: Sequence[str] = KINDS) -> pl.DataFrame:
    """Return one row per customer and distinct product, category or brand: `customer_id`, `kind`,
    `key`. With the basis `purchases` the customer bought it, with `events` had any event with it.

    `parts` are rows of the table `sessions` with the named kinds' keys in their items.
    """
    rows = _items(parts, basis, kinds)
    distinct = [
        rows.select(
            "customer_id",
            pl.lit(kind, pl.Enum(KINDS)).alias("kind"),
            pl.col(_FIELDS[kind]).alias("key"),
        )
        .drop_nulls("key")
        .unique()
        for kind in kinds
    ]
    return pl.concat(distinct)


def in_segments(owned: pl.DataFrame, labels: pa.Table) -> pl.DataFrame:
    """Return the rows of `owned` once per algorithm, with the customer's segment.

    `labels` are rows of the table `customer_segments`; customers without one are left out.
    """
    segments = pl.DataFrame(pl.from_arrow(labels)).with_columns(
        pl.col("algorithm").cast(pl.Categorical)
    )
    return owned.join(segments, on="customer_id", how="inner")


def _items(parts: pa.Table, basis: str, kinds: Sequence[str]) -> pl.DataFrame:
    """Return one row per item: the customer and the keys, of purchases or of all events."""
    items = parts["items"].combine_chunks()
    entries: pa.StructArray = items.flatten()
    owner = np.repeat(np.arange(len(parts)), items.value_lengths().fill_null(0).to_numpy())
    if basis == PURCHASES:
        is_purchase = entries.field("order_key").is_valid()
        owner = owner[is_purchase.to_numpy(zero_copy_only=False)]
        entries = entries.filter(is_purchase)
    customers = pl.Series(pl.from_arrow(parts["customer_id"])).gather(owner)
    keys = {_FIELDS[k]: pl.Series(pl.from_arrow(entries.field(_FIELDS[k]))) for k in kinds}
    return pl.DataFrame({"customer_id": customers, **keys})
