"""Mappings: what their files may say, and what makes two of them other input."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from custseg_spark.config.mappings import MappingFile, load_mapping
from custseg_spark.config.shipped import conf_dir
from custseg_spark.errors import ConfigurationError

GOOD = """
event_at_formats = ["yyyy-MM-dd"]
integer_columns = ["product_id"]
optional_columns = ["brand"]
[columns]
event_at = "when"
event_type = "what"
customer_id = "who"
product_id = "item"
brand = "make"
[event_types]
seen = "view"
bought = "purchase"
"""
ONE_TYPE = """
event_type = "purchase"
event_at_formats = ["unix_s"]
[columns]
event_at = "when"
customer_id = "who"
"""


def _load(
    folder: Path, text: str = GOOD, overrides: Mapping[str, Any] | None = None
) -> MappingFile:
    (folder / "shop.toml").write_text(text, encoding="utf-8")
    return load_mapping("shop", overrides or {}, [folder])


def test_the_first_folder_that_has_the_mapping_counts(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    _load(own)
    _load(tmp_path, GOOD.replace("who", "someone"))
    assert load_mapping("shop", {}, [own, tmp_path]).columns["customer_id"] == "who"
    assert load_mapping("shop", {}, [tmp_path, own]).columns["customer_id"] == "someone"


def test_every_shipped_mapping_is_valid() -> None:
    folder = conf_dir() / "sources"
    names = [path.stem for path in folder.glob("*.toml")]
    assert "ecommerce_events" in names
    for name in names:
        assert load_mapping(name, {}, [folder]).name == name


def test_a_type_for_all_records_takes_no_column(tmp_path: Path) -> None:
    mapping = _load(tmp_path, ONE_TYPE)
    assert (mapping.event_type, mapping.required_source_columns) == ("purchase", ("when", "who"))


def test_required_columns_are_all_but_the_optional_ones(tmp_path: Path) -> None:
    assert _load(tmp_path).required_source_columns == ("when", "what", "who", "item")


def test_overrides_replace_single_keys(tmp_path: Path) -> None:
    overrides = {"columns": {"brand": "label"}, "table": "log", "path": "a.csv"}
    mapping = _load(tmp_path, overrides=overrides)
    assert mapping.columns["brand"] == "label"
    assert mapping.columns["customer_id"] == "who"
    assert (mapping.table, mapping.path) == ("log", ("a.csv",))


@pytest.mark.parametrize(
    "overrides",
    [
        {"columns": {"brand": "label"}},
        {"event_types": {"basket": "cart"}},
        {"event_at_formats": ["dd.MM.yyyy"]},
        {"table": "log"},
        {"delimiter": ";"},
        {"multiline": True},
        {"integer_columns": []},
        {"optional_columns": ["brand", "product_id"]},
        {"whole_numbers": ["customer_id"]},
        {"cleaning": "strict"},
        {"duplicates": "keep"},
        {"columns": {"order_id": "bill"}, "returns": {"order_id_prefix": "C"}},
    ],
)
def test_another_mapping_is_other_input(tmp_path: Path, overrides: dict[str, Any]) -> None:
    assert _load(tmp_path, overrides=overrides).hash() != _load(tmp_path).hash()


@pytest.mark.parametrize(
    "overrides", [{"path": "b.csv"}, {"max_rejected_share": 0.5}, {"description": "x"}]
)
def test_a_mapping_change_that_affects_no_record_is_the_same_input(
    tmp_path: Path, overrides: dict[str, Any]
) -> None:
    assert _load(tmp_path, overrides=overrides).hash() == _load(tmp_path).hash()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "=", "is not valid TOML"),
        ("colums = 1\n" + GOOD, "source shop: unknown key 'colums'; did you mean 'columns'?"),
        (
            GOOD.replace("brand = ", "brandt = "),
            "source shop: unknown canonical column 'brandt'; did you mean 'brand'?",
        ),
        (
            GOOD.replace('["brand"]', '["brand", "sesion_id"]'),
            "source shop: unknown canonical column 'sesion_id'; did you mean 'session_id'?",
        ),
        (GOOD.replace('customer_id = "who"', ""), "source shop: [columns] has no 'customer_id'"),
        (GOOD.replace('product_id = "item"', ""), "source shop: [columns] has no 'product_id'"),
        (
            GOOD.replace('"item"', "7"),
            "source shop: [columns] product_id: expected text, got 7",
        ),
        (
            GOOD.replace('"purchase"', '"purchas"'),
            "source shop: event type 'bought' maps to unknown 'purchas'; did you mean 'purchase'?",
        ),
        (GOOD.replace('"purchase"', "1"), "event type 'bought' maps to unknown '1'"),
        (GOOD.replace('["yyyy-MM-dd"]', "[]"), "source shop: event_at_formats names no format"),
        ('delimiter = ";;"\n' + GOOD, "source shop: delimiter must be one character"),
        ('multiline = "yes"\n' + GOOD, "source shop: multiline: expected bool, got 'yes'"),
        (
            "max_rejected_share = 5\n" + GOOD,
            "source shop: max_rejected_share must be from 0 to 1, got 5.0",
        ),
        ("table = 'log'", "source shop: missing key 'columns'"),
        (
            GOOD.replace('event_type = "what"', ""),
            "[columns] has no 'event_type'; where every record is of one type, say event_type =",
        ),
        ('event_type = "purchase"' + GOOD, 'event_type = "purchase" and [columns] event_type'),
        (ONE_TYPE.replace("purchase", "sale"), "event_type is unknown 'sale'; known: cart, pur"),
        (GOOD.partition("[event_types]")[0], "source shop: [event_types] names no value"),
        (ONE_TYPE + '[returns]\norder_id_prefix = "C"', "source shop: [columns] has no 'order_id'"),
        (ONE_TYPE + "[returns]\nnegative_quantity = true", "[columns] has no 'quantity'"),
        (ONE_TYPE + '[returns]\nprefix = "C"', "source shop: returns: unknown key 'prefix'; known"),
        ('whole_numbers = ["order_id"]\n' + ONE_TYPE, "source shop: [columns] has no 'order_id'"),
        ('cleaning = "strickt"\n' + GOOD, "cleaning: unknown 'strickt'; did you mean 'strict'?"),
        ('duplicates = "all"\n' + GOOD, "duplicates: unknown 'all'; known: drop, keep"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, text)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_unknown_mapping_names_the_nearest(tmp_path: Path) -> None:
    _load(tmp_path)
    with pytest.raises(ConfigurationError, match="unknown mapping 'shp'; did you mean 'shop'"):
        load_mapping("shp", {}, [tmp_path])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('decimal = ";"', "decimal must be one of"),
        ('decimal = ","\nthousands = ","', "decimal and thousands are both ','"),
        ('unit_price_is = "total"', "unit_price_is: unknown 'total'"),
        ('discount_is = "share"', "discount_is, but [columns] has no 'discount'"),
        ('timezone = "Europe/Berlinn"', "timezone: unknown 'Europe/Berlinn'"),
        ('timezone_folds = "first"', "timezone_folds: unknown 'first'"),
        ('ignored_event_types = ["Seen"]', "'Seen' is among event_types and ignored_event_types"),
        ('columns_without_header = ["when", "who"]', "columns_without_header has no 'what'"),
        ('columns_without_header = ["a", "a"]', "columns_without_header has 'a' twice"),
        ("header_row = -1", "header_row must be 1 or more"),
        ('delimiter = "whitespace"\nmultiline = true', 'delimiter = "whitespace" and multiline'),
        ("widths = [0, 1]", "widths must be 1 or more"),
        ('widths = ["a"]', "widths: expected tuple, got ['a']"),
    ],
)
def test_a_mistake_of_reading_is_named(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, f"{more}\n{GOOD}")
    assert message in str(caught.value)
