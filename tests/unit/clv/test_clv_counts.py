"""Counts of buckets add up to all buyers', however the buckets are cut."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from purchase_logs import AS_OF, BEGIN, buckets_of, parts_of, simulated

from custseg_spark.core.clv.counts import PurchaseCounts, counted, merged, purchase_counts
from custseg_spark.core.clv.histories import split_histories
from custseg_spark.core.sampling import HASH_STEPS, hash_step, sampled_steps

CUTOFF = AS_OF.replace(year=2020, month=12)


def histories_of(rows: list[tuple[int | None, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, dict.fromkeys(("x", "t_x", "age"), pl.Int32), orient="row")


def assert_same(found: PurchaseCounts, expected: PurchaseCounts) -> None:
    assert_frame_equal(found.histories, expected.histories)
    assert_frame_equal(found.held_out, expected.held_out)
    assert_frame_equal(found.spends, expected.spends)


@pytest.fixture(scope="module")
def histories() -> pl.DataFrame:
    return split_histories(parts_of(simulated(3, 400)), as_of=AS_OF, cutoff=CUTOFF)


def test_equal_histories_are_counted_and_old_ones_in_weeks() -> None:
    rows = [(0, 0, 9), (0, 0, 9), (2, 5, 730), (2, 3, 731), (2, 4, 734), (None, None, None)]
    assert counted(histories_of(rows)).rows() == [
        (0, 0, 9, 2),
        (2, 0, 728, 1),
        (2, 5, 730, 1),
        (2, 7, 735, 1),
    ]


def test_counts_tell_buyers_repeat_buyers_and_held_out_purchases() -> None:
    log = [
        ("a", BEGIN, "1"),
        ("a", CUTOFF, "2.5"),
        ("b", BEGIN, "1"),
        ("c", CUTOFF, "1"),
    ]
    split = split_histories(parts_of(log), as_of=AS_OF, cutoff=CUTOFF)
    counts = purchase_counts(split, max_spend_buyers=10)
    assert (counts.buyers, counts.repeat_buyers, counts.spend_share) == (3, 1, 1.0)
    assert counts.histories.rows() == [(0, 0, 90, 1), (0, 0, 365, 1), (1, 275, 365, 1)]
    assert counts.held_out.rows() == [(0, 0, 275, 0, 1), (0, 0, 275, 1, 1)]
    assert counts.spends.select("x", "m", "cut_x", "cut_m").rows() == [(1, 2.5, 0, None)]


@given(
    buckets=st.lists(st.integers(0, 4), min_size=400, max_size=400),
    order=st.permutations(range(5)),
    most=st.sampled_from([1, 20, 100, 1_000]),
)
@settings(max_examples=30, deadline=None)
def test_no_way_of_cutting_and_merging_buckets_changes_a_row(
    histories: pl.DataFrame, buckets: list[int], order: list[int], most: int
) -> None:
    whole = merged([purchase_counts(histories, max_spend_buyers=most)], max_spend_buyers=most)
    parts = [histories.filter(pl.Series(buckets) == number) for number in order]
    counts = [purchase_counts(part, max_spend_buyers=most) for part in parts]
    assert_same(merged(counts, max_spend_buyers=most), whole)
    halves = [merged(half, max_spend_buyers=most) for half in (counts[:2], counts[2:])]
    assert_same(merged(halves, max_spend_buyers=most), whole)


def test_the_sample_of_spends_is_of_the_customers_with_the_lowest_steps(
    histories: pl.DataFrame,
) -> None:
    repeat_buyers = histories.filter(pl.col("x") > 0)
    limit = sampled_steps(60, len(repeat_buyers))
    drawn = repeat_buyers.filter(hash_step("customer_id") < limit)
    spends = purchase_counts(histories, max_spend_buyers=60).spends
    assert sorted(spends["m"]) == sorted(drawn["m"])
    assert 30 < len(spends) < 90
    assert spends["step"].max() < limit < HASH_STEPS


def test_counts_sent_as_one_frame_come_back() -> None:
    for log in (simulated(4, 50), []):
        for bucket in buckets_of(parts_of(log), 3):
            split = split_histories(bucket, as_of=AS_OF, cutoff=CUTOFF)
            counts = purchase_counts(split, max_spend_buyers=10)
            received = pl.DataFrame(pl.from_arrow(counts.frame().to_arrow()))
            assert_same(PurchaseCounts.of_frame(received), counts)
