"""Copies of events, and equal records that are events of their own."""

import numpy as np
import polars as pl
import pytest

from custseg_spark.core.events.copies import ids_of_copies, repeated


def halves(*ids: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    high, low = zip(*ids, strict=True) if ids else ((), ())
    return np.array(high, np.uint64), np.array(low, np.uint64)


def test_a_row_is_repeated_where_both_halves_of_its_id_were_there_before() -> None:
    high, low = halves((5, 1), (7, 1), (5, 2), (5, 1), (2**64 - 1, 0), (5, 1), (2**64 - 1, 0))
    assert repeated(high, low).tolist() == [False, False, False, True, False, True, True]


def test_nothing_is_repeated_in_nothing() -> None:
    assert repeated(*halves()).tolist() == []


@pytest.mark.parametrize("seed", range(20))
def test_copies_are_those_of_plain_python(seed: int) -> None:
    chance = np.random.default_rng(seed)
    high, low = (chance.integers(0, 12, 100).astype(np.uint64) for _ in range(2))
    pairs = list(zip(high.tolist(), low.tolist(), strict=True))
    assert repeated(high, low).tolist() == [pair in pairs[:n] for n, pair in enumerate(pairs)]


def test_a_kept_copy_has_an_id_by_its_number() -> None:
    first = "0123456789abcdef0123456789abcdef"
    found = ids_of_copies(pl.Series([first, first]), pl.Series([2, 3]))
    # printf '0123456789abcdef0123456789abcdef 2' | md5sum
    assert found.to_list() == [
        "24f3ecdeac5c6106199d8aa70a520e59",
        "9fbd13fcac66a996e587cd86ccf6d54a",
    ]
