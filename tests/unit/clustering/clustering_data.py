"""Customers for the clustering tests: features in buckets, and a space over them."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa

from custseg_spark.core.clustering.buckets import LocalBuckets
from custseg_spark.core.clustering.preparation import Preparation, PreparedFeature
from custseg_spark.core.clustering.scaling import FeatureSpace, Scaler

NAMES = ("monetary", "visits", "share", "age")


@dataclass(frozen=True)
class Feature:
    """A feature as the registry describes it."""

    name: str
    log1p: bool = False
    null: str = "zero"
    sqrt: bool = False
    rate: bool = False


REGISTRY = (
    Feature("monetary", log1p=True),
    Feature("visits", log1p=True),
    Feature("share", rate=True),
    Feature("age", null="median"),
)
PLAIN = FeatureSpace(
    Preparation(tuple(PreparedFeature(n, 0.5, "none", -np.inf, np.inf) for n in NAMES), {}),
    Scaler(np.array([0.01, 0.5, 2.0, 1.0])),
)


def customers(n: int, groups: int = 3, seed: int = 1) -> pa.Table:
    """`n` customers by id, of well separated groups, some without an age."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, n)
    cents = rng.integers(0, 10_000, n) + 1_000_000 * group
    age = rng.normal(40 + 20 * group, 2)
    return pa.table(
        {
            "customer_id": [f"c{i:06d}" for i in range(n)],
            "monetary": pa.array([Decimal(int(c)) / 100 for c in cents], pa.decimal128(28, 4)),
            "visits": pa.array(rng.poisson(3 + 40 * group), pa.int64()),
            "share": rng.random(n),
            "age": pa.array(age, mask=rng.random(n) < 0.1),
            "event_count": pa.array(1 + rng.poisson(20, n), pa.int64()),
            "rfm_r": pa.array(rng.integers(0, 6, n), pa.int8()),
            "rfm_f": pa.array(rng.integers(0, 6, n), pa.int32()),
            "rfm_m": pa.array(rng.integers(0, 6, n), pa.int32()),
            "rfm_group": pa.array(rng.choice(["Loyal", "New"], n)),
        }
    )


def in_buckets(table: pa.Table, *ends: int) -> LocalBuckets:
    """The table cut at these rows; some buckets may be empty."""
    places = [0, *ends, table.num_rows]
    cuts = pairwise(places)
    return LocalBuckets([table.slice(start, end - start) for start, end in cuts])


def raw(table: pa.Table, *names: str) -> dict[str, np.ndarray]:
    """Columns as doubles, NaN for null."""
    return {
        n: np.array([np.nan if v is None else float(v) for v in table[n].to_pylist()])
        for n in names
    }
