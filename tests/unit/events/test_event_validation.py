"""Records to events or reasons: each rule, the ids, and a whole log against plain Python."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import event_mutations
import pytest
from event_cases import (
    COLUMNS,
    ECOMMERCE,
    HEADER,
    codes_of,
    events_of,
    line,
    mapping,
    reasons_of,
    records_of,
    validated,
)
from event_oracle import Judged, judged

from custseg_spark.core.events.schema import EVENTS, REJECTED

TIME_FORMAT = "yyyy-MM-dd HH:mm:ss z"
TIME_RANGE = "from 1990-01-01 to a day after ingest"
TYPES = "view, cart, purchase"
MONEY = "a number from 0, at most 14 digits before the point"
ALL_DIGITS = "an id with all its digits, or scientific_ids = true in the mapping"
REFUSED = {
    ("event_time", "unparseable_time", TIME_FORMAT): [
        *("", "now", "epoch", "today", "12:30", "2019", "2019-10-01", "1569888000"),
        *("2019-13-01 00:00:00 UTC", "2019-02-30 00:00:00 UTC", "2019-02-29 00:00:00 UTC"),
        *("2019-10-01 24:00:00 UTC", "2019-10-01 00:00:60 UTC", "2019-10-01 00:60:00 UTC"),
        *("2019-10-01 00:00:00", "2019-10-01T00:00:00Z", "2019-10-01 00:00:00.5 UTC"),
        *("2019-10-01 00:00:00 PST", "2019-10-01 00:00:00 UTC+3", "2019-10-01 00:00:00 +03:00"),
        *("2019-10-1 00:00:00 UTC", "12019-10-01 00:00:00 UTC", "-2019-10-01 00:00:00 UTC"),
        *("2019-10-01 00:00:00 UTCx", "2019-10-01  00:00:00 UTC", "٢٠١٩-10-01 00:00:00 UTC"),
    ],
    ("event_time", "time_out_of_range", TIME_RANGE): [
        *("1989-12-31 23:59:59 UTC", "0001-01-01 00:00:00 UTC", "9999-12-31 23:59:59 UTC"),
        *("1970-01-01 00:00:00 UTC", "2026-01-02 00:00:01 UTC"),
    ],
    ("event_type", "unknown_event_type", TYPES): ["", "  ", "viewed", "remove_from_cart", "null"],
    ("user_id", "missing_customer", "an id"): ["", "   "],
    ("user_id", "lost_digits", ALL_DIGITS): ["1.51592E+18", "1.5e+15", "-2E20", "1.0E16"],
    ("product_id", "not_an_integer", "an integer"): [
        *("", "abc", "12a", "1.5", "1e3", "0x1F", "1 2", "NaNs", "-", "12\u2028"),
    ],
    ("price", "not_a_number", MONEY): [
        *("", "free", "1.2.3", "5€5", "1 000", "0x10", "1e", "."),
        *("1d", "1f", "12.5L", "1_000", "--1", "١٢"),
    ],
    ("price", "not_finite", MONEY): [
        *("NaN", "nan", "Infinity", "-Infinity", "inf", "+INF"),
    ],
    ("price", "negative", MONEY): ["-1", "-0.01", "-1e400", "-99999999999999999999"],
    ("price", "out_of_range", MONEY): [
        *("1e400", "100000000000000", "1e14", "99999999999999.99995", "1" + "0" * 40),
    ],
}


@pytest.mark.parametrize("key", list(REFUSED), ids=lambda key: "-".join(key[:2]))
def test_a_wrong_value_is_refused_with_its_reason(key: tuple[str, str, str]) -> None:
    column, code, expected = key
    found = events_of(*(line(**{column: text}) for text in REFUSED[key]))
    assert reasons_of(found) == {
        row: [(code, column, text.strip(" ") or None, expected)]
        for row, text in enumerate(REFUSED[key], start=2)
    }


def test_refused_records_stand_as_they_came() -> None:
    found = events_of(line(), line(price='"free"'), "broken")
    assert found.rejected.schema == REJECTED
    assert found.rejected.drop("reasons").rows() == [
        ("ecommerce_events", "log.csv", 3, line(price='"free"'), "f1"),
        ("ecommerce_events", "log.csv", 4, "broken", "f1"),
    ]
    assert reasons_of(found)[4] == [("wrong_field_count", "record", "broken", "9 fields")]


def test_every_reason_of_a_record_is_listed() -> None:
    bad = line(event_time="now", event_type="x", user_id="", product_id="p", price="free")
    assert reasons_of(events_of(line(price="-1"), bad)) == {
        2: [("negative", "price", "-1", MONEY)],
        3: [
            ("unparseable_time", "event_time", "now", TIME_FORMAT),
            ("missing_customer", "user_id", None, "an id"),
            ("unknown_event_type", "event_type", "x", TYPES),
            ("not_an_integer", "product_id", "p", "an integer"),
            ("not_a_number", "price", "free", MONEY),
        ],
    }


def test_an_event_has_the_columns_of_its_table() -> None:
    found = events_of(line(brand=" ", event_type=" Cart "))
    assert found.events.schema == EVENTS
    [event] = found.events.to_dicts()
    assert event.pop("event_id") == f"{found.id_high[0]:016x}{found.id_low[0]:016x}"
    assert event == {
        "event_date": datetime(2019, 10, 1).date(),
        "event_at": datetime(2019, 10, 1, tzinfo=UTC),
        "customer_id": "541312140",
        "event_type": "cart",
        "product_id": "1004856",
        "category_id": "2053013555631882655",
        "category_code": "electronics.smartphone",
        "brand": None,
        "unit_price": Decimal("130.76"),
        "quantity": 1,
        "discount": Decimal(0),
        "session_id": "s1",
        "order_id": None,
        "store": None,
        "source": "ecommerce_events",
        "source_file": "log.csv",
        "source_row": 2,
        "file_id": "f1",
    }


def test_values_are_trimmed_and_event_types_folded() -> None:
    found = events_of(
        line(price=" 7.5 ", event_type=" VIEW "),
        line(event_type="Cart", event_time="  2019-10-01 12:00:00 UTC "),
        line(event_type="PURCHASE", event_time="1990-01-01 00:00:00 UTC"),
        line(event_time="2026-01-02 00:00:00 GMT"),
    )
    assert reasons_of(found) == {}
    assert found.events["event_type"].to_list() == ["view", "cart", "purchase", "view"]
    assert found.events["unit_price"][0] == Decimal("7.5")
    # From the first time that is allowed to the last.
    assert found.events["event_at"].to_list() == [
        datetime(2019, 10, 1, tzinfo=UTC),
        datetime(2019, 10, 1, 12, tzinfo=UTC),
        datetime(1990, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 2, tzinfo=UTC),
    ]
    dates = found.events["event_date"].to_list()
    assert dates == [at.date() for at in found.events["event_at"].to_list()]


def test_optional_values_may_be_missing() -> None:
    found = events_of(line(category_id="", category_code="", brand="", user_session=""))
    names = ("category_id", "category_code", "brand", "session_id")
    assert found.events.select(names).rows() == [(None,) * 4]


def test_rounded_amounts_are_marked() -> None:
    prices = ["33.20000", "12.989999771", "99999999999999.99994", "1e-9"]
    found = events_of(*(line(price=price) for price in prices))
    assert found.rounded.tolist() == [False, True, True, True]


def test_a_wrong_number_of_fields_is_the_only_reason() -> None:
    texts = [line() + ",", line().rpartition(",")[0], "x", " ", "a" * 50]
    assert reasons_of(events_of(*texts)) == {
        row: [("wrong_field_count", "record", text, "9 fields")]
        for row, text in enumerate(texts, start=2)
    }


def test_a_record_of_nothing_but_commas_has_its_fields_and_nothing_in_them() -> None:
    assert codes_of(events_of(",,,,,,,,")) == {
        2: [
            "unparseable_time",
            "missing_customer",
            "unknown_event_type",
            "not_an_integer",
            "not_a_number",
        ]
    }


def test_ids_stay_as_they_are_written() -> None:
    ids = ["9223372036854775808", "2053013552259662003", "007", "-5", "+5"]
    found = events_of(*(line(product_id=text) for text in ids))
    assert found.events["product_id"].to_list() == ids


def test_a_log_of_nothing_is_no_events() -> None:
    found = events_of()
    assert (found.events.schema, len(found.events), len(found.rejected)) == (EVENTS, 0, 0)
    assert len(found.id_high) == len(found.id_low) == len(found.rounded) == 0


RETAIL = mapping("online_retail")
STRICT = mapping("online_retail", cleaning="strict")
INVOICE_HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
INVOICES = [
    "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom",
    "C536379,85123A,HEART,-4,12/1/2010 8:26,2.55,17850,United Kingdom",
    "536380,85123A,HEART,-1,2010-12-01 08:26:00,2.55,17850,",
    "536381,85123A,HEART,6,2010-12-01 08:26:00,0.0,17850,",
    "536382,85123A,HEART,6,2010-12-01 08:26:00,1,,",
    "536383,85123A,HEART,0,2010-12-01 08:26:00,1,17850,",
]


def test_a_returned_purchase_is_a_return() -> None:
    found = events_of(*INVOICES, by=RETAIL, header=INVOICE_HEADER)
    kept = found.events.select("event_type", "order_id", "quantity", "customer_id", "store")
    assert kept.rows() == [
        ("purchase", "536365", 6, "17850", "United Kingdom"),
        ("return", "C536379", 4, "17850", "United Kingdom"),
        ("return", "536380", 1, "17850", None),
        ("purchase", "536381", 6, "17850", None),
        ("purchase", "536383", 0, "17850", None),
    ]
    assert found.events["event_at"].unique().to_list() == [datetime(2010, 12, 1, 8, 26, tzinfo=UTC)]
    assert codes_of(found) == {6: ["missing_customer"]}


def test_strict_cleaning_refuses_returns_and_lines_of_nothing() -> None:
    found = events_of(*INVOICES, by=STRICT, header=INVOICE_HEADER)
    assert reasons_of(found) == {
        3: [
            ("returned", "InvoiceNo", "C536379", "no return"),
            ("returned", "Quantity", "-4", "no return"),
        ],
        4: [("returned", "Quantity", "-1", "no return")],
        5: [("not_positive", "UnitPrice", "0.0", "more than 0")],
        6: [("missing_customer", "CustomerID", None, "an id")],
        7: [("not_positive", "Quantity", "0", "more than 0")],
    }


SALES = mapping("sales_facts")
SALES_HEADER = "customer_id,order_date,order_id,product_id,quantity,unit_price,discount,net_amount"


def sale(**changed: str) -> str:
    values = {
        "customer_id": "c1",
        "order_date": "2024-03-01",
        "order_id": "1001",
        "product_id": "77",
        "quantity": "2",
        "unit_price": "12.50",
        "discount": "5.00",
        "net_amount": "20.00",
    }
    return ",".join((values | changed).values())


def test_amounts_that_agree_are_sales_and_returns() -> None:
    found = events_of(
        sale(),
        sale(discount="", net_amount="25.00", quantity="2.0"),
        sale(quantity="-2", discount="-5.00", net_amount="-20.00"),
        sale(quantity="2", net_amount="-20.00"),
        sale(quantity="3", unit_price="0.3333", discount="0", net_amount="1.00"),
        sale(net_amount="+2.001e1", order_date="2024-03-01 23:30:00+01"),
        by=SALES,
        header=SALES_HEADER,
    )
    assert reasons_of(found) == {}
    assert found.events.select("event_type", "quantity", "discount").rows() == [
        ("purchase", 2, Decimal(5)),
        ("purchase", 2, Decimal(0)),
        ("return", 2, Decimal(5)),
        ("return", 2, Decimal(5)),
        ("purchase", 3, Decimal(0)),
        ("purchase", 2, Decimal(5)),
    ]
    assert found.events["event_at"][5] == datetime(2024, 3, 1, 22, 30, tzinfo=UTC)


WRONG_SALES = [
    (sale(net_amount=""), "not_a_number", "net_amount"),
    (sale(net_amount="twenty"), "not_a_number", "net_amount"),
    (sale(net_amount="NaN"), "not_finite", "net_amount"),
    (sale(net_amount="1e40"), "out_of_range", "net_amount"),
    (sale(net_amount="20.02"), "inconsistent_amount", "net_amount"),
    (sale(discount="-5"), "negative", "discount"),
    (sale(quantity="0", net_amount="-20"), "inconsistent_amount", "net_amount"),
    (sale(quantity="1.5"), "not_an_integer", "quantity"),
    (sale(quantity="1234567890"), "not_an_integer", "quantity"),
    (sale(unit_price="-12.5"), "negative", "unit_price"),
    (sale(customer_id=""), "missing_customer", "customer_id"),
    (sale(order_date="01.03.2024"), "unparseable_time", "order_date"),
]


def test_each_wrong_amount_has_its_reason() -> None:
    found = events_of(*(text for text, *_ in WRONG_SALES), by=SALES, header=SALES_HEADER)
    assert {row: [r[:2] for r in reasons] for row, reasons in reasons_of(found).items()} == {
        row: [(code, field)] for row, (_, code, field) in enumerate(WRONG_SALES, start=2)
    }
    expected = "unit price x quantity - discount, within 0.01"
    assert reasons_of(found)[6] == [("inconsistent_amount", "net_amount", "20.02", expected)]


def test_a_record_may_be_an_order_of_its_own() -> None:
    own = mapping("purchase_history")
    found = events_of("1,2024-03-01,5,", by=own, header="mobile,date,amount,store")
    assert found.events["order_id"].to_list() == found.events["event_id"].to_list()


# --- a whole log against plain Python -------------------------------------------------------

NIGHTLY = [pytest.param(seed, marks=pytest.mark.heavy) for seed in range(60, 200)]


def random_log(chance: random.Random) -> bytes:
    def value(usual: list[str]) -> str:
        nasty = chance.random() < 0.03
        return chance.choice(event_mutations.NASTY_VALUES if nasty else usual)

    times = ["2019-10-01 00:00:00 UTC", "2020-02-29 23:59:59 GMT", " 2019-10-02 10:00:00 UTC"]
    usual = [
        times,
        ["view", "cart", "Purchase "],
        ["1", "2", "+3"],
        ["", "c1"],
        ["", "a.b"],
        ["", "samsung", '"LG, ""x"""', "Größe"],
        ["1.5", "1.50", "12.98999", "0", "1e2", " 7 "],
        ["u1", "u2"],
        ["", "s1", "a\x1fb"],
        ["", "note"],
    ]
    lines = [",".join(value(choices) for choices in usual) for _ in range(chance.randrange(30))]
    odd = [b"", b"\r", b"x", b"\xff,", b"a\0", f"{HEADER},note".encode(), b'"open,']
    raw = [chance.choice(odd) if chance.random() < 0.05 else text.encode() for text in lines]
    end = chance.choice([b"\n", b"\r\n"])
    return end.join([f"{HEADER},note".encode(), *raw]) + chance.choice([b"", end])


@pytest.mark.parametrize("seed", [*range(60), *NIGHTLY])
def test_a_random_log_agrees_with_plain_python(seed: int) -> None:
    content = random_log(random.Random(seed))
    expected = list(judged(content, ECOMMERCE))
    found = validated(records_of(content, [*COLUMNS, "note"]))
    rejected = {row: [r[:2] for r in reasons] for row, reasons in reasons_of(found).items()}
    assert rejected == {j.row: j.reasons for j in expected if j.reasons}, content
    accepted = [j for j in expected if not j.reasons]
    columns = ("event_at", "event_type", "unit_price", "customer_id", "product_id", "category_id")
    columns += ("category_code", "brand", "session_id")
    assert found.events.select(columns).rows() == [j.values for j in accepted], content
    assert found.events["source_row"].to_list() == [j.row for j in accepted]
    assert _same(found.events["event_id"].to_list()) == _same([j.identity for j in accepted])
    assert found.rounded.tolist() == [_is_rounded(j) for j in accepted]


def _same(ids: list[object]) -> list[int]:
    """For each id the place of the first that equals it."""
    return [ids.index(each) for each in ids]


def _is_rounded(accepted: Judged) -> bool:
    assert accepted.values
    assert accepted.identity
    return accepted.values[2] != accepted.identity[2]


@pytest.mark.parametrize("mutations", [600, pytest.param(20_000, marks=pytest.mark.heavy)])
def test_mutations_of_real_records_keep_the_ledger(mutations: int) -> None:
    event_mutations.run(mutations)
