"""Prices against the market: the optional family that reads events."""

import math
import random
from datetime import date, datetime, timedelta

import oracle
import polars as pl
import pytest
from oracle import Event
from plain_parts import event_frame, parts_of
from random_logs import event

from custseg_spark.core.features import price_relative
from custseg_spark.core.features.customers import customer_features

AS_OF = date(2021, 3, 1)
DEAREST = "99999999999999.9999"


def relative(log: list[Event], slices: int = 1) -> dict[str, dict[str, float]]:
    """The family's features by customer, from events in so many slices."""
    frames = [event_frame(log[n::slices]) for n in range(slices)]
    sums = pl.concat(price_relative.product_sums(frame, AS_OF) for frame in frames)
    tiers = price_relative.product_tiers(sums)
    customers = pl.concat(price_relative.customer_sums(frame, tiers, AS_OF) for frame in frames)
    table = customer_features(
        parts_of(log),
        as_of=AS_OF,
        optional=[price_relative.PRICE_RELATIVE],
        relative=price_relative.added_customer_sums(customers),
    )
    names = [f.name for f in price_relative.FAMILY.features]
    return {row["customer_id"]: {n: row[n] for n in names} for row in table.to_pylist()}


def random_log(seed: int) -> list[Event]:
    """Few products and few prices, so that means are tied and hit 95% exactly."""
    rng = random.Random(seed)
    return [
        event(
            f"{seed}-{rng.randrange(15)}",
            str(datetime(2021, 2, 1) + timedelta(hours=rng.randrange(800))),
            rng.choice(("view", "view", "cart", "purchase")),
            rng.choice(("0", "9.5", "10", "10", "0.1", "0.095")),
            product_id=rng.choice("pqrstu"),
            category_id=rng.choice(("c1", "c2", None)),
        )
        for _ in range(250)
    ]


def test_price_tier_and_discount_share_agree_with_the_oracle() -> None:
    log = [e for seed in range(2) for e in random_log(seed)]
    computed, expected = relative(log), oracle.price_relative(log, AS_OF)
    assert computed.keys() == expected.keys()
    for customer, own in expected.items():
        for name, value in own.items():
            assert math.isclose(computed[customer][name], value, rel_tol=1e-12), (customer, name)
    assert relative(random.Random(1).sample(log, len(log)), slices=4) == computed


def view(customer: str, product: str, price: str, category: str | None = "c") -> Event:
    return event(customer, "2021-02-01", "view", price, product_id=product, category_id=category)


def buy(customer: str, product: str, price: str, category: str | None = "c") -> Event:
    return event(
        customer, "2021-02-02", "purchase", price, product_id=product, category_id=category
    )


@pytest.fixture(scope="module")
def literal() -> dict[str, dict[str, float]]:
    """Literal customers, each with categories of their own, by one evaluation."""
    log = [
        view("tiers", "low", "1"),
        view("tiers", "middle", "2"),
        view("dear", "high", "3"),
        view("only", "p", "5", "only"),
        view("unknown category", "p", "5", None),
        # One price; in doubles three of it by three are less than one by one.
        view("seen once", "p", "0.1", "tied"),
        *[view("seen thrice", "q", "0.1", "tied")] * 3,
        view("above both", "r", "9", "tied"),
        *[view("at 95%", "p", "10", "a"), buy("at 95%", "p", "9.5", "a")],
        *[view("below 95%", "p", "10", "b"), buy("below 95%", "p", "9.4999", "b")],
        buy("unseen", "p", "1", "unseen"),
        *[view("two categories", "p", "10", "x"), view("two categories", "p", "1", "y")],
        *[buy("two categories", "p", "5", "x"), buy("two categories", "p", "5", "y")],
        *[view("no category", "p", "10", None), buy("no category", "p", "5", None)],
        view("later", "p", "10", "l"),
        buy("later", "p", "10", "l"),
        event("later", "2021-03-01", "view", "99", product_id="p", category_id="l"),
        *[view("absurd", "p", DEAREST, "z")] * 3,
        buy("absurd", "p", DEAREST, "z"),
    ]
    return relative(log)


def test_a_tier_is_the_percent_rank_within_the_category(
    literal: dict[str, dict[str, float]],
) -> None:
    assert literal["tiers"]["price_tier"] == 0.25
    assert literal["dear"]["price_tier"] == 1.0


def test_an_only_product_and_an_unknown_category_have_tier_0(
    literal: dict[str, dict[str, float]],
) -> None:
    assert literal["only"]["price_tier"] == 0.0
    assert literal["unknown category"]["price_tier"] == 0.0


def test_one_price_is_one_tier_however_often_it_was_seen(
    literal: dict[str, dict[str, float]],
) -> None:
    assert literal["seen once"]["price_tier"] == literal["seen thrice"]["price_tier"] == 0.0
    assert literal["above both"]["price_tier"] == 1.0


def test_exactly_95_percent_of_the_usual_price_is_no_discount(
    literal: dict[str, dict[str, float]],
) -> None:
    assert literal["at 95%"]["discount_share"] == 0.0
    assert literal["below 95%"]["discount_share"] == 1.0


def test_a_product_that_nobody_viewed_has_no_discount(literal: dict[str, dict[str, float]]) -> None:
    assert literal["unseen"] == {"price_tier": 0.0, "discount_share": 0.0}


def test_a_product_in_two_categories_has_two_usual_prices(
    literal: dict[str, dict[str, float]],
) -> None:
    assert literal["two categories"]["discount_share"] == 0.5
    assert literal["no category"]["discount_share"] == 1.0


def test_views_from_as_of_on_set_no_usual_price(literal: dict[str, dict[str, float]]) -> None:
    assert literal["later"]["discount_share"] == 0.0


def test_products_of_absurd_price_fail_nothing(literal: dict[str, dict[str, float]]) -> None:
    assert literal["absurd"] == {"price_tier": 0.0, "discount_share": 0.0}
