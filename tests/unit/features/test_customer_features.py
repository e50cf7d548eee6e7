"""Customer features against the oracle, their invariances, and literal rows for what is tricky."""

import math
import random
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import oracle
import pyarrow as pa
import pytest
from oracle import Event
from plain_parts import features_of, parts_of
from random_logs import END, NULL_WITHOUT_AN_ORACLE, differences, event, random_events

from custseg_spark.core.features import registry
from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.features.scores import SCORE_DOCS
from custseg_spark.errors import ConfigurationError

AS_OF = date(2021, 3, 1)
SEEDS = range(20)
CUSTOMERS_A_SEED = 14

Features = dict[str, dict[str, Any]]


def log_of(seed: int) -> list[Event]:
    events = random_events(seed, CUSTOMERS_A_SEED)
    random.Random(seed).shuffle(events)
    return events


@pytest.fixture(scope="module")
def log() -> list[Event]:
    return [e for seed in range(3) for e in log_of(seed)]


@pytest.fixture(scope="module")
def features(log: list[Event]) -> Features:
    return features_of(parts_of(log), log, AS_OF)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_feature_of_every_customer_agrees_with_the_oracle(seed: int) -> None:
    log = log_of(seed)
    computed = features_of(parts_of(log), log, AS_OF)
    assert differences(computed, oracle.customer_features(log, AS_OF)) == []


def test_a_column_that_only_one_side_has_is_a_difference() -> None:
    both = {"c": {"frequency": 1, "clv_12m": None}}
    assert differences(both, {"c": {"frequency": 1}}) == []
    assert differences({"c": {"frequency": 1, "new": None}}, both) == [
        "c clv_12m: the product lacks it",
        "c new: the oracle lacks it",
    ]
    valued = {"c": {"frequency": 1, "clv_12m": 2.0}}
    assert differences(valued, {"c": {"frequency": 1}}) == ["c clv_12m: 2.0, not None"]


def test_the_columns_without_an_oracle_are_the_products() -> None:
    assert registry.columns().keys() > NULL_WITHOUT_AN_ORACLE


def test_the_random_log_has_the_shapes_that_break_features(
    log: list[Event], features: Features
) -> None:
    before = [e for e in log if e["event_at"] < END]
    gap_sessions = [
        [e["event_at"] for e in own]
        for customer in features
        for (kind, _), own in oracle.sessions_of(
            e for e in log if e["customer_id"] == customer
        ).items()
        if kind == "gap"
    ]
    assert any(min(s) < END <= max(s) for s in gap_sessions)
    assert any(min(s).date() < max(s).date() < AS_OF for s in gap_sessions)
    assert len({(e["customer_id"], e["event_at"]) for e in before}) < len(before)
    assert any(own["event_count"] == 1 for own in features.values())
    groups = {own["rfm_group"] for own in features.values()}
    assert "Prospects" in groups
    assert len(groups) > 6
    assert any(own["monetary"] < 0 for own in features.values())
    assert any(e["customer_id"] not in features for e in log)


def table_of(parts: pa.Table) -> pa.Table:
    return customer_features(parts, as_of=AS_OF)


@pytest.mark.parametrize("seed", range(4))
def test_no_order_and_no_chunks_of_the_parts_change_a_bit(log: list[Event], seed: int) -> None:
    parts = parts_of(log)
    rows = random.Random(seed).sample(range(len(parts)), len(parts))
    halves = [parts.take(rows[:9]), parts.take(rows[9:])]
    assert table_of(pa.concat_tables(halves)) == table_of(parts)


@pytest.mark.parametrize("buckets", [2, 8])
def test_customers_have_the_same_features_in_whatever_company(
    log: list[Event], buckets: int
) -> None:
    customers = sorted({e["customer_id"] for e in log})
    of_bucket = [
        table_of(parts_of([e for e in log if e["customer_id"] in set(customers[n::buckets])]))
        for n in range(buckets)
    ]
    assert pa.concat_tables(of_bucket).sort_by("customer_id") == table_of(parts_of(log))


def test_without_the_events_from_as_of_on_the_features_are_the_same(log: list[Event]) -> None:
    before = [e for e in log if e["event_at"] < END]
    assert len(before) < len(log)
    assert table_of(parts_of(before)) == table_of(parts_of(log))


def test_every_customer_with_an_event_before_as_of_is_there_once_in_order(
    log: list[Event],
) -> None:
    customers = table_of(parts_of(log))["customer_id"].to_pylist()
    assert customers == sorted({e["customer_id"] for e in log if e["event_at"] < END})


def test_without_a_part_before_as_of_nobody_is_there() -> None:
    parts = parts_of([event("late", "2021-03-01")])
    assert table_of(parts) == registry.arrow_schema().empty_table()


def test_columns_that_nobody_asked_for_are_null(log: list[Event]) -> None:
    table = table_of(parts_of(log))
    assert table.schema == registry.arrow_schema()
    asked = {f.name for f in registry.all_features()}
    nulls = {n for n in table.column_names if table[n].null_count == len(table)}
    assert nulls - {"relative_price"} == {*registry.columns()} - asked
    assert nulls >= {*SCORE_DOCS, "rfm_group", "clv_12m", "price_tier", "age_years"}


@dataclass(frozen=True)
class Case:
    """One customer's literal events, and what some of the features must be."""

    name: str
    events: tuple[tuple[Any, ...], ...]
    expected: dict[str, Any]

    def log(self) -> list[Event]:
        """The events; each is (time, type, price, further columns), all but the time optional."""
        log = []
        for at, *rest in self.events:
            more = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            log.append(event(self.name, at, *rest, **more))
        return log


def purchase(at: str, price: str = "10", **more: Any) -> tuple[Any, ...]:
    return (at, "purchase", price, more)


CASES = (
    Case(
        "the peak hour is the lowest at a tie",
        (("2021-02-01 21:00",), ("2021-02-02 21:59",), ("2021-02-03 09:00",),
         ("2021-02-03 09:01",)),
        {"peak_hour": 9},
    ),
    Case(
        "the peak hour may be the last of the day",
        (("2021-02-01 00:59:59",), ("2021-02-01 23:00",), ("2021-02-02 23:59:59.999999",)),
        {"peak_hour": 23},
    ),
    Case(
        "one session has no days between sessions",
        (("2021-02-01 10:00",), ("2021-02-01 10:30",)),
        {"days_between_sessions_mean": None, "session_count": 1, "bounce_rate": 0.0},
    ),
    Case(
        "days between sessions are counted from beginning to beginning",
        (("2021-02-01 10:00",), ("2021-02-01 10:29",), ("2021-02-02 22:00",)),
        {"days_between_sessions_mean": 1.5, "session_duration_mean_s": 870.0, "bounce_rate": 0.5},
    ),
    Case(
        "a day that isn't over doesn't count as recency",
        (purchase("2021-02-28 00:00:00.000001"),),
        {"recency_days": 0, "days_since_first_event": 0, "days_since_last_event": 0},
    ),
    Case(
        "exactly a day before the run date is one day of recency",
        (purchase("2021-02-28 00:00:00"), ("2021-02-28 12:00",)),
        {"recency_days": 1, "days_since_first_event": 1, "days_since_last_event": 0},
    ),
    Case(
        "equal prices of four decimals don't vary",
        (("2021-02-01", "view", "12.9905"), *[("2021-02-02", "view", "12.9905")] * 2),
        {"price_stddev": 0.0, "price_tolerance": 0.0, "avg_viewed_price": 12.9905},
    ),
    Case(
        "the standard deviation is the population's",
        (("2021-02-01", "view", "1"), ("2021-02-01", "view", "3"), purchase("2021-02-01", "9")),
        {"price_stddev": 1.0, "price_tolerance": 0.5, "price_ratio": 4.5},
    ),
    Case(
        "the least difference of huge prices shows",
        (("2021-02-01", "view", "999999999.0001"), ("2021-02-01", "view", "999999999.0003")),
        {"price_stddev": 0.0001, "max_viewed_price": Decimal("999999999.0003")},
    ),
    Case(
        "discounts count by the money that they are about",
        (
            purchase("2021-02-01", "10", quantity=2, discount=Decimal(5)),
            purchase("2021-02-01", "30", discount=Decimal(15)),
            purchase("2021-02-02", "20"),
            ("2021-02-03", "return", "10", {"discount": Decimal(9)}),
            ("2021-02-03", "view", "10"),
        ),
        {"discounted_spend_share": 0.6, "mean_discount_depth": 0.4},
    ),
    Case(
        "who pays full prices has no depth of discounts",
        (purchase("2021-02-01", "10"),),
        {"discounted_spend_share": 0.0, "mean_discount_depth": None},
    ),
    Case(
        "what was given away was reduced altogether",
        (purchase("2021-02-01", "10", discount=Decimal(10)),),
        {"discounted_spend_share": 0.0, "mean_discount_depth": 1.0},
    ),
    Case(
        "squares that overflow give null and no failure",
        (("2021-02-01", "view", "99999999999999.9999"),) * 2,
        {"price_stddev": None, "price_tolerance": 0.0, "avg_viewed_price": 1e14},
    ),
    Case(
        "free products have no price ratio",
        (("2021-02-01", "view", "0"), purchase("2021-02-01", "5")),
        {"avg_viewed_price": 0.0, "avg_purchased_price": 5.0, "price_ratio": None,
         "price_tolerance": 0.0},
    ),
    Case(
        "who only bought has viewed no price",
        (purchase("2021-02-01", "5"),),
        {"avg_viewed_price": None, "price_ratio": None, "max_viewed_price": None,
         "price_stddev": 0.0, "exploration_ratio": 0.0, "view_to_purchase_rate": 0.0},
    ),
    Case(
        "a single key has no entropy, to the last bit",
        (("2021-02-01 10:00",), ("2021-02-01 10:01",), ("2021-02-01 10:02",)),
        {"hour_entropy": 0.0, "category_entropy": 0.0, "top_category_share": 1.0},
    ),
    Case(
        "two keys alike have an entropy of ln 2",
        (("2021-02-01 10:00",), ("2021-02-01 11:00", "view", "1", {"category_id": "c2"})),
        {"hour_entropy": math.log(2), "category_entropy": math.log(2), "top_category_share": 0.5},
    ),
    Case(
        "null is no category and no brand",
        (
            ("2021-02-01", "view", "1", {"category_id": None, "brand": None}),
            ("2021-02-01", "view", "1", {"brand": None}),
        ),
        {"category_count": 1, "brand_count": 0, "top_category_share": 1.0, "top_brand_share": 0.0,
         "category_entropy": 0.0, "product_count": 1, "exploration_ratio": 0.5},
    ),
    Case(
        "a window begins at 00:00 of its first day",
        (purchase("2021-01-30"), purchase("2020-12-01"), purchase("2020-03-01")),
        {"events_30d": 1, "events_90d": 2, "events_365d": 3, "purchases_90d": 2,
         "spend_30d": Decimal("10.0000"), "spend_365d": Decimal("30.0000")},
    ),
    Case(
        "a microsecond before its first day is outside a window",
        tuple(
            purchase(f"{day} 23:59:59.999999") for day in ("2021-01-29", "2020-11-30", "2020-02-29")
        ),
        {"events_30d": 0, "events_90d": 1, "events_365d": 2, "purchases_30d": 0,
         "spend_30d": Decimal("0.0000"), "spend_365d": Decimal("20.0000")},
    ),
    Case(
        "the evening is from 18:00",
        (("2021-02-01 17:59:59.999999",), ("2021-02-01 18:00",), ("2021-02-01 23:59:59",),
         ("2021-02-02 00:00",)),
        {"evening_share": 0.5},
    ),
    Case(
        "the weekend is Saturday and Sunday",
        (("2021-02-26 23:59:59",), ("2021-02-27 00:00",), ("2021-02-28 23:59:59",),
         ("2021-02-22 00:00",)),
        {"weekend_share": 0.5, "active_days": 4},
    ),
    Case(
        "a purchase session over midnight is one order on two days",
        (purchase("2021-02-01 23:50"), purchase("2021-02-02 00:10")),
        {"frequency": 1, "purchase_days": 2, "purchase_count": 2, "session_count": 1,
         "average_order_value": 20.0},
    ),
    Case(
        "an order over two sessions is one order",
        (purchase("2021-02-01", order_id="o", session_id="s1"),
         purchase("2021-02-02", order_id="o", session_id="s2")),
        {"frequency": 1, "session_count": 2},
    ),
    Case(
        "an order and a session of one id are two orders",
        (purchase("2021-02-01", order_id="x"), purchase("2021-02-02", session_id="x")),
        {"frequency": 2, "session_count": 2},
    ),
    Case(
        "spend is price by quantity less discount, and less returns",
        (purchase("2021-02-01", "2.50", quantity=3, discount=Decimal("0.25")),
         ("2021-02-02", "return", "2.50")),
        {"monetary": Decimal("4.7500"), "average_order_value": 4.75, "avg_purchased_price": 2.5,
         "purchase_count": 1, "event_count": 2},
    ),
    Case(
        "who only returned never bought",
        (("2021-02-02", "return", "2.50"),),
        {"recency_days": None, "frequency": 0, "monetary": Decimal("-2.5000"),
         "average_order_value": 0.0, "rfm_r": 0, "rfm_score": 0, "rfm_group": "Prospects"},
    ),
    Case(
        "a purchase after the run date doesn't save an abandoned cart",
        (("2021-02-28 23:59", "cart"), purchase("2021-03-01 00:00")),
        {"cart_abandonment_rate": 1.0, "cart_to_purchase_rate": 0.0, "event_count": 1},
    ),
    Case(
        "a cart is saved by its own session only",
        (("2021-02-01 10:00", "cart"), ("2021-02-02 10:00", "cart"), purchase("2021-02-02 10:05")),
        {"cart_abandonment_rate": 0.5, "cart_to_purchase_rate": 0.5},
    ),
    Case(
        "tied events are two events of one session",
        (("2021-02-01 10:00",), ("2021-02-01 10:00",)),
        {"session_count": 1, "event_count": 2, "bounce_rate": 0.0, "session_duration_mean_s": 0.0},
    ),
    Case(
        "loyalty is half repeat orders, half the time seen",
        (purchase("2021-02-19"), purchase("2021-02-24")),
        {"loyalty_score": 0.5},
    ),
    Case(
        "one view is no loyalty",
        (("2021-02-19",),),
        {"loyalty_score": 0.0, "engagement_intensity": 1.0, "bounce_rate": 1.0},
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def literal() -> Features:
    """The features of all cases at once: each case is one customer."""
    log = [e for c in CASES for e in c.log()]
    return features_of(parts_of(log), log, AS_OF)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_literal(case: Case, literal: Features) -> None:
    computed = {name: literal[case.name][name] for name in case.expected}
    assert differences({case.name: computed}, {case.name: case.expected}) == []


def test_the_oracle_agrees_on_the_literal_rows(literal: Features) -> None:
    # It knows no overflow.
    overflowing = "squares that overflow give null and no failure"
    expected = oracle.customer_features([e for c in CASES for e in c.log()], AS_OF)
    expected[overflowing] = literal[overflowing]
    assert differences(literal, expected) == []


def test_squares_that_are_null_in_one_part_tell_no_deviation() -> None:
    log = [event(c, at) for c in ("all", "one") for at in ("2021-02-01", "2021-02-02")]
    parts = parts_of(log)
    squares = [None, Decimal(100), Decimal(100), Decimal(100)]
    at = parts.column_names.index("viewed_price_squares")
    parts = parts.set_column(at, "viewed_price_squares", pa.array(squares, parts.schema[at].type))
    rows = table_of(parts).to_pylist()
    assert [(r["price_stddev"], r["price_tolerance"]) for r in rows] == [(None, 0.0), (0.0, 0.0)]


def test_large_strings_and_nanoseconds_are_read_alike(log: list[Event]) -> None:
    parts = parts_of(log)
    other = {pa.string(): pa.large_string(), pa.timestamp("us", "UTC"): pa.timestamp("ns", "UTC")}
    fields = [f.with_type(other.get(f.type, f.type)) for f in parts.schema]
    assert table_of(parts.cast(pa.schema(fields))) == table_of(parts)


def test_an_unknown_family_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"price_relativ.*price_relative"):
        registry.families(["price_relativ"])


def test_every_feature_has_a_description() -> None:
    everything = registry.all_features(tuple(registry.OPTIONAL_FAMILIES))
    assert len({f.name for f in everything}) == len(everything)
    assert all(f.doc.endswith(".") for f in everything)
