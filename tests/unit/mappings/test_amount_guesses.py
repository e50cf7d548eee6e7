"""Prices, quantities and discounts by what their values say of each other."""

import pytest

from custseg_spark.core.mappings import guessing, shapes
from custseg_spark.core.mappings.guesses import Guess

HEAD = ("order_id", "order_date", "customer_id", "sku")


def guessed(names: str, *rows: str) -> Guess:
    """The guess for lines of orders with these further columns."""
    columns = [*HEAD, *names.split(",")]
    lines = [
        [
            f"o{n}",
            f"2022-01-{n + 11}",
            f"c{n % 5}",
            f"s{row.partition('|')[0]}",
            *row.split("|")[1:],
        ]
        for n, row in enumerate(rows)
    ]
    return guessing.guess(shapes.shapes(columns, lines))


def keys(guess: Guess) -> dict[str, object]:
    wanted = ("unit_price_is", "discount_is", "decimal", "thousands")
    return {key.name: key.value for key in guess.keys if key.name in wanted}


def test_a_price_that_grows_with_the_quantity_is_of_the_line() -> None:
    rows = ["1|1|10.00", "1|3|30.00", "2|2|9.00", "2|4|18.00", "1|2|20.00", "2|1|4.50"]
    guess = guessed("quantity,price", *rows)
    assert guess.columns["unit_price"] == "price"
    assert keys(guess) == {"unit_price_is": "line_total"}


def test_a_price_that_stays_is_of_a_piece() -> None:
    rows = ["1|1|10.00", "1|3|10.00", "2|2|4.50", "2|4|4.50", "1|2|10.00", "2|1|4.50"]
    guess = guessed("quantity,amount", *rows)
    assert guess.columns["unit_price"] == "amount"
    assert keys(guess) == {}


def test_an_amount_that_may_be_either_is_asked() -> None:
    rows = [f"{n}|{n % 3 + 1}|{n}.70" for n in range(1, 9)]
    guess = guessed("quantity,amount", *rows)
    assert "unit_price" not in guess.columns
    assert any("of a piece, or of the whole line" in question for question in guess.questions)


def test_a_total_of_the_order_is_no_price_of_a_line() -> None:
    columns = [*HEAD, "total"]
    rows = [[f"o{n // 2}", "2022-01-13", "c1", f"s{n}", f"{n // 2 + 7}.50"] for n in range(10)]
    guess = guessing.guess(shapes.shapes(columns, rows))
    assert "unit_price" not in guess.columns
    assert any("is the amount of a whole order" in question for question in guess.questions)


@pytest.mark.parametrize(
    ("discount", "total", "kind"),
    [("0.10", "18.00", "share"), ("0.50", "19.50", "amount")],
)
def test_totals_tell_a_share_from_an_amount(discount: str, total: str, kind: str) -> None:
    rows = [f"{n}|2|10.00|{discount}|{total}" for n in range(5)]
    guess = guessed("quantity,unit_price,discount,total", *rows)
    assert guess.columns["discount"] == "discount"
    assert keys(guess) == ({"discount_is": "share"} if kind == "share" else {})


@pytest.mark.parametrize(
    ("prices", "discounts", "is_told"),
    [
        (["261.96"] * 6, ["0.2"] * 6, True),
        (["30.00", "45.00", "60.00"] * 2, ["0.1", "0.15", "0.2"] * 2, True),
        # Half a euro off is as likely as half of the price.
        (["20.00", "25.00"] * 3, ["0.5", "0.5"] * 3, False),
        (["0.90", "1.20"] * 3, ["0.10", "0.25"] * 3, False),
    ],
)
def test_discounts_up_to_one_are_shares_only_where_amounts_would_be_absurd(
    prices: list[str], discounts: list[str], is_told: bool
) -> None:
    rows = [f"{n}|1|{p}|{d}" for n, (p, d) in enumerate(zip(prices, discounts, strict=True))]
    guess = guessed("quantity,unit_price,discount", *rows)
    assert keys(guess) == ({"discount_is": "share"} if is_told else {})
    assert ("discount" in guess.columns) == is_told


def test_percentages_are_asked() -> None:
    rows = [f"{n}|1|{n + 20}.00|{n % 4 * 5}" for n in range(8)]
    guess = guessed("quantity,unit_price,discount", *rows)
    assert "discount" not in guess.columns
    assert guess.lines["discount"].reason == "per cent or an amount?"


@pytest.mark.parametrize(
    ("prices", "told"),
    [
        (["12,90", "7,5", "1200,00"], {"decimal": ","}),
        (["1.299,00", "7,50", "12,90"], {"decimal": ",", "thousands": "."}),
        (["1,299.00", "7.50", "12.90"], {"thousands": ","}),
        (["1 299,00 €", "7,50 €", "12,90 €"], {"decimal": ",", "thousands": " "}),
        (["$1,299.00", "$7.50", "$12.90"], {"thousands": ","}),
        (["R$ 7,50", "R$ 12,90", "R$ 3,00"], {"decimal": ","}),
        (["7.50", "12.90", "3"], {}),
    ],
)
def test_the_signs_of_numbers_are_told_by_their_values(
    prices: list[str], told: dict[str, str]
) -> None:
    guess = guessed("quantity,unit_price", *(f"{n}|1|{p}" for n, p in enumerate(prices)))
    assert keys(guess) == told
    assert guess.columns["unit_price"] == "unit_price"


def test_a_sign_that_may_be_either_is_asked() -> None:
    guess = guessed("quantity,unit_price", *(f"{n}|1|1,{n}50" for n in range(5)))
    assert "unit_price" not in guess.columns
    assert any("1,234 may be 1234 or 1.234" in question for question in guess.questions)


def test_weights_are_no_quantities() -> None:
    guess = guessed("quantity,total", *(f"{n}|0.{n}35|{n}.20" for n in range(1, 6)))
    assert "quantity" not in guess.columns
    assert guess.columns["unit_price"] == "total"
