"""What a mapping says of ids, amounts and event types, and what becomes of records by it."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from event_cases import COLUMNS, ECOMMERCE, codes_of, events_of, line, mapping

from custseg_spark.core.events.amounts import amounts
from custseg_spark.core.events.numerals import Numerals
from custseg_spark.core.events.validation import ValidatedEvents
from custseg_spark.core.mappings.mapping import Returns, SourceMapping

SALES = SourceMapping(
    name="sales",
    columns={
        "event_at": "day",
        "customer_id": "who",
        "unit_price": "price",
        "quantity": "pieces",
        "discount": "off",
    },
    event_at_formats=("dd.MM.yyyy",),
    event_type="purchase",
    optional_columns=("discount", "quantity"),
    delimiter=";",
)


def sales(*rows: str, **changed: Any) -> ValidatedEvents:
    """What becomes of sales: price;pieces;off."""
    by = SourceMapping(**{**vars(SALES), **changed})
    lines = [f"07.03.2024;anna;{row}".replace(";", "\x1f") for row in rows]
    return _events(lines, "day;who;price;pieces;off".replace(";", "\x1f"), by)


def _events(lines: list[str], header: str, by: SourceMapping) -> ValidatedEvents:
    from event_cases import log_text, records_of, validated

    content = log_text(lines, header)
    return validated(records_of(content, header.split("\x1f"), delimiter="\x1f"), by)


def money(found: ValidatedEvents) -> list[tuple[str, int, str]]:
    """Unit price, quantity and discount of each event."""
    rows = found.events.select("unit_price", "quantity", "discount").iter_rows()
    return [(f"{price:f}", quantity, f"{discount:f}") for price, quantity, discount in rows]


@pytest.mark.parametrize("word", ["nan", "NaN", "NULL", "null", "None", "\\N", "undefined", "N/A"])
def test_words_for_nothing_are_no_ids(word: str) -> None:
    found = events_of(line(user_id=word), line(brand=word, user_session=word, category_id=word))
    assert codes_of(found) == {2: ["missing_customer"]}
    assert found.events.select("brand", "session_id", "category_id").rows() == [(None, None, None)]


@pytest.mark.parametrize("word", ["NA", "nano", "nonesuch", "0", "nul", "undefined1"])
def test_other_words_are_ids(word: str) -> None:
    assert events_of(line(user_id=word)).events["customer_id"].to_list() == [word]


def test_a_mapping_says_what_stands_for_no_value() -> None:
    by = mapping(missing_values=("0", "guest"), optional_columns=("unit_price", "category_code"))
    found = events_of(*(line(user_id=v) for v in ("0", "Guest", "nan", "00")), by=by)
    assert codes_of(found) == {2: ["missing_customer"], 3: ["missing_customer"]}
    assert found.events["customer_id"].to_list() == ["nan", "00"]
    free = events_of(line(price="0"), by=by)
    assert free.events["unit_price"].to_list() == [Decimal(0)]


@pytest.mark.parametrize(
    ("text", "id_"),
    [("17850.0", "17850"), ("1515915625519388.0", "1515915625519388")]
    + [(text, text) for text in ("1.05", "500.00", "007", "a.0", "1.5.0", "1e1")],
)
def test_a_whole_number_is_one_id_however_it_is_written(text: str, id_: str) -> None:
    found = events_of(line(user_id=text, user_session=text, category_id=text))
    assert found.events.select("customer_id", "session_id", "category_id").rows() == [(id_,) * 3]


def test_ids_that_lost_digits_are_refused_unless_allowed() -> None:
    lines = [line(user_id="1.51592E+18"), line(category_id="2.14442e+18"), line(user_id="1e5")]
    assert codes_of(events_of(*lines)) == {2: ["lost_digits"], 3: ["lost_digits"]}
    allowed = events_of(*lines, line(user_id="1.51592e18"), by=mapping(scientific_ids=True))
    assert allowed.events["customer_id"].to_list() == [
        *("1.51592E+18", "541312140", "1e5", "1.51592E+18")
    ]


def test_ignored_event_types_are_counted_and_no_more() -> None:
    by = mapping(ignored_event_types=("remove_from_cart", "SCROLL"))
    lines = [
        line(),
        line(event_type="scroll"),
        line(event_type=" Remove_From_Cart", event_time="broken"),
        line(event_type="scrolled"),
        "scroll,too,few",
        line(price="broken"),
    ]
    found = events_of(*lines, by=by)
    assert found.ignored == 2
    assert found.events["source_row"].to_list() == [2]
    assert codes_of(found) == {
        5: ["unknown_event_type"],
        6: ["wrong_field_count"],
        7: ["not_a_number"],
    }
    assert found.rejected["raw_record"].to_list() == [lines[3], lines[4], lines[5]]
    assert events_of(*lines[1:3], by=by).ignored == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("€5", "5"),
        ("12,90 €", None),
        ("$ 12.90", "12.90"),
        ("-$5", "-5"),
        ("R$ 7.50", "7.50"),
        ("12.90 EUR", "12.90"),
        ("CHF 3", "3"),
        ("99.90kr", "99.90"),
        ("1.5 XYZ", None),
        ("$", None),
        ("$$5", None),
        ("EUR", None),
    ],
)
def test_a_currency_may_stand_beside_an_amount(text: str, value: str | None) -> None:
    found = amounts(pl.Series([text, "1"]))
    assert found["value"].to_list() == [None if value is None else Decimal(value), Decimal(1)]
    assert found["problem"].to_list() == ["not_a_number" if value is None else None, None]


GERMAN, FRENCH, SWISS = Numerals(",", "."), Numerals(",", " "), Numerals(".", "'")


@pytest.mark.parametrize(
    ("numerals", "text", "value"),
    [
        (GERMAN, "12,90", "12.90"),
        (GERMAN, "1.234,56 €", "1234.56"),
        (GERMAN, "1.234.567", "1234567"),
        (GERMAN, "-1.234,5", "-1234.5"),
        (GERMAN, "1234,56", "1234.56"),
        (GERMAN, "12.90", None),
        (GERMAN, "1.23", None),
        (GERMAN, "1,234.56", None),
        (GERMAN, "1.2345,6", None),
        (Numerals(","), "1.234,56", None),
        (Numerals(",", "."), "12,34,56", None),
        (FRENCH, "1\u202f234,56", "1234.56"),
        (FRENCH, "12\u00a0345 678,9", "12345678.9"),
        (SWISS, "CHF 1'234.50", "1234.50"),
        (SWISS, "1\u2019234.50", "1234.50"),
        (Numerals(".", ","), "$1,234.56", "1234.56"),
        (Numerals(".", ","), "12,34,567.8", "1234567.8"),
        (Numerals(".", ","), "1,23", None),
        (GERMAN, "frei", None),
    ],
)
def test_numbers_are_read_by_the_signs_of_their_mapping(
    numerals: Numerals, text: str, value: str | None
) -> None:
    found = amounts(pl.Series([text]), numerals)
    assert found["value"].to_list() == [None if value is None else Decimal(value)]
    assert found["problem"].to_list() == ["not_a_number" if value is None else None]


def test_a_german_shops_sales() -> None:
    found = sales("12,90;1.000;", "1.234,56 €;2;0,56", "12.90;1;", decimal=",", thousands=".")
    assert money(found) == [("12.9000", 1000, "0.0000"), ("1234.5600", 2, "0.5600")]
    assert codes_of(found) == {4: ["not_a_number"]}
    [[reason]] = found.rejected["reasons"].to_list()
    assert (reason["field"], reason["value"]) == ("price", "12.90")


def test_signs_change_no_id_of_an_event() -> None:
    german = sales("1.234,50 €;2;10,00", decimal=",", thousands=".")
    assert german.events["event_id"].equals(sales("1234.5;2;10").events["event_id"])


def test_a_discount_that_is_a_share() -> None:
    found = sales("10.00;3;0.2", "9.99;1;15%", "5;2;", "5;2;1.2", "5;2;-0.1", discount_is="share")
    assert money(found) == [
        ("10.0000", 3, "6.0000"),
        ("9.9900", 1, "1.4985"),
        ("5.0000", 2, "0.0000"),
    ]
    assert codes_of(found) == {5: ["out_of_range"], 6: ["negative"]}


def test_a_price_that_is_a_line_total() -> None:
    found = sales("261.96;2;", "10;3;", "8;;", "0;0;", "5;0;", unit_price_is="line_total")
    assert money(found) == [
        ("130.9800", 2, "0.0000"),
        ("3.3333", 3, "0.0000"),
        ("8.0000", 1, "0.0000"),
        ("0.0000", 0, "0.0000"),
    ]
    assert found.rounded.tolist() == [False, True, False, False]
    assert codes_of(found) == {6: ["inconsistent_amount"]}


def test_a_line_total_is_what_was_paid_after_its_discount() -> None:
    said = {"unit_price_is": "line_total", "discount_is": "share"}
    found = sales("261.96;2;0.2", "0;1;1", **said)
    assert money(found) == [("163.7250", 2, "65.4900"), ("0.0000", 1, "0.0000")]
    amount = sales("90;3;6", unit_price_is="line_total")
    assert money(amount) == [("32.0000", 3, "6.0000")]


def test_a_returns_total_may_be_negative() -> None:
    said = {"unit_price_is": "line_total", "returns": Returns(negative_quantity=True)}
    found = sales("-20;-2;", "-20;2;", "20;-2;", **said)
    assert found.events.select("event_type", "unit_price", "quantity").rows() == [
        ("return", Decimal(10), 2),
        ("return", Decimal(10), 2),
    ]
    assert codes_of(found) == {3: ["negative"]}


def test_a_net_amount_agrees_with_line_totals_and_shares() -> None:
    columns = {**SALES.columns, "net_amount": "price"}
    total = {"columns": columns, "unit_price_is": "line_total", "discount_is": "share"}
    assert codes_of(sales("261.96;2;0.2", **total)) == {}
    share = {"columns": columns, "discount_is": "share"}
    assert codes_of(sales("10;1;0", "10;2;0.5", "10;2;0.4", **share)) == {
        4: ["inconsistent_amount"]
    }


def test_endless_amounts_are_out_of_range() -> None:
    huge = "99999999999999"
    found = sales(f"{huge};999999999;0.5", discount_is="share")
    assert codes_of(found) == {2: ["out_of_range"]}
    both = {"unit_price_is": "line_total", "discount_is": "share"}
    assert codes_of(sales(f"{huge};1;0.9999", **both)) == {2: ["out_of_range"]}


def test_times_that_the_clocks_skip_are_refused_with_the_zone() -> None:
    by = mapping(event_at_formats=("yyyy-MM-dd HH:mm:ss",), timezone="Europe/Berlin")
    times = ["2019-03-31 02:30:00", "2019-10-27 02:30:00", "2019-07-01 12:00:00", "soon"]
    found = events_of(*(line(event_time=text) for text in times), by=by)
    assert codes_of(found) == {
        2: ["time_not_on_clock"],
        3: ["time_not_on_clock"],
        5: ["unparseable_time"],
    }
    assert f"{found.events['event_at'][0]:%H:%M}" == "10:00"


def test_the_columns_of_the_shipped_mapping_are_those_of_these_tests() -> None:
    assert set(ECOMMERCE.columns.values()) == set(COLUMNS)
