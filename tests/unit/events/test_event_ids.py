"""The ids of events: a hash that another language can compute, equal for equal values."""

import polars as pl
import pytest
from event_cases import HEADER, events_of, line, mapping, records_of, validated

from custseg_spark.core.events import ids as event_id_texts
from custseg_spark.core.events.ids import extra_texts, hashed, hex_ids, joined_extras
from custseg_spark.core.events.json_lines import json_records

# The digest of "abc" that the reference implementation of XXH3-128 gives.
ABC = "06b05ab6733a618578af5f94892f3950"


def test_the_hash_is_xxh3_with_128_bits_and_seed_0() -> None:
    assert hex_ids(*hashed(pl.Series(["abc"]))).to_list() == [ABC]


def test_an_id_is_the_hash_of_the_fields_as_documented() -> None:
    [found] = events_of(line(brand="", price="33.20")).events["event_id"]
    fields = ["1569888000000000", "view", "541312140", "1004856", "2053013555631882655"]
    fields += ["electronics.smartphone", " ", "332000", "s1", ""]
    assert hex_ids(*hashed(pl.Series(["\x1f".join(fields)]))).to_list() == [found]


def ids(*lines: str, header: str = HEADER) -> list[str]:
    found = events_of(*lines, header=header)
    assert len(found.events) == len(lines)
    return found.events["event_id"].to_list()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"price": "33.20"}, {"price": "33.2"}),
        ({"price": "1e3"}, {"price": "1000.0000"}),
        ({"price": "12.989990"}, {"price": "1298.999e-2"}),
        ({"brand": "x"}, {"brand": " x "}),
        ({"event_type": "VIEW"}, {"event_type": "view"}),
        ({"event_time": "2019-10-01 00:00:00 GMT"}, {"event_time": "2019-10-01 00:00:00 UTC"}),
    ],
)
def test_equal_values_are_one_event(one: dict[str, str], other: dict[str, str]) -> None:
    assert len(set(ids(line(**one), line(**other)))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"price": "12.98999"}, {"price": "12.989991"}),
        ({"price": "12.98999"}, {"price": "12.99"}),
        ({"brand": "", "user_session": "a"}, {"brand": "a", "user_session": ""}),
        ({"brand": "a\x1fb", "category_code": "c"}, {"brand": "b", "category_code": "c\x1fa"}),
        ({"brand": "b", "category_code": "c\x1f  a"}, {"brand": "b", "category_code": "c\x1fa"}),
        ({"product_id": "7"}, {"product_id": "07"}),
    ],
)
def test_other_values_are_other_events(one: dict[str, str], other: dict[str, str]) -> None:
    assert len(set(ids(line(**one), line(**other)))) == 2


def test_a_separator_within_a_value_moves_no_border() -> None:
    shifted = [line(brand="a\x1fb", category_code="c"), line(brand="b", category_code="c\x1fa")]
    assert len(set(ids(*shifted))) == 2


def test_columns_that_are_not_mapped_tell_events_apart_where_they_say_something() -> None:
    header = f"{HEADER},page,note"
    found = ids(f"{line()},,", f"{line()}, ,", f"{line()},1,", f"{line()},,1", header=header)
    assert found[0] == found[1] == ids(line())[0]
    assert len(set(found)) == 3
    other_order = ids(f"{line()},1,2", header=header) + ids(
        f"{line()},2,1", header=f"{HEADER},note,page"
    )
    assert len(set(other_order)) == 1


def test_a_record_has_one_id_in_every_form() -> None:
    own = mapping("purchase_history", integer_columns=())
    text = b'{"amount": 12.50, "date": "2024-03-01", "mobile": 7, "till": " 4 ", "bag": null}\n'
    of_json = validated(json_records(text, own, first_row=1), own)
    csv = b"mobile,date,amount,store,till\n7,2024-03-01,12.5,,4\n"
    of_csv = validated(records_of(csv, ["mobile", "date", "amount", "store", "till"]), own)
    assert of_json.events["event_id"].to_list() == of_csv.events["event_id"].to_list()


def test_extras_of_a_frame_and_of_one_record_are_the_same_text() -> None:
    values = pl.DataFrame({"b": ["2", " ", "x\x1f y"], "a": [None, "", " 1"], "mapped": ["x"] * 3})
    assert extra_texts(values, ["mapped"]).to_list() == ["b=2", "", "a=1\x1fb=x\x1f   y"]
    assert joined_extras({"b": "x\x1f y", "a": "1"}) == "a=1\x1fb=x\x1f   y"


def test_no_events_have_no_ids() -> None:
    nothing = events_of()
    assert hex_ids(nothing.id_high, nothing.id_low).to_list() == []


def test_thousands_of_columns_have_the_text_that_few_have(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {
        f"c{n}": [f"{n}", " x ", "", None, f"a{event_id_texts.SEPARATOR}{n}"] for n in range(150)
    }
    values = pl.DataFrame({**columns, "nothing": [None] * 5, "who": list("abcde")})
    values = values.cast(pl.String).with_columns(none=pl.lit(None, pl.String))
    of_many = event_id_texts.extra_texts(values, ["who"])
    monkeypatch.setattr(event_id_texts, "_WIDE", 1_000)
    assert of_many.equals(event_id_texts.extra_texts(values, ["who"]))
    assert of_many.to_list()[2:4] == ["", ""]
    assert len(event_id_texts.extra_texts(values.clear(), ["who"])) == 0
