"""Gap sessions over midnight, and which dates late events change."""

import random
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
import session_oracle
from late_sessions import BASE, LATE, REBUILT
from session_events import Event, by_date, event, frame, gap, random_events, rows_by_session

from custseg_spark.core.sessions.gaps import (
    ExistingDate,
    chain,
    changed_dates,
    edges_of_parts,
    gap_edges,
    tails_of_parts,
)
from custseg_spark.core.sessions.parts import session_parts

PartsByDate = dict[date, pl.DataFrame]

ONE_DAY = timedelta(days=1)


def as_frame(table: Any) -> pl.DataFrame:
    result = pl.from_arrow(table)
    assert isinstance(result, pl.DataFrame)
    return result


def edges_of(days: Mapping[date, list[Event]]) -> dict[date, pl.DataFrame]:
    return {day: gap_edges(frame(own)) for day, own in days.items()}


def built(events: Iterable[Event]) -> PartsByDate:
    """The parts of all dates, built at once."""
    days = by_date(events)
    carried = chain(edges_of(days))
    return {d: as_frame(session_parts(frame(e), carried=carried[d])) for d, e in days.items()}


def rebuilt(before: PartsByDate, events: Iterable[Event], stale: set[date]) -> PartsByDate:
    """The parts of stale dates, and the parts that they change, are built anew."""
    days = by_date(events)
    kept = {day: parts for day, parts in before.items() if day not in stale}
    stale_edges = edges_of({day: days[day] for day in stale})
    existing = {day: ExistingDate.of_parts(parts) for day, parts in kept.items()}
    for day in changed_dates(stale_edges, existing):
        del kept[day]
    earlier = pl.concat([tails_of_parts(parts) for parts in kept.values()]) if kept else None
    dates = [day for day in days if day not in kept]
    carried = chain(edges_of({day: days[day] for day in dates}), earlier)
    new = {d: as_frame(session_parts(frame(days[d]), carried=carried[d])) for d in dates}
    return {**kept, **new}


def counts(parts: PartsByDate) -> list[tuple[str, str, int]]:
    """Each part's day, session and events."""
    return [
        (str(day), row["session_id"], row["event_count"])
        for day, own in sorted(parts.items())
        for row in own.sort("first_event_at").iter_rows(named=True)
    ]


def test_over_midnight_a_session_keeps_its_id_in_two_parts() -> None:
    times = ("2021-02-01 23:50", "2021-02-02 00:20", "2021-02-02 00:51")
    assert counts(built(event("a", at) for at in times)) == [
        ("2021-02-01", gap("2021-02-01 23:50"), 1),
        ("2021-02-02", gap("2021-02-01 23:50"), 1),
        ("2021-02-02", gap("2021-02-02 00:51"), 1),
    ]


def test_30_minutes_to_midnight_are_no_gap_and_a_microsecond_more_is() -> None:
    no_gap = built([event("a", "2021-02-01 23:30"), event("a", "2021-02-02 00:00")])
    a_gap = built([event("a", "2021-02-01 23:29:59.999999"), event("a", "2021-02-02 00:00")])
    assert counts(no_gap)[1] == ("2021-02-02", gap("2021-02-01 23:30"), 1)
    assert counts(a_gap)[1] == ("2021-02-02", gap("2021-02-02 00:00"), 1)


def test_a_session_goes_on_over_several_midnights_and_months() -> None:
    times = [datetime(2021, 2, 26, 23, 55) + timedelta(minutes=25 * n) for n in range(300)]
    parts = built(event("a", str(at)) for at in times)
    assert len(parts) == 7
    assert {session for _, session, _ in counts(parts)} == {gap("2021-02-26 23:55")}


def test_a_day_between_ends_a_session_although_the_times_of_day_would_not() -> None:
    parts = built([event("a", "2021-02-01 23:50"), event("a", "2021-02-03 00:10")])
    assert [session for _, session, _ in counts(parts)] == [
        gap("2021-02-01 23:50"),
        gap("2021-02-03 00:10"),
    ]


def test_dates_before_1970_chain_as_others() -> None:
    parts = built([event("a", "1969-12-30 23:50"), event("a", "1969-12-31 00:10")])
    assert {session for _, session, _ in counts(parts)} == {gap("1969-12-30 23:50")}


def test_edges_are_of_customers_near_midnight() -> None:
    events = [
        event("noon", "2021-02-01 12:00"),
        event("early", "2021-02-01 00:29:59.999999"),
        event("not early", "2021-02-01 00:30"),
        event("late", "2021-02-01 23:30"),
        event("not late", "2021-02-01 23:29:59.999999"),
        event("named", "2021-02-01 23:59", session_id="s"),
    ]
    assert set(gap_edges(frame(events))["customer_id"]) == {"early", "late"}


def dense_events(seed: int) -> list[Event]:
    """Random events, and customers whose sessions last for days, with a gap here or there."""
    rng = random.Random(seed)
    events = random_events(seed, days=8)
    for customer in ("long", "longer"):
        at = datetime(2021, 2, 1) + timedelta(hours=rng.randrange(60))
        for _ in range(rng.randrange(150)):
            at += timedelta(minutes=rng.choice((20, 25, 30, 30, 31 if rng.random() < 0.1 else 29)))
            events.append(event(customer, str(at)))
    return events


# The lane of every change takes some of the random logs.
SEEDS = [*range(5), *(pytest.param(seed, marks=pytest.mark.heavy) for seed in range(5, 25))]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_parts_of_many_days_are_those_of_the_oracle(seed: int) -> None:
    events = dense_events(seed)
    rows = {
        (day, *key): row
        for day, parts in built(events).items()
        for key, row in rows_by_session(parts.to_arrow()).items()
    }
    assert rows == session_oracle.parts_of(events)


@pytest.mark.parametrize("seed", SEEDS)
def test_edges_of_parts_are_those_of_their_events(seed: int) -> None:
    events = dense_events(seed)
    edges = edges_of(by_date(events))
    for day, parts in built(events).items():
        of_parts = edges_of_parts(parts).sort("customer_id")
        assert of_parts.equals(edges[day].sort("customer_id")), day


def changed_in_the_oracle(before: list[Event], after: list[Event]) -> set[date]:
    """Dates without new events whose sessions change with other dates' events."""
    old, new = (session_oracle.session_of_events(events) for events in (before, after))
    untouched = set(by_date(before)) - {e["event_at"].date() for e in after[len(before) :]}
    differ = {key[0] for key in old.keys() ^ new.keys()}
    return untouched & differ


@pytest.mark.parametrize("seed", SEEDS)
def test_late_events_leave_the_parts_that_one_build_of_everything_makes(seed: int) -> None:
    rng = random.Random(-seed - 1)
    events = dense_events(seed)
    rng.shuffle(events)
    # Few late events, so that most dates are kept.
    first_late = max(len(events) - rng.randint(2, 6), 0)
    cuts = [first_late, rng.randint(first_late, len(events) - 1)]
    known = events[: cuts[0]]
    parts = built(known)
    for cut in (*cuts[1:], len(events)):
        now = events[:cut]
        stale = {e["event_at"].date() for e in now[len(known) :]}
        existing = {d: ExistingDate.of_parts(p) for d, p in parts.items() if d not in stale}
        days = by_date(now)
        changed = changed_dates(edges_of({day: days[day] for day in stale}), existing)
        assert set(changed) == changed_in_the_oracle(known, now)
        parts = rebuilt(parts, now, stale)
        at_once = built(now)
        assert parts.keys() == at_once.keys()
        assert all(parts[day].equals(at_once[day]) for day in parts)
        known = now


def log_events(log: Mapping[str, list[str]]) -> list[Event]:
    return [event(customer, at) for customer, times in log.items() for at in times]


def test_only_dates_with_changed_sessions_are_rebuilt() -> None:
    events = log_events(BASE)
    parts = built(events)
    for log, expected in zip(LATE, REBUILT, strict=True):
        late = log_events(log)
        events += late
        stale = {e["event_at"].date() for e in late}
        after = rebuilt(parts, events, stale)
        assert [str(d) for d in sorted(after) if after[d] is not parts.get(d)] == expected
        parts = after
