"""Customer attributes: what is accepted and what is refused."""

import tomllib
from decimal import Decimal
from pathlib import Path

import polars as pl

from custseg_spark.core.customers.validation import (
    ValidatedCustomers,
    validate_customers,
)
from custseg_spark.core.events.schema import CUSTOMERS
from custseg_spark.core.events.text import csv_records
from custseg_spark.core.mappings.mapping import SourceMapping

TREE = tomllib.loads(
    (Path(__file__).parents[3] / "conf" / "sources" / "customers.toml").read_text()
)
MAPPING = SourceMapping(
    name="customers", **{k: tuple(v) if isinstance(v, list) else v for k, v in TREE.items()}
)
HEADER = "mobile,name,age,income,gender,education,occupation,zip_code"
ANN = "7000000001,Ann,34,52000.50,Female,Master,Nurse,LS1 4AP"
REFUSED = [
    (",Nobody,34,1,male,,,", "missing_customer"),
    ("70-12,Cyd,34,1,male,,,", "not_an_integer"),
    ("7000000004,Dan,old,1,male,,,", "not_an_integer"),
    ("7000000005,Eve,121,1,female,,,", "out_of_range"),
    ("7000000006,Fay,-1,1,female,,,", "out_of_range"),
    ("7000000007,Gus,50,much,male,,,", "not_a_number"),
    ("7000000008,Hal,50,-5,male,,,", "negative"),
    ("7000000009,Ida,50,Infinity,female,,,", "not_finite"),
    ("7000000010,Jon,50", "wrong_field_count"),
    (HEADER, "repeated_header"),
]


def validated(*lines: str) -> ValidatedCustomers:
    content = "".join(f"{line}\n" for line in (HEADER, *lines)).encode()
    records = csv_records(content, HEADER.split(","), delimiter=",", first_row=1, header_row=1)
    return validate_customers(records, MAPPING, source_file="c.csv", file_id="f")


def test_attributes_are_typed_and_an_empty_value_is_null() -> None:
    found = validated(ANN, "7000000002.0,,41.0,1e3,,,,", "3,,,12.34567,,,,")
    assert found.customers.schema == CUSTOMERS
    assert found.customers.drop("source", "source_file", "file_id").rows() == [
        ("7000000001", "Ann", 34, Decimal("52000.50"), "Female", "Master", "Nurse", "LS1 4AP", 2),
        ("7000000002", None, 41, Decimal(1000), None, None, None, None, 3),
        ("3", None, None, Decimal("12.3457"), None, None, None, None, 4),
    ]
    assert found.rounded.tolist() == [False, False, True]


def test_each_wrong_value_has_its_reason() -> None:
    found = validated(*(line for line, _ in REFUSED))
    codes = found.rejected["reasons"].list.eval(pl.element().struct.field("code")).to_list()
    assert codes == [[code] for _, code in REFUSED]
    assert found.rejected["source_row"].to_list() == list(range(2, 12))
    assert found.rejected["reasons"][3][0] == {
        "code": "out_of_range",
        "field": "age",
        "value": "121",
        "expected": "an integer from 0 to 120",
    }
