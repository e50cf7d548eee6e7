"""Records counted by file and date, and the copies among them, before anything is written."""

from collections.abc import Sequence
from datetime import date

import pytest
from pyspark.sql import SparkSession

from custseg_spark.pipeline.ingest import counting
from custseg_spark.pipeline.ingest.counting import FileDate

MAY, JUNE = date(2024, 5, 31), date(2024, 6, 1)
VALIDATED = (
    "file_id string, source_row bigint, event_date date, id_high bigint, id_low bigint,"
    " was_rounded boolean, reasons array<string>, ignored bigint"
)
RECORDS = [
    ("first", 2, MAY, 7, 1, False, None, None),
    # The same id further down, and in the other file: two copies of it.
    ("first", 9, MAY, 7, 1, True, None, None),
    ("second", 2, MAY, 7, 1, False, None, None),
    # Half an id in common doesn't count.
    ("second", 3, JUNE, 7, 2, True, None, None),
    # Refused records have no copies, and no date.
    ("second", 4, None, 7, 1, None, ["bad"], None),
    ("second", 5, JUNE, 7, 1, True, ["bad"], None),
    # Ignored records are counted, not kept.
    ("second", None, None, None, None, None, None, 3),
]


def part(
    file_id: str, day: date | None, valid: int, copies: Sequence[int] = (), blocks: int = 1
) -> FileDate:
    return FileDate(file_id, day, valid, 0, 0, len(copies), copies, blocks)


@pytest.mark.parametrize("partitions", [1, 5])
@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
def test_the_first_of_equal_records_is_that_of_the_first_file(
    spark: SparkSession, partitions: int, order: tuple[str, str]
) -> None:
    validated = spark.createDataFrame(RECORDS, VALIDATED).repartition(3)
    found = {
        (p.file_id, p.event_date): (
            *(p.valid, p.rejected, p.rounded, p.copies, p.ignored),
            sorted(p.copy_rows),
        )
        for p in counting.count(validated, order, partitions=partitions)
    }
    first_is_first = order[0] == "first"
    assert found == {
        ("first", MAY): (2, 0, 1, 1, 0, [9]) if first_is_first else (2, 0, 1, 2, 0, [2, 9]),
        ("second", MAY): (1, 0, 0, 1, 0, [2]) if first_is_first else (1, 0, 0, 0, 0, []),
        ("second", JUNE): (1, 0, 1, 0, 0, []),
        ("second", None): (0, 2, 0, 0, 3, []),
    }


def test_listed_copies_are_left_out(spark: SparkSession) -> None:
    valid = spark.createDataFrame(RECORDS[:4], VALIDATED)
    found = [part("first", MAY, 2, [9]), part("second", MAY, 1, [2]), part("second", JUNE, 1)]
    kept = counting.without_copies(valid, found).select("file_id", "source_row").collect()
    assert sorted(map(tuple, kept)) == [("first", 2), ("second", 3)]
    assert counting.without_copies(valid, [part("first", MAY, 2)]) is valid


def test_a_list_that_was_cut_is_no_list() -> None:
    whole = part("first", MAY, 10, [3, 4])
    cut = FileDate("first", JUNE, 10, 0, 0, copies=5, copy_rows=[3, 4], blocks=1)
    assert counting.all_listed([whole])
    assert not counting.all_listed([whole, cut])


def test_copies_beyond_the_limit_are_counted_and_not_listed(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_LISTED", 1)
    validated = spark.createDataFrame(
        [*RECORDS[:2], ("first", 10, MAY, 7, 1, False, None, None)], VALIDATED
    )
    [found] = counting.count(validated, ["first"], partitions=1)
    assert (found.copies, len(found.copy_rows)) == (2, 1)


def test_a_log_in_the_order_of_time_lies_together_and_a_shuffled_one_does_not() -> None:
    days = [date(2024, 1, day) for day in range(1, 31)]
    million = 1 << 20
    in_order = [part("log", day, million // 3, blocks=1) for day in days]
    assert counting.lies_together(in_order)
    shuffled = [part("log", day, million // 3, blocks=10) for day in days]
    assert not counting.lies_together(shuffled)
    # However small the files: each of them has all days.
    many = [part(f"log {n}", day, 10, blocks=1) for n in range(20) for day in days]
    assert not counting.lies_together(many)
