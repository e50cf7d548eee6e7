"""Limits for trial runs: a part of the customers, complete and always the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import polars as pl
import polars_hash as plh
import pyarrow as pa

from custseg_spark.config.settings import RunConfig
from custseg_spark.core.sampling import HASH_STEPS, hash_step
from custseg_spark.engine.partitions import Portions
from custseg_spark.errors import ConfigurationError

R = TypeVar("R")

_FINE_STEPS = 1_000
# Another hash than that of the models' samples: by the same hash, a sample would take all customers
# of the trial.
_SEED = int(
    pl.DataFrame({"word": ["trial"]}).select(plh.col("word").nchash.xxhash64(seed=42)).item()
)


@dataclass(frozen=True)
class Limited(Generic[R]):
    """A kernel over the rows of a trial's customers."""

    kernel: Callable[[pa.Table], R]
    below: int

    def __call__(self, rows: pa.Table) -> R:
        if self.below < HASH_STEPS:
            rows = rows.filter(pa.array(_steps(rows) < self.below))
        return self.kernel(rows)


def steps_left(parts: Portions, config: RunConfig) -> int:
    """Return how many of a million steps of the hash a trial keeps.

    Customers are ordered by a hash of their ids. `sample_fraction` takes the first part of them.
    `max_rows` takes as many thousandths of the customers as together have at most that many events
    before the run date. Raises ConfigurationError if the first thousandth has more.
    """
    below = round(config.sample_fraction * HASH_STEPS)
    if config.max_rows is not None:
        below = min(below, _steps_within(parts, config.max_rows))
    return below


def _steps(rows: pa.Table) -> np.ndarray:
    ids = pl.DataFrame({"id": pl.Series(rows["customer_id"], dtype=pl.String)})
    return ids.select(hash_step("id", seed=_SEED)).to_series().to_numpy()


def _events_by_thousandth(rows: pa.Table) -> np.ndarray:
    thousandths = _steps(rows) // _FINE_STEPS
    counts = np.zeros(HASH_STEPS // _FINE_STEPS, np.int64)
    np.add.at(counts, thousandths, rows["event_count"].to_numpy())
    return counts


def _steps_within(parts: Portions, max_rows: int) -> int:
    histograms = parts.map(_events_by_thousandth, ["customer_id", "event_count"])
    events = np.asarray(np.sum(histograms, axis=0, dtype=np.int64))
    filled = np.flatnonzero(events)
    if len(filled) and events[filled[0]] > max_rows:
        raise ConfigurationError(
            f"run.max_rows = {max_rows}: expected at least {events[filled[0]]}, the events of the"
            " first thousandth of the customers"
        )
    beyond = np.flatnonzero(np.cumsum(events) > max_rows)
    return int(beyond[0]) * _FINE_STEPS if len(beyond) else HASH_STEPS
