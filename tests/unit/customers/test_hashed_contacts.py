"""Contacts as advertising platforms match them: literal values in and out."""

import hashlib
from random import Random

import polars as pl
import pytest

from custseg_spark.core.customers import contacts
from custseg_spark.core.customers.contacts import Dialling


def one(expression: pl.Expr, value: str | None) -> str | None:
    return pl.DataFrame({"x": [value]}, {"x": pl.String}).select(expression).item()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (" Ada.Queen@Example.COM ", "ada.queen@example.com"),
        ("ada+news@example.co.uk", "ada+news@example.co.uk"),
        ("zoë@münchen.example", "zoë@münchen.example"),
        ("ada@example", None),
        ("ada example.com", None),
        ("a@b@example.com", None),
        ("a@example.com, b@example.com", None),
        ("", None),
        (None, None),
    ],
)
def test_an_email_is_lower_case_or_none(given: str | None, expected: str | None) -> None:
    assert one(contacts.email(pl.col("x")), given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a.da.q@gmail.com", "adaq@gmail.com"),
        ("a.da.q@googlemail.com", "adaq@googlemail.com"),
        ("a.da@mail.example.com", "a.da@mail.example.com"),
        ("a.b@notgmail.com", "a.b@notgmail.com"),
    ],
)
def test_google_ignores_dots_of_its_own_addresses(given: str, expected: str) -> None:
    assert one(contacts.dotless_gmail(pl.col("x")), given) == expected


@pytest.mark.parametrize(
    ("given", "dialling", "expected"),
    [
        ("+44 (0)20 7031-3000", Dialling(), "442070313000"),
        ("0044 20 7031 3000", Dialling(), "442070313000"),
        ("+1 (212) 565-0000", Dialling(), "12125650000"),
        ("020 7031 3000", Dialling("44"), "442070313000"),
        ("7987654321", Dialling("44"), "447987654321"),
        ("06 1234 5678", Dialling("39", trunk=""), "390612345678"),
        ("020 7031 3000", Dialling(), None),
        ("+0 123 456 789", Dialling(), None),
        ("+49 30 CALL-NOW", Dialling(), None),
        ("+49 30", Dialling(), None),
        ("+1234567890123456", Dialling(), None),
        ("", Dialling("44"), None),
        (None, Dialling("44"), None),
    ],
)
def test_a_telephone_number_is_e164_without_its_plus(
    given: str | None, dialling: Dialling, expected: str | None
) -> None:
    assert one(contacts.phone(pl.col("x"), dialling), given) == expected


def test_consent_is_a_whole_word_and_nothing_else() -> None:
    words = ["TRUE", " yes ", "1", "granted", "no", "0", "", "true?", "maybe", None, "unsubscribed"]
    frame = pl.DataFrame({"x": words}, {"x": pl.String})
    said = frame.select(contacts.consents(pl.col("x"))).to_series().to_list()
    assert said == [True] * 4 + [False] * 7


def test_files_hold_hashes_of_the_platforms_own_forms_and_nothing_else() -> None:
    known = pl.DataFrame(
        {
            "customer_id": ["c1", "c2", "c3", "c1"],
            "email": ["a.b@gmail.com", None, None, "a.b@gmail.com"],
            "phone": ["442070313000", "12125650000", None, "442070313000"],
        }
    )

    def sha(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    google = contacts.google(known)
    assert google.columns == ["Email", "Phone"]
    assert sorted(google.rows(), key=str) == sorted(
        [(sha("ab@gmail.com"), sha("+442070313000")), (None, sha("+12125650000"))], key=str
    )
    meta = contacts.meta(known)
    assert meta.columns == ["email", "phone"]
    assert (sha("a.b@gmail.com"), sha("442070313000")) in meta.rows()


def test_the_order_of_rows_says_nothing_of_the_customers() -> None:
    emails = [f"{n}@example.com" for n in range(50)]
    shuffled = Random(3).sample(emails, 50)
    files = [
        contacts.meta(
            pl.DataFrame(
                {"email": each, "phone": [None] * 50}, schema_overrides={"phone": pl.String}
            )
        )
        for each in (emails, shuffled)
    ]
    assert files[0].equals(files[1])


def test_about_the_asked_share_is_held_back_and_each_campaign_holds_back_others() -> None:
    ids = pl.Series("customer_id", [f"c{n}" for n in range(20_000)])
    spring, autumn = (contacts.is_held_back(ids, label, 0.1) for label in ("spring", "autumn"))
    assert 1_850 < spring.sum() < 2_150
    assert 130 < (spring & autumn).sum() < 270
    assert not contacts.is_held_back(ids, "spring", 0.0).any()
