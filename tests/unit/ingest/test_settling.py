"""A date's events once all tasks have written: copies left out, small files put together."""

import hashlib
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ingest_tasks import DAY, at, date_of, located, places, rows, written
from ledger import line

from custseg_spark.engine.lake.files import DataFile
from custseg_spark.engine.lake.schemas import EVENTS
from custseg_spark.pipeline.ingest import date_of_events
from custseg_spark.pipeline.ingest.file_times import EVERY_TIME, Span, shared_times
from custseg_spark.pipeline.ingest.settling import Settled, settle
from custseg_spark.pipeline.ingest.written import EventFile


def file_of(root: Path, name: str, *seconds: int) -> EventFile:
    """The file that a task of its own writes of a log: an event a second, told by its second."""
    body = [line(event_time=at(s)) for s in seconds]
    [one] = written(root, located(name, body)).events
    return one


def paths(files: tuple[DataFile, ...]) -> list[str]:
    return [file.path for file in files]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_of_copies_across_tasks_the_first_by_file_and_row_stays(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    written_files = [
        file_of(tmp_path, "a.csv", 1, 5),
        file_of(tmp_path, "b.csv", 5, 6, 7),
        file_of(tmp_path, "c.csv", 9, 7),
    ]
    done = settle(date_of(tmp_path, [written_files[n] for n in order]))
    assert sorted(places(tmp_path, done.files)) == [
        ("a.csv", 2),
        ("a.csv", 3),
        ("b.csv", 3),
        ("b.csv", 4),
        ("c.csv", 2),
    ]
    assert done.copies == {"b.csv": 1, "c.csv": 1}


def test_copies_are_looked_for_where_two_files_share_a_time() -> None:
    def span(first: int, last: int) -> Span:
        return datetime(2020, 1, first, tzinfo=UTC), datetime(2020, 1, last, tzinfo=UTC)

    assert shared_times([]) == shared_times([span(1, 31)]) == []
    assert shared_times([span(4, 6), span(1, 3)]) == []
    assert shared_times([span(1, 3), span(3, 6), span(6, 8)]) == [span(3, 3), span(6, 6)]
    assert shared_times([span(1, 20), span(4, 6), span(5, 9), span(12, 25)]) == [
        span(4, 9),
        span(12, 20),
    ]
    assert shared_times([EVERY_TIME, span(2, 3)]) == [span(2, 3)]


def test_only_files_that_have_copies_are_written_anew(tmp_path: Path) -> None:
    whole, with_copies = file_of(tmp_path, "a.csv", 1, 5), file_of(tmp_path, "b.csv", 5, 6)
    done = settle(date_of(tmp_path, [whole, with_copies]))
    assert paths(done.superseded) == [with_copies.file.path]
    assert done.files[0] == whole.file
    # The driver removes what was superseded: a task that is tried again needs it once more.
    assert (tmp_path / EVENTS.name / with_copies.file.path).exists()
    assert settle(date_of(tmp_path, [whole, with_copies])).copies == done.copies


def test_a_file_of_nothing_but_copies_is_left_out(tmp_path: Path) -> None:
    first, again = file_of(tmp_path, "a.csv", 1, 2), file_of(tmp_path, "b.csv", 2, 1)
    done = settle(date_of(tmp_path, [first, again]))
    assert (done.files, done.copies) == ((first.file,), {"b.csv": 2})
    assert paths(done.superseded) == [again.file.path]


def test_files_that_share_no_second_have_no_copies(tmp_path: Path) -> None:
    first, second = file_of(tmp_path, "a.csv", 1, 5), file_of(tmp_path, "b.csv", 6, 9)
    touching = file_of(tmp_path, "c.csv", 9, 12)
    assert not date_of(tmp_path, [second, first]).may_have_copies
    assert not date_of(tmp_path, [first], [second.file]).may_have_copies
    assert date_of(tmp_path, [first, second, touching]).may_have_copies
    assert date_of(tmp_path, [touching], [second.file]).may_have_copies


def test_events_that_the_table_has_are_not_added_again(tmp_path: Path) -> None:
    held = file_of(tmp_path, "old.csv", 3, 4).file
    late = file_of(tmp_path, "a.csv", 4, 5)
    done = settle(date_of(tmp_path, [late], [held]))
    # However the names sort: what is there stays.
    assert places(tmp_path, done.files) == [("a.csv", 3)]
    assert done.copies == {"a.csv": 1}
    assert paths(done.superseded) == [late.file.path]
    assert places(tmp_path, [held]) == [("old.csv", 2), ("old.csv", 3)]


def test_events_left_by_a_killed_run_are_no_copies_of_their_file(tmp_path: Path) -> None:
    """Its successor reads the file again, and other files that sort before it."""
    held = file_of(tmp_path, "b.csv", 3, 4, 5).file
    again, other = file_of(tmp_path, "b.csv", 3, 4, 5), file_of(tmp_path, "a.csv", 5, 6)
    done = settle(date_of(tmp_path, [other, again], [held]))
    assert places(tmp_path, done.files) == [("a.csv", 3)]
    assert done.copies == {"a.csv": 1, "b.csv": 0}


def test_files_of_the_table_from_another_time_are_not_read(tmp_path: Path) -> None:
    apart = file_of(tmp_path, "old.csv", 100, 200).file
    (tmp_path / EVENTS.name / apart.path).unlink()
    new = [file_of(tmp_path, "a.csv", 4, 5), file_of(tmp_path, "b.csv", 5, 6)]
    assert settle(date_of(tmp_path, new, [apart])).copies == {"b.csv": 1}


# --- sources whose equal records are events of their own ------------------------------------

SALES_HEADER = "mobile,date,amount,store"
SALE, OTHER_SALE = "1,2019-10-01,5,", "1,2019-10-01,6,"


def sales(root: Path, name: str, *body: str, first_row: int = 2) -> EventFile:
    part = located(name, body, "purchase_history", SALES_HEADER, first_row)
    [one] = written(root, part, keeps=["purchase_history"]).events
    return one


def test_equal_records_that_count_each_get_ids_of_their_own(tmp_path: Path) -> None:
    done = settle(date_of(tmp_path, [sales(tmp_path, "a.csv", SALE, OTHER_SALE, SALE, SALE)]))
    events = rows(tmp_path, done.files)
    ids = events["event_id"].to_list()
    assert ids[2:] == [hashlib.md5(f"{ids[0]} {n}".encode()).hexdigest() for n in (2, 3)]
    # Each is an order of its own, and stays one.
    assert events["order_id"].to_list() == ids
    assert (events["source_row"].to_list(), done.copies) == ([2, 3, 4, 5], {})


def test_the_same_delivery_in_another_file_adds_nothing(tmp_path: Path) -> None:
    first = sales(tmp_path, "a.csv", SALE, OTHER_SALE, SALE)
    again = sales(tmp_path, "b.csv", SALE, SALE, SALE, OTHER_SALE)
    done = settle(date_of(tmp_path, [first, again]))
    # One more of the first sale than the first delivery had.
    assert places(tmp_path, done.files) == [("a.csv", n) for n in (2, 3, 4)] + [("b.csv", 4)]
    assert done.copies == {"b.csv": 3}


def test_a_delivery_that_the_table_has_adds_nothing(tmp_path: Path) -> None:
    before = settle(date_of(tmp_path, [sales(tmp_path, "a.csv", SALE, SALE)]))
    done = settle(date_of(tmp_path, [sales(tmp_path, "b.csv", SALE, SALE)], before.files))
    assert (done.files, done.copies) == ((), {"b.csv": 2})


def test_equal_records_are_distinguished_by_row_in_any_order_of_tasks(
    tmp_path: Path,
) -> None:
    whole = settle(date_of(tmp_path, [sales(tmp_path, "a.csv", SALE, OTHER_SALE, SALE)]))
    early = sales(tmp_path, "a.csv", SALE, OTHER_SALE)
    late = sales(tmp_path, "a.csv", SALE, first_row=4)
    in_pieces = settle(date_of(tmp_path, [late, early]))
    ids = [
        dict(rows(tmp_path, done.files).select("source_row", "event_id").rows())
        for done in (whole, in_pieces)
    ]
    assert ids[0] == ids[1]


# --- many small files -----------------------------------------------------------------------


def test_many_small_files_of_a_date_are_put_together(tmp_path: Path) -> None:
    few = [file_of(tmp_path, f"{n}.csv", n) for n in range(date_of_events.MOST_FILES)]
    assert not date_of(tmp_path, few).is_scattered
    many = [*few, file_of(tmp_path, "z.csv", 99)]
    assert date_of(tmp_path, many).is_scattered
    done = settle(date_of(tmp_path, many))
    assert [file.rows for file in done.files] == [5]
    assert [name for name, _ in places(tmp_path, done.files)] == [
        "0.csv",
        "1.csv",
        "2.csv",
        "3.csv",
        "z.csv",
    ]
    assert paths(done.superseded) == [one.file.path for one in many]


def test_files_put_together_hold_no_more_than_allowed_and_no_copies(tmp_path: Path) -> None:
    parts = [file_of(tmp_path, f"{n}.csv", *range(4 * n, 4 * n + 5)) for n in range(6)]
    done = settle(date_of(tmp_path, parts, rows_per_file=10))
    assert [file.rows for file in done.files] == [10, 10, 5]
    assert done.copies == {f"{n}.csv": 1 for n in range(1, 6)}


# --- any mixture ------------------------------------------------------------------------------


def random_files(chance: random.Random) -> dict[str, list[int]]:
    return {
        f"{n}.csv": chance.choices(range(40), k=chance.randint(1, 25))
        for n in range(chance.randint(2, 7))
    }


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("events_at_a_time", [4_000_000, 10])
def test_any_files_in_any_order_and_in_slices_keep_the_first_of_equal_events(
    tmp_path: Path, seed: int, events_at_a_time: int
) -> None:
    chance = random.Random(seed)
    files = random_files(chance)
    in_table = chance.sample(range(40), 5)
    held = [file_of(tmp_path, "held", *in_table).file] if seed % 2 else []
    new = [(name, file_of(tmp_path, name, *seconds)) for name, seconds in files.items()]
    chance.shuffle(new)
    within = _copies_within(files)

    files_of_date = [one for _, one in new]
    done = settle(date_of(tmp_path, files_of_date, held, events_at_a_time=events_at_a_time))

    seen = set(in_table) if held else set()
    kept, copies = [], Counter[str]()
    for name, seconds in sorted(files.items()):
        for row, second in enumerate(seconds, start=2):
            if second in seen:
                copies[name] += 1
            else:
                kept.append((name, row))
                seen.add(second)
    assert sorted(places(tmp_path, done.files)) == sorted(kept)
    assert Counter(done.copies) + within == copies
    assert _is_whole(done)


def _copies_within(files: dict[str, list[int]]) -> Counter[str]:
    """The copies that a task has left out itself."""
    return Counter({name: len(s) - len(set(s)) for name, s in files.items()})


def _is_whole(done: Settled) -> bool:
    return all(file.day == DAY and file.rows for file in done.files)
