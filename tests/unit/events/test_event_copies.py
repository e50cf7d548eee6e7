"""Copies of events, and equal records that are events of their own."""

import numpy as np
import polars as pl
import pytest
from event_cases import events_of, mapping

from custseg_spark.core.events.copies import copy_numbers, numbered_copies, repeated
from custseg_spark.core.events.ids import hashed, hex_ids

HEADER = "mobile,date,amount,store"
KEEP = mapping("purchase_history")
ONE, OTHER = "1,2024-03-01,5,", "1,2024-03-01,6,"


def halves(*ids: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    high, low = zip(*ids, strict=True) if ids else ((), ())
    return np.array(high, np.uint64), np.array(low, np.uint64)


def test_a_row_is_repeated_where_both_halves_of_its_id_were_there_before() -> None:
    high, low = halves((5, 1), (7, 1), (5, 2), (5, 1), (2**64 - 1, 0), (5, 1), (2**64 - 1, 0))
    assert repeated(high, low).tolist() == [False, False, False, True, False, True, True]
    assert copy_numbers(high, low).tolist() == [1, 1, 1, 2, 1, 3, 2]


def test_nothing_is_repeated_in_nothing() -> None:
    assert repeated(*halves()).tolist() == []


@pytest.mark.parametrize("seed", range(20))
def test_copies_are_those_of_plain_python(seed: int) -> None:
    chance = np.random.default_rng(seed)
    high, low = (chance.integers(0, 12, 100).astype(np.uint64) for _ in range(2))
    pairs = list(zip(high.tolist(), low.tolist(), strict=True))
    assert copy_numbers(high, low).tolist() == [
        pairs[: n + 1].count(pair) for n, pair in enumerate(pairs)
    ]


def test_equal_records_of_a_file_get_ids_of_their_own() -> None:
    found = events_of(ONE, OTHER, ONE, ONE, by=KEEP, header=HEADER)
    events, high, low = numbered_copies(found.events, found.id_high, found.id_low)
    ids = events["event_id"].to_list()
    first = found.events["event_id"].to_list()
    second = hex_ids(*hashed(pl.Series([f"{first[0]} 2", f"{first[0]} 3"]))).to_list()
    assert ids == [first[0], first[1], *second]
    assert hex_ids(high, low).to_list() == ids
    # Each is an order of its own, and stays one.
    assert events["order_id"].to_list() == ids
    assert events.drop("event_id", "order_id").equals(found.events.drop("event_id", "order_id"))


def test_numbered_copies_leave_given_orders_and_single_records_alone() -> None:
    given = mapping("online_retail", duplicates="keep")
    header = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
    line = "536365,85123A,6,2010-12-01 08:26:00,2.55,17850,UK"
    found = events_of(line, line, by=given, header=header)
    events, *_ = numbered_copies(found.events, found.id_high, found.id_low)
    assert events["order_id"].to_list() == ["536365", "536365"]
    single = events_of(line, by=given, header=header)
    assert numbered_copies(single.events, single.id_high, single.id_low)[0].equals(single.events)
