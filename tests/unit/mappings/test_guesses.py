"""Guesses of whole logs: what is sure, what is asked, and what a person has to know."""

import pytest

from custseg_spark.core.mappings import guessing, headers, shapes
from custseg_spark.core.mappings.first_records import FirstRecords
from custseg_spark.core.mappings.guesses import Guess, Key


def guessed(columns: str, *rows: str) -> Guess:
    return guessing.guess(shapes.shapes(columns.split(","), [r.split(",") for r in rows]))


def formats(guess: Guess) -> Key:
    return next(key for key in guess.keys if key.name == "event_at_formats")


def test_the_only_dates_are_the_events_whatever_they_are_called() -> None:
    guess = guessed("t_dat,customer_id", "2020-01-01,a", "2020-01-02,b", "2020-01-13,b")
    assert guess.columns["event_at"] == "t_dat"
    assert guess.lines["event_at"].reason == "the only column of times"


def test_a_birthday_is_no_event() -> None:
    guess = guessed("birth_date,customer_id", "1980-01-01,a", "1970-01-02,b", "1990-01-13,c")
    assert "event_at" not in guess.columns


def test_ambiguous_days_are_asked() -> None:
    guess = guessed("date,user,price", *(f"0{n}/0{n + 1}/2022,u{n % 3},5.00" for n in range(1, 8)))
    assert formats(guess).confidence == "not sure"
    assert any(q.startswith("Day or month first in 'date'?") for q in guess.questions)


def test_another_column_of_the_file_tells_the_day() -> None:
    rows = (f"0{n}/0{n + 1}/2022,2{n}/01/2022,u{n % 3}" for n in range(1, 8))
    guess = guessed("order_date,ship_date,user", *rows)
    assert (formats(guess).value, formats(guess).confidence) == (("dd/MM/yyyy",), "sure")


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        ("1643670{n}00", "unix_s"),
        ("1643670{n}00123", "unix_ms"),
        ("1643670{n}00123456", "unix_us"),
        ("1643670{n}00123456789", "unix_ns"),
        ("2022-01-1{n} 10:00:00 +0200", "yyyy-MM-dd HH:mm:ss XX"),
        ("1{n} Jan 2022", "dd MMM yyyy"),
        ("January 1{n}, 2022", "MMMM dd, yyyy"),
        ("01/1{n}/2022 9:05 PM", "MM/dd/yyyy h:mm a"),
        ("4456{n}", "excel"),
    ],
)
def test_each_form_of_times_is_proposed(value: str, pattern: str) -> None:
    columns = ["timestamp", "user", "price"]
    rows = [[value.format(n=n), f"u{n % 3}", "5.00"] for n in range(3, 9)]
    guess = guessing.guess(shapes.shapes(columns, rows))
    assert formats(guess).value == (pattern,)


def test_ids_that_lost_their_digits_are_not_taken() -> None:
    guess = guessed("ts,user_id,event", *(f"164367010{n},1.51592E+18,view" for n in range(6)))
    assert "customer_id" not in guess.columns
    assert "lost their digits" in guess.lines["customer_id"].reason


def test_what_stands_for_nothing_is_told() -> None:
    rows = (f"164367010{n},{'nan' if n % 2 else 7}" for n in range(6))
    guess = guessed("ts,user_id", *rows)
    assert guess.lines["customer_id"].shape.blank_share == 0.5
    assert "'user_id': 'nan' stand for no value" in guess.notes


def test_a_customer_called_zero_who_has_most_is_told() -> None:
    rows = (f"164367010{n % 10},{0 if n % 2 else n}" for n in range(30))
    guess = guessed("ts,user_id", *rows)
    assert any("is 0 in 53% of the records" in note for note in guess.notes)


def test_of_two_ids_of_a_product_the_one_that_comes_again_is_it() -> None:
    rows = (f"2022-01-{n + 11},c{n % 4},{9_000 + n},s{n % 3},5.00" for n in range(12))
    guess = guessed("date,customer,item_id,sku,price", *rows)
    assert guess.columns["product_id"] == "sku"


def test_undone_orders_are_asked_for() -> None:
    rows = (f"2022-01-{n + 11},c{n},5.00,{'canceled' if n % 3 else 'paid'}" for n in range(9))
    guess = guessed("order_date,customer,price,order_status", *rows)
    assert "event_type" not in guess.columns
    assert any("6 records have 'order_status' canceled" in q for q in guess.questions)


def first(*lines: str, delimiter: str = ",") -> FirstRecords:
    rows = tuple(tuple(line.split(delimiter)) for line in lines)
    numbers = tuple(range(1, len(rows) + 1))
    return headers.with_header(
        FirstRecords(columns=rows[0], rows=rows[1:], row_numbers=numbers, delimiter=delimiter)
    )


def test_a_first_line_of_values_is_a_record() -> None:
    head = first("17,2022-01-05,9.50", "18,2022-01-06,7.00", "19,2022-01-07,7.00")
    assert not head.has_header
    assert head.columns == ("column_1", "column_2", "column_3")
    assert len(head.rows) == 3


@pytest.mark.parametrize("header", ["user,date,price", "id,2021,2022", "a,b,c"])
def test_a_first_line_of_names_is_a_header(header: str) -> None:
    assert first(header, "18,2022-01-06,7.00", "19,2022-01-07,7.00").has_header


def test_a_header_is_found_below_its_title() -> None:
    head = first("Sales 2022,,", ",,", "user,date,price", "18,2022-01-06,7.00")
    assert (head.header_row, head.columns) == (3, ("user", "date", "price"))
    assert len(head.rows) == 1


def test_only_published_files_have_names_without_a_header() -> None:
    lines = ["1,7,3,pv,1511544070", "1,8,3,buy,1511561733", "2,9,4,cart,1511572885"] * 3
    assert first(*lines).columns[0] == "user_id"
    assert first(*(line.replace("pv", "view") for line in lines)).columns[0] == "column_1"
