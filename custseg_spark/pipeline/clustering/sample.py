"""The sample of customers for models, pictures and medians.

Two passes over the buckets: count the customers' events, then read the sampled customers' features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering import sampling
from custseg_spark.core.clustering.buckets import Buckets, nothing, numbers, packed, unpacked
from custseg_spark.core.clustering.preparation import EVIDENCE
from custseg_spark.core.clustering.sampling import InformedBar, hash_steps
from custseg_spark.core.sampling import sampled_steps


@dataclass(frozen=True)
class CustomerSample:
    """Sampled customers by id: `rows` with the features, `steps` with their hash positions.

    There are `total` customers; the sampled ones with `bar` events are informed.
    """

    total: int
    bar: InformedBar
    rows: pa.Table
    steps: np.ndarray

    def everyone(self, size: int) -> pa.Table:
        """Return about `size` of all customers, by id."""
        return self._of(self.steps < sampled_steps(size, self.total))

    def informed(self, size: int) -> pa.Table:
        """Return about `size` of the informed customers, by id."""
        is_drawn = self.steps < sampled_steps(size, self.bar.customers)
        return self._of(is_drawn & (numbers(self.rows[EVIDENCE]) >= self.bar.events))

    def at_most(self, size: int) -> pa.Table:
        """Return about and at most `size` of all customers: the first by their hash, then by id."""
        drawn = np.flatnonzero(self.steps < sampled_steps(size, self.total))
        return self.rows.take(drawn[np.argsort(self.steps[drawn], kind="stable")][:size])

    def _of(self, drawn: np.ndarray) -> pa.Table:
        return self.rows.filter(pa.array(drawn))


def draw(
    buckets: Buckets,
    features: Sequence[str],
    *,
    min_events: int,
    informed_share: float,
    informed_customers: int,
    size: int,
) -> CustomerSample:
    """Draw about `size` of all customers, and as many of the informed, with all their features."""
    histogram = partial(_activity, bars=min_events)
    counts = np.sum(unpacked(buckets.map(histogram, [EVIDENCE])), axis=0)
    bar = sampling.informed_bar(counts, informed_share, informed_customers)
    total = int(counts.sum())
    columns = list(dict.fromkeys(["customer_id", *features, EVIDENCE]))
    kernel = partial(
        _sampled,
        bar=bar.events,
        of_all=sampled_steps(size, total),
        of_informed=sampled_steps(size, bar.customers),
    )
    rows = pa.concat_tables(buckets.map(kernel, columns)).sort_by("customer_id").combine_chunks()
    return CustomerSample(total, bar, rows, hash_steps(rows["customer_id"]))


def _activity(bucket: pa.Table, *, bars: int) -> pa.Table:
    if not bucket.num_rows:
        return nothing()
    histogram = sampling.activity_histogram(numbers(bucket[EVIDENCE]), bars)
    return packed(histogram.astype(float))


def _sampled(bucket: pa.Table, *, bar: int, of_all: int, of_informed: int) -> pa.Table:
    steps = hash_steps(bucket["customer_id"])
    is_informed = numbers(bucket[EVIDENCE]) >= bar
    return bucket.filter(pa.array((steps < of_all) | (is_informed & (steps < of_informed))))
