"""Which customers are sampled, and how many events make them informed."""

import numpy as np
import pyarrow as pa
import pytest

from custseg_spark.core.clustering.sampling import (
    InformedBar,
    activity_histogram,
    hash_steps,
    in_sample,
    informed_bar,
)


def test_steps_are_sparks() -> None:
    # SELECT pmod(xxhash64(id), 1000000) in Spark 4.2
    steps = hash_steps(pa.array(["a", "513", "Käufer", "", "500000000000000000001"]))
    assert steps.tolist() == [912716, 795591, 355482, 971652, 972833]


def test_a_sample_stays_whatever_its_neighbours_and_grows_with_its_size() -> None:
    ids = pa.array([str(i) for i in range(20_000)])
    small, large = in_sample(ids, 2_000, 20_000), in_sample(ids, 5_000, 20_000)
    assert small.sum() == pytest.approx(2_000, rel=0.1)
    assert (large >= small).all()
    assert in_sample(ids, 30_000, 20_000).all()
    assert (in_sample(ids.slice(77, 5_000), 2_000, 20_000) == small[77:5_077]).all()


def test_no_sample_is_of_no_step_at_all() -> None:
    steps = hash_steps(pa.array([str(i) for i in range(100)]))
    assert (in_sample(pa.array([str(i) for i in range(100)]), 0, 100) == (steps < 1)).all()


def test_the_last_bar_counts_all_customers_beyond() -> None:
    counts = activity_histogram(np.array([1.0, 1.0, 2.0, 3.0, 900.0]), 3)
    assert counts.tolist() == [0, 2, 1, 2]


@pytest.mark.parametrize(
    ("share", "customers", "expected"),
    [
        (0.0, 1, InformedBar(4, 1)),
        (0.1, 2, InformedBar(3, 2)),
        (0.5, 0, InformedBar(2, 5)),
        (0.1, 8, InformedBar(1, 10)),
        (0.1, 1_000, InformedBar(1, 10)),
    ],
)
def test_the_bar_is_lowered_until_enough_reach_it(
    share: float, customers: int, expected: InformedBar
) -> None:
    events = np.array([1.0] * 5 + [2.0] * 3 + [3.0, 4.0])
    assert informed_bar(activity_histogram(events, 4), share, customers) == expected
