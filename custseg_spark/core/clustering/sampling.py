"""Choose the customers that a model learns from: a hash of the id, and a minimum of events."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from custseg_spark.core.sampling import hash_step, sampled_steps


@dataclass(frozen=True)
class InformedBar:
    """The `customers` customers with at least `events` events are informed."""

    events: int
    customers: int


def hash_steps(customer_ids: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Return each customer's position from 0 to a million."""
    ids = pl.DataFrame({"id": pl.Series(customer_ids, dtype=pl.String)})
    return ids.select(hash_step("id")).to_series().to_numpy()


def in_sample(customer_ids: pa.ChunkedArray | pa.Array, size: int, total: int) -> np.ndarray:
    """Whether each customer is among about `size` of `total` (all of them, if size suffices)."""
    return np.asarray(hash_steps(customer_ids) < sampled_steps(size, total))


def activity_histogram(event_counts: np.ndarray, bars: int) -> np.ndarray:
    """Count the customers with 0, 1, … events; the last of `bars` + 1 counts holds all beyond."""
    return np.bincount(np.clip(event_counts, 0, bars).astype(np.intp), minlength=bars + 1)


def informed_bar(histogram: np.ndarray, share: float, customers: int) -> InformedBar:
    """Lower the bar from the histogram's last number until enough customers reach it.

    Enough means `share` of all, and at least `customers`. Ratios over a handful of events are
    noise. Most customers of a log have no more, and would teach the model that noise.
    """
    reached = np.cumsum(histogram[::-1])[::-1]
    total = int(reached[0])
    enough = min(total, max(customers, share * total))
    bars = range(1, len(histogram))
    bar = max((b for b in bars if reached[b] >= enough), default=1)
    return InformedBar(bar, int(reached[bar]) if bar > 1 else total)
