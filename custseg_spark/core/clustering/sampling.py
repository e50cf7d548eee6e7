"""Which customers a model learns from: a hash of the id, and a bar of events."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import polars_hash as plh
import pyarrow as pa

HASH_STEPS = 1_000_000
# Spark's `xxhash64` begins with it.
_SPARK_SEED = 42


@dataclass(frozen=True)
class InformedBar:
    """Customers with `events` events or more are informed; `customers` of them there are."""

    events: int
    customers: int


def hash_steps(customer_ids: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Each customer's place from 0 to a million: Spark's pmod(xxhash64(customer_id), 1000000)."""
    ids = pl.DataFrame({"id": pl.Series(customer_ids, dtype=pl.String)})
    hashed = ids.select(plh.col("id").nchash.xxhash64(seed=_SPARK_SEED))["id"]
    signed = hashed.to_numpy().view(np.int64)
    return np.asarray(np.remainder(signed, HASH_STEPS))


def sampled_steps(size: int, total: int) -> int:
    """How many of the million places hold about `size` of `total` customers; at least one."""
    return max(1, round(min(1.0, size / max(total, 1)) * HASH_STEPS))


def in_sample(customer_ids: pa.ChunkedArray | pa.Array, size: int, total: int) -> np.ndarray:
    """Whether each customer is among about `size` of `total` (all of them, if size suffices)."""
    return np.asarray(hash_steps(customer_ids) < sampled_steps(size, total))


def activity_histogram(event_counts: np.ndarray, bars: int) -> np.ndarray:
    """How many customers have 0, 1, … events; the last of `bars` + 1 counts holds all beyond."""
    return np.bincount(np.clip(event_counts, 0, bars).astype(np.intp), minlength=bars + 1)


def informed_bar(histogram: np.ndarray, share: float, customers: int) -> InformedBar:
    """Lower the bar from the histogram's last until enough customers reach it.

    Enough are `share` of all and at least `customers`. Ratios over a handful of events are noise;
    most of a log's customers have no more, and they would teach the model that noise.
    """
    reached = np.cumsum(histogram[::-1])[::-1]
    total = int(reached[0])
    enough = min(total, max(customers, share * total))
    bars = range(1, len(histogram))
    bar = max((b for b in bars if reached[b] >= enough), default=1)
    return InformedBar(bar, int(reached[bar]) if bar > 1 else total)
