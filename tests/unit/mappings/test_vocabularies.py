"""Event types by whole values: negations, steps and states are no purchases."""

import pytest

from custseg_spark.core.mappings import shapes
from custseg_spark.core.mappings.type_guessing import event_types, type_line
from custseg_spark.core.mappings.vocabularies import IGNORED, KNOWN, meaning


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("purchase", "purchase"),
        ("Order Completed", "purchase"),
        ("transaction", "purchase"),
        ("buy", "purchase"),
        ("orders", "purchase"),
        ("checkout_completed", "purchase"),
        ("add_to_cart", "cart"),
        ("Add to Cart", "cart"),
        ("addToCart", "cart"),
        ("Product Added", "cart"),
        ("carts", "cart"),
        ("pv", "view"),
        ("view_item", "view"),
        ("ViewContent", "view"),
        ("clicks", "view"),
        ("refund", "return"),
        ("Order Refunded", "return"),
        ("fav", IGNORED),
        ("remove_from_cart", IGNORED),
        ("add_payment_info", IGNORED),
        ("Order Cancelled", IGNORED),
        ("view_cart", IGNORED),
        ("begin_checkout", IGNORED),
        ("ecommerceAbandonedCart", IGNORED),
        ("加入购物车", "cart"),
        ("Warenkorb", "cart"),
    ],
)
def test_a_documented_value_has_its_meaning(value: str, kind: str) -> None:
    assert meaning(value) == kind


@pytest.mark.parametrize(
    "value",
    [
        *("payment_failed", "purchase_failed", "order_failed", "cart_abandoned", "empty_cart"),
        *("order_cancelled_by_shop", "no_purchase", "not purchased", "unpaid", "paid", "payment"),
        *(
            "LUNCH BAG",
            "SHOPPING BASKET",
            "purchase intent",
            "pre-order",
            "delivered",
            "cart error",
        ),
    ],
)
def test_a_value_that_no_table_has_means_nothing(value: str) -> None:
    assert meaning(value) is None


@pytest.mark.parametrize("word", ["fail", "abandon", "cancel", "decline", "pending", "intent"])
def test_no_table_has_a_failure_among_its_purchases(word: str) -> None:
    assert not [v for v, kind in KNOWN.items() if kind == "purchase" and word in v]


def shape(name: str, *values: str) -> shapes.Shape:
    return shapes.shapes([name], [[v] for v in values])[0]


def test_descriptions_and_states_are_no_event_types() -> None:
    described = [shape("Description", *(f"LUNCH BAG {n % 9}" for n in range(30)))]
    states = [shape("order_status", *["delivered", "canceled", "returned"] * 9)]
    assert type_line(described) is None
    assert type_line(states) is None


def test_the_column_that_tells_purchases_is_taken_before_one_called_type() -> None:
    hits = shape("hit_type", *["page", "event"] * 9)
    actions = shape("product_action", *["detail", "add", "purchase"] * 6)
    line = type_line([hits, actions])
    assert line is not None
    assert (line.shape.name, line.confidence) == ("product_action", "sure")


def test_pages_are_views_only_where_no_other_view_is() -> None:
    alone = event_types(shape("event", "page_view", "purchase"))
    beside = event_types(shape("event", "page_view", "view_item", "purchase"))
    assert alone.known == {"page_view": "view", "purchase": "purchase"}
    assert beside.known == {"view_item": "view", "purchase": "purchase"}
    assert list(beside.unknown) == ["page_view"]


def test_codes_are_told_by_nobody_but_their_documentation() -> None:
    types = event_types(shape("behavior_type", *["1", "2", "3", "4"] * 3))
    assert (types.known, types.ignored) == ({}, ())
    assert types.unknown == {"1": "view", "2": IGNORED, "3": "cart", "4": "purchase"}
