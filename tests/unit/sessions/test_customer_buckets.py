"""Buckets of customers, and the hash that they are made of."""

import itertools

import polars as pl
import pytest
import session_oracle

from custseg_spark.core.sessions.buckets import BUCKETS, customer_bucket, group_bounds, text_key

IDS = ["", "a", "12345678", "0123456789abcdef", "ü" * 20, "x" * 100]


def test_a_key_is_the_hash_that_spark_makes_of_a_string() -> None:
    # select xxhash64('Spark'), xxhash64('')
    keys = pl.DataFrame({"id": ["Spark", "", None]}).select(text_key("id")).to_series()
    assert keys.to_list() == [-4294468057691064905, -7444071767201028348, None]


def test_keys_are_xxh64_of_any_length() -> None:
    keys = pl.DataFrame({"id": IDS}).select(text_key("id")).to_series()
    assert keys.to_list() == [session_oracle.key(text) for text in IDS]


def test_a_bucket_is_the_highest_bits_of_the_hash() -> None:
    buckets = customer_bucket(pl.Series("customer_id", IDS))
    assert buckets.dtype == pl.UInt16
    assert buckets.to_list() == [session_oracle.bucket(text) for text in IDS]


@pytest.mark.parametrize("groups", [1, 7, 256, BUCKETS])
def test_groups_cover_all_buckets_nearly_equally(groups: int) -> None:
    bounds = group_bounds(groups).tolist()
    sizes = {after - before for before, after in itertools.pairwise(bounds)}
    assert (bounds[0], bounds[-1], len(bounds)) == (0, BUCKETS, groups + 1)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("groups", [0, BUCKETS + 1])
def test_as_many_groups_as_there_are_buckets_at_most(groups: int) -> None:
    with pytest.raises(ValueError, match="groups"):
        group_bounds(groups)
