"""Keys of ids (64 bits), and the bucket of customers that a row belongs to.

A key is the XXH64 of the id's UTF-8 bytes with seed 42 as a signed number, equal to Spark's
xxhash64 of a string. Distinct ids are counted by their keys: with 100,000 products the chance that
two share a key is below one in three billion.
"""

import numpy as np
import numpy.typing as npt
import polars as pl
import polars_hash as plh

SEED = 42
BUCKETS = 1 << 16


def text_hash(column: str, seed: int = SEED) -> pl.Expr:
    """Hash a column of texts to UInt64 by XXH64; null for null."""
    return plh.col(column).nchash.xxhash64(seed=seed)


def text_key(column: str, seed: int = SEED) -> pl.Expr:
    """Hash a column of texts to Int64 by XXH64; null for null."""
    return text_hash(column, seed).reinterpret(signed=True)


def customer_bucket(ids: pl.Series) -> pl.Series:
    """Return the bucket of each customer id, UInt16: the highest 16 bits of its hash."""
    hashes = ids.to_frame("id").select(text_hash("id")).to_series()
    return bucket_of_hash(hashes).rename(ids.name)


def bucket_of_hash(hashes: pl.Series) -> pl.Series:
    """Return the highest 16 bits of each UInt64 hash: rows sorted by hash are sorted by bucket."""
    width = pl.lit((1 << 64) // BUCKETS, dtype=pl.UInt64)
    return hashes.to_frame("hash").select((pl.col("hash") // width).cast(pl.UInt16)).to_series()


def group_bounds(groups: int) -> npt.NDArray[np.int64]:
    """Return the first bucket of `groups` nearly equal ranges of buckets, and BUCKETS last."""
    if not 1 <= groups <= BUCKETS:
        raise ValueError(f"{groups} groups of {BUCKETS} buckets")
    return np.arange(groups + 1, dtype=np.int64) * BUCKETS // groups
