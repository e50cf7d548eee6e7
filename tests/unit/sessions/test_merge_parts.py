"""Parts of slices of a date, added up to those of the whole."""

import random
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest
from session_events import ABSURD_PRICES, Event, by_date, event, frame, gap, random_events

from custseg_spark.core.sessions.gap_slices import SliceChain
from custseg_spark.core.sessions.gaps import chain, gap_edges
from custseg_spark.core.sessions.merging import merge_parts
from custseg_spark.core.sessions.parts import session_parts
from custseg_spark.core.sessions.schema import PARTS


def sliced_parts(
    events: list[Event], cuts: list[int], carried: pl.DataFrame | None = None
) -> list[pa.Table]:
    """The parts of each slice of a date."""
    in_time = sorted(events, key=lambda e: e["event_at"])
    gap_sessions = SliceChain(carried)
    tables = []
    for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        part = frame(in_time[start:end])
        tables.append(session_parts(part, carried=gap_sessions.carried_into(part)))
    return tables


def random_cuts(rng: random.Random, events: list[Event]) -> list[int]:
    return sorted(rng.choices(range(len(events)), k=rng.randrange(6)))


@pytest.mark.parametrize("seed", range(25))
def test_merged_slices_equal_the_unsplit_date(seed: int) -> None:
    rng = random.Random(seed)
    days = by_date(random_events(seed, days=2, prices=ABSURD_PRICES))
    carried = chain({day: gap_edges(frame(events)) for day, events in days.items()})
    for day, events in days.items():
        tables = sliced_parts(events, random_cuts(rng, events), carried[day])
        rng.shuffle(tables)
        unsplit = session_parts(frame(events), carried=carried[day])
        assert merge_parts(pa.concat_tables(tables)).equals(unsplit)


def test_a_session_from_the_day_before_may_go_on_in_a_later_slice() -> None:
    early = event("other", "2021-02-02 00:01")
    late = event("a", "2021-02-02 00:15")
    carried = pl.DataFrame({"customer_id": ["a"], "session_id": [gap("2021-02-01 23:50")]})
    _, parts = sliced_parts([early, late], [1], carried)
    assert parts["session_id"].to_pylist() == [gap("2021-02-01 23:50")]


def test_a_session_from_the_day_before_is_carried_once() -> None:
    events = [event("a", "2021-02-02 00:15"), event("a", "2021-02-02 02:00")]
    carried = pl.DataFrame({"customer_id": ["a"], "session_id": [gap("2021-02-01 23:50")]})
    tables = sliced_parts(events, [1], carried)
    assert [table["session_id"].to_pylist() for table in tables] == [
        [gap("2021-02-01 23:50")],
        [gap("2021-02-02 02:00")],
    ]


def test_merging_again_changes_nothing() -> None:
    parts = session_parts(frame(random_events(1, days=1)))
    assert merge_parts(parts).equals(parts)


def test_nothing_merges_to_nothing() -> None:
    assert merge_parts(PARTS.empty_table()).equals(PARTS.empty_table())


def test_squares_that_only_together_have_too_many_digits_are_null() -> None:
    absurd = [event("a", "2021-02-01 10:00", price="99999999999999.9999")]
    one = session_parts(frame(absurd * 60))
    too_many = session_parts(frame(absurd * 101))
    assert one["viewed_price_squares"].null_count == 0
    for parts in ([one, one], [too_many, one], [one] * 9):
        merged = merge_parts(pa.concat_tables(parts))
        assert merged["viewed_price_squares"].to_pylist() == [None]


def test_parts_of_two_slices_become_one_row() -> None:
    before = event("a", "2021-02-01 10:00", "cart", session_id="s", product_id="p2")
    after = event("a", "2021-02-01 11:00", "purchase", "5", session_id="s")
    parts = [session_parts(frame([one])) for one in (after, before)]
    (row,) = merge_parts(pa.concat_tables(parts)).to_pylist()
    assert (row["first_event_at"], row["last_event_at"]) == (before["event_at"], after["event_at"])
    assert row["first_purchase_at"] == row["last_purchase_at"] == after["event_at"]
    assert (row["event_count"], row["cart_count"], row["purchase_count"]) == (2, 1, 1)
    assert (row["purchase_amount"], row["max_viewed_price"]) == (Decimal(5), None)
    assert len(row["items"]) == 2
