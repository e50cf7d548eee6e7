"""Lists of products, categories and brands: counts and pairs against plain Python, order, names."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from oracle import Event
from plain_parts import key_of, parts_of
from random_logs import event

from custseg_spark.core.insights import affinity, names, pairs
from custseg_spark.core.insights.affinity import Rules
from custseg_spark.core.sessions.buckets import text_key

BEGIN = datetime(2021, 1, 1)
RULES = Rules(top=3, min_customers=2, confidence=0.95)
KINDS = {"product": "product_id", "category": "category_id", "brand": "brand"}


def keys(values: Iterable[str]) -> dict[str, int]:
    """The key that a part's item has of each id, as `plain_parts` makes them."""
    return {value: key_of(value) for value in values}


def random_log(seed: int) -> list[Event]:
    rng = Random(seed)
    log = []
    for number in range(60):
        at = BEGIN + timedelta(hours=rng.randrange(24))
        for _ in range(rng.randrange(9)):
            at += timedelta(hours=rng.randrange(1, 200))
            product = rng.randrange(1 + number % 12)
            log.append(
                event(
                    f"c{number}",
                    at.isoformat(),
                    rng.choice(["view", "cart", "purchase", "purchase"]),
                    product_id=f"p{product}",
                    category_id=None if product == 7 else f"k{product % 3}",
                    brand=None if product % 4 else f"b{product % 2}",
                )
            )
    rng.shuffle(log)
    return log


def segments_of(log: list[Event]) -> dict[str, dict[str, int]]:
    """By algorithm the segment of each customer; one customer has none."""
    ids = sorted({one["customer_id"] for one in log} - {"c1"})
    return {
        "kmeans": {customer: 1 + int(customer[1:]) % 3 for customer in ids},
        "bisecting_kmeans": dict.fromkeys(ids, 5),
    }


def labels(segments: dict[str, dict[str, int]]) -> pa.Table:
    rows = [(a, c, s) for a, own in segments.items() for c, s in own.items()]
    columns = dict(
        zip(("algorithm", "customer_id", "segment_id"), zip(*rows, strict=True), strict=True)
    )
    return pa.table(columns).cast(
        pa.schema(
            [("algorithm", pa.string()), ("customer_id", pa.string()), ("segment_id", pa.int32())]
        )
    )


def owners(log: list[Event], basis: str) -> dict[tuple[str, str], set[str]]:
    """By kind and id the customers who own it."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in log:
        if basis == "events" or one["event_type"] == "purchase":
            for kind, column in KINDS.items():
                if one[column] is not None:
                    found[kind, one[column]].add(one["customer_id"])
    return found


def counted(log: list[Event], basis: str = "purchases", buckets: int = 3) -> pl.DataFrame:
    """The counts as tasks make them: a bucket of customers each, in any order."""
    by_segment = labels(segments_of(log))
    frames = []
    for bucket in range(buckets):
        own = [one for one in log if int(one["customer_id"][1:]) % buckets == bucket]
        frames.append(affinity.counts(parts_of(own), by_segment, basis))
    return affinity.added(reversed(frames))


@pytest.mark.parametrize("basis", ["purchases", "events"])
@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_plain_python_whatever_the_buckets(seed: int, basis: str) -> None:
    log = random_log(seed)
    expected: Counter[tuple[Any, ...]] = Counter()
    of_ids = owners(log, basis)
    spelt = keys({id_ for _, id_ in of_ids})
    for algorithm, own in segments_of(log).items():
        for (kind, id_), customers in of_ids.items():
            for customer in customers & own.keys():
                expected[algorithm, own[customer], kind, spelt[id_]] += 1
        for customer in {c for (kind, _), cs in of_ids.items() if kind == "product" for c in cs}:
            if customer in own:
                expected[algorithm, own[customer], None, None] += 1
    for buckets in (1, 4):
        rows = counted(log, basis, buckets).rows()
        assert {row[:4]: row[4] for row in rows} == expected


def test_lifts_are_of_shares_of_buyers() -> None:
    log = random_log(1)
    rows = affinity.affinities(counted(log), RULES)
    own, of_ids = segments_of(log)["kmeans"], owners(log, "purchases")
    buyers = {c for (kind, _), cs in of_ids.items() if kind == "product" for c in cs & own.keys()}
    spelt = {key: id_ for id_, key in keys({id_ for _, id_ in of_ids}).items()}
    checked = 0
    for row in rows.filter(algorithm="kmeans").iter_rows(named=True):
        members = {c for c in buyers if own[c] == row["segment_id"]}
        have = of_ids[row["kind"], spelt[row["key"]]] & own.keys()
        assert row["customers"] == len(have & members) >= RULES.min_customers
        assert (row["segment_buyers"], row["all_buyers"]) == (len(members), len(buyers))
        assert row["all_customers"] == len(have)
        assert row["support"] == pytest.approx(len(have & members) / len(members))
        assert row["lift"] == pytest.approx(row["support"] / (len(have) / len(buyers)))
        assert 1 < row["lift"] <= row["lift_high"]
        assert row["lift_low"] < row["lift"]
        checked += 1
    assert checked > 5
    # One segment that is everybody differs from nobody.
    assert rows.filter(algorithm="bisecting_kmeans").is_empty()


@pytest.mark.parametrize("seed", range(3))
def test_pairs_are_those_of_plain_python(seed: int) -> None:
    log, segments = random_log(seed), {"kmeans": segments_of(random_log(seed))["kmeans"]}
    by_segment, counts = labels(segments), counted(log).filter(algorithm="kmeans")
    leading = affinity.affinities(counts, Rules(99, 1, 0.95))
    sought = pairs.sought(counts, leading, RULES)
    some = {"c1", "c5", "c9", "c20"}
    buckets = [[one for one in log if (one["customer_id"] in some) == own] for own in (True, False)]
    found = pairs.added_pairs(
        pairs.pair_counts(parts_of(bucket), by_segment, "purchases", sought) for bucket in buckets
    )
    bought: dict[str, set[str]] = defaultdict(set)
    for one in log:
        if one["event_type"] == "purchase":
            bought[one["customer_id"]].add(one["product_id"])
    spelt = keys({f"p{n}" for n in range(12)})
    anchors = {(s, k) for _, s, k in sought.anchors.rows()}
    enough = {(r[1], r[3]) for r in counts.filter(kind="product").rows() if r[4] >= 2}
    expected: Counter[tuple[Any, ...]] = Counter()
    for customer, products in bought.items():
        if customer not in segments["kmeans"]:
            continue
        segment = segments["kmeans"][customer]
        for one, other in permutations(products, 2):
            if (segment, spelt[one]) in anchors and (segment, spelt[other]) in enough:
                expected["kmeans", segment, spelt[one], spelt[other]] += 1
    assert {row[:4]: row[4] for row in found.rows()} == expected
    for row in pairs.partners(found, counts, RULES).iter_rows(named=True):
        assert row["support"] == row["customers"] / row["owners"]
        assert row["lift"] == pytest.approx(
            row["customers"] * row["buyers"] / (row["owners"] * row["partner_owners"])
        )


def test_lists_are_by_the_lower_end_and_ties_by_id() -> None:
    rows = pl.DataFrame(
        {
            "list": ["a"] * 5 + ["b"],
            "id": ["p10", "p9", "p2", "p1", "p3", "p1"],
            "lift_low": [1.5, 1.5, 1.5, 3.0, 0.7, 0.1],
        }
    )
    assert sorted(affinity.leading(rows, ["list"], 2)["id"]) == ["p1", "p1", "p10", "p2", "p9"]
    numbered = affinity.ranked(rows, ["list"], "id", 3)
    assert numbered.select("list", "rank", "id").rows() == [
        ("a", 1, "p1"),
        ("a", 2, "p10"),
        ("a", 3, "p2"),
        ("b", 1, "p1"),
    ]


def test_nobody_who_bought_gives_empty_lists() -> None:
    log = [event("c2", BEGIN.isoformat(), "view", product_id="p1")]
    counts = counted(log)
    rows = affinity.affinities(counts, RULES)
    assert counts.is_empty()
    assert rows.is_empty()
    sought = pairs.sought(counts, rows, RULES)
    assert pairs.partners(pairs.added_pairs([]), counts, RULES).is_empty()
    assert sought.anchors.is_empty()


def test_a_product_is_told_with_the_category_and_brand_of_most_of_its_purchases() -> None:
    columns = ("event_type", "product_id", "category_id", "category_code", "brand")
    rows = [
        *[("purchase", "p1", "k1", "shoes", "acme")] * 2,
        ("purchase", "p1", "k1", "boots", "zeta"),
        *[("view", "p1", "k1", "boots", "zeta")] * 5,
        ("purchase", "p2", None, None, None),
        ("purchase", "p2", None, None, "acme"),
        ("purchase", "p3", "k2", None, None),
    ]
    events = pl.DataFrame(rows, columns, orient="row")
    ids = {"product": ["p1", "p2"], "category": ["k1"], "brand": ["acme", "none such"]}
    wanted = pl.DataFrame(
        [(kind, id_) for kind, own in ids.items() for id_ in own], ["kind", "id"], orient="row"
    ).select(pl.col("kind").cast(pl.Enum(list(KINDS))), key=text_key("id"))
    slices = [names.spellings(events[start::2], wanted, "purchases") for start in (1, 0)]
    assert names.named(slices).drop("key").sort("kind", "id").rows() == [
        ("product", "p1", "shoes", "acme"),
        # Ties by their texts.
        ("product", "p2", None, "acme"),
        ("category", "k1", "shoes", None),
        ("brand", "acme", None, None),
    ]
