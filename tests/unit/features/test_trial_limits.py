"""A trial's limits: a part of the customers, whole and always the same."""

import numpy as np
import pyarrow as pa
import pytest

from custseg_spark.config.settings import RunConfig
from custseg_spark.core.clustering.buckets import LocalBuckets
from custseg_spark.core.clustering.sampling import hash_steps
from custseg_spark.core.sampling import HASH_STEPS
from custseg_spark.errors import ConfigurationError
from custseg_spark.pipeline.features.trial import Limited, steps_left

CUSTOMERS, PARTS = 3_000, 4
# A row a customer and part of theirs; customer c has c % 5 + 1 events in each.
ROWS = pa.table(
    {
        "customer_id": [f"c{n}" for n in range(CUSTOMERS)] * PARTS,
        "event_count": pa.array([n % 5 + 1 for n in range(CUSTOMERS)] * PARTS, pa.int64()),
    }
)
EVERYBODY = LocalBuckets([ROWS.slice(0, 5_000), ROWS.slice(5_000)])


def left(config: RunConfig, rows: pa.Table = ROWS) -> pa.Table:
    """The rows that a trial leaves."""
    return Limited(lambda kept: kept, steps_left(EVERYBODY, config))(rows)


def customers(rows: pa.Table) -> set[str]:
    return set(rows["customer_id"].to_pylist())


@pytest.mark.parametrize(
    "config", [RunConfig(sample_fraction=0.5), RunConfig(max_rows=18_000)], ids=["share", "rows"]
)
def test_customers_are_taken_whole_and_the_same_in_any_portion(config: RunConfig) -> None:
    taken = left(config)
    assert 0.4 * CUSTOMERS < len(customers(taken)) < 0.6 * CUSTOMERS
    assert taken.num_rows == PARTS * len(customers(taken))
    assert sum(taken["event_count"].to_pylist()) <= (config.max_rows or 10**9)
    assert left(config, ROWS.slice(7)).num_rows == taken.num_rows - sum(
        customer in customers(taken) for customer in ROWS["customer_id"].to_pylist()[:7]
    )


def test_without_limits_everybody_is_left() -> None:
    assert steps_left(EVERYBODY, RunConfig()) == HASH_STEPS
    assert left(RunConfig()).equals(ROWS)
    assert left(RunConfig(max_rows=36_000)).equals(ROWS)


def test_a_larger_trial_adds_customers_and_takes_none_away() -> None:
    small, large = (customers(left(RunConfig(sample_fraction=share))) for share in (0.2, 0.6))
    assert small < large
    both = customers(left(RunConfig(sample_fraction=0.2, max_rows=18_000)))
    assert both == small


def test_a_limit_that_leaves_no_customer_names_the_smallest_possible_one() -> None:
    with pytest.raises(ConfigurationError, match=r"run.max_rows = 1: expected at least \d+, the"):
        steps_left(EVERYBODY, RunConfig(max_rows=1))


def test_a_models_sample_of_a_trial_is_a_sample() -> None:
    ids = pa.array(sorted(customers(left(RunConfig(sample_fraction=0.3)))))
    sampled = np.mean(hash_steps(ids) < HASH_STEPS // 4)
    assert 0.2 < sampled < 0.3
