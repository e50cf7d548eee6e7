"""RFM scores: by quintile among buyers, equal for equals, and the same over buckets."""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import oracle
import polars as pl
import pyarrow as pa
import pytest
from oracle import Event
from plain_parts import parts_of
from random_logs import event

from custseg_spark.core.features.customers import customer_features
from custseg_spark.core.features.rfm_groups import standard_groups
from custseg_spark.core.features.rfm_rules import RfmRules
from custseg_spark.core.features.scores import (
    SCORE_DOCS,
    Cutoffs,
    buyer_values,
    score_cutoffs,
    value_counts,
)

AS_OF = date(2021, 3, 1)
Buyer = tuple[int | None, int, str]


def log_of(customers: Sequence[Buyer]) -> list[Event]:
    """Purchases of customers with this recency, frequency and net spend."""
    log = []
    for number, (recency, frequency, monetary) in enumerate(customers):
        customer, spend = f"{number:03}", Decimal(monetary)
        at = datetime(2021, 3, 1) - timedelta(days=recency or 0, seconds=1)
        for order in range(frequency):
            log.append(event(customer, str(at), "purchase", "0", order_id=f"o{order}"))
        if spend < 0:
            log.append(event(customer, str(at), "return", str(-spend)))
        elif spend:
            log.append(event(customer, str(at), "purchase", monetary, order_id="o0"))
        log.append(event(customer, "2021-02-01"))
    return log


def cutoffs_of(parts: Sequence[pa.Table]) -> Cutoffs:
    counts = [value_counts(buyer_values(bucket, AS_OF)) for bucket in parts]
    return score_cutoffs(pl.concat(counts))


def scores(customers: Sequence[Buyer]) -> list[tuple[int, int, int, int]]:
    """For each (recency, frequency, monetary): its R, F and M score and their sum."""
    parts = parts_of(log_of(customers))
    table = customer_features(parts, as_of=AS_OF, cutoffs=cutoffs_of([parts]))
    return list(zip(*(table[name].to_pylist() for name in SCORE_DOCS), strict=True))


def test_five_different_buyers_have_the_five_scores() -> None:
    buyers = [(50, 1, "10"), (40, 2, "20"), (30, 3, "30"), (20, 4, "40"), (10, 5, "50")]
    assert scores(buyers) == [(n, n, n, 3 * n) for n in range(1, 6)]


def test_recent_is_good_and_the_other_two_are_good_when_large() -> None:
    assert scores([(1, 1, "10"), (400, 9, "90")]) == [(3, 1, 1, 5), (1, 3, 3, 7)]


def test_equal_buyers_have_equal_scores_and_nobody_is_better_than_1() -> None:
    assert scores([(7, 1, "10")] * 6) == [(1, 1, 1, 3)] * 6


def test_half_of_the_buyers_bought_once_and_all_of_them_score_alike() -> None:
    once = [(10 * i, 1, f"{i}.99") for i in range(1, 11)]
    often = [(i, i, f"{i * 100}") for i in range(2, 12)]
    frequency_scores = [f for _, f, _, _ in scores([*once, *often])]
    assert frequency_scores[:10] == [1] * 10
    # Half of the buyers are below the lowest of them: score 3, and two fifths are left for 4 and 5.
    assert frequency_scores[10:] == [3, 3, 4, 4, 4, 4, 5, 5, 5, 5]


def test_exactly_a_fifth_below_is_score_2_and_one_buyer_less_is_1() -> None:
    fifth = [(1, n, "1") for n in (1, 2, 2, 2, 2)]
    less = [(1, n, "1") for n in (1, 2, 2, 2, 2, 2)]
    assert [f for _, f, _, _ in scores(fifth)] == [1, 2, 2, 2, 2]
    assert [f for _, f, _, _ in scores(less)] == [1, 1, 1, 1, 1, 1]


def test_who_never_bought_is_scored_0_and_counts_for_nobody() -> None:
    buyers = [(50, 1, "10"), (40, 2, "20"), (30, 3, "30"), (20, 4, "40"), (10, 5, "50")]
    prospects: list[Buyer] = [(None, 0, "0"), (None, 0, "-5")] * 10
    all_scores = scores([*prospects, *buyers])
    assert all_scores[:20] == [(0, 0, 0, 0)] * 20
    assert all_scores[20:] == scores(buyers)


def test_without_a_buyer_everybody_is_scored_0() -> None:
    assert scores([(None, 0, "0"), (None, 0, "-3")]) == [(0, 0, 0, 0)] * 2
    assert cutoffs_of([parts_of(log_of([(None, 0, "0")]))]) == Cutoffs()


def test_money_is_compared_to_the_last_decimal_also_below_0() -> None:
    money = ["-0.0002", "-0.0001", "0", "1234567890.1234", "1234567890.1235"]
    assert [m for _, _, m, _ in scores([(1, 1, m) for m in money])] == [1, 2, 3, 4, 5]


def test_money_beyond_64_bits_is_compared_to_the_last_decimal() -> None:
    prices = ["99999999999999.9997", "99999999999999.9998", "99999999999999.9999"]
    log = [
        event(f"{n}", "2021-02-01", "purchase", price, quantity=10**6)
        for n, price in enumerate(["1", "2", *prices])
    ]
    parts = parts_of(log)
    table = customer_features(parts, as_of=AS_OF, cutoffs=cutoffs_of([parts]))
    assert table["rfm_m"].to_pylist() == [1, 2, 3, 4, 5]
    assert table["monetary"].to_pylist()[2:] == [10**6 * Decimal(p) for p in prices]


@pytest.mark.parametrize("buckets", [1, 3])
def test_scores_are_those_of_the_oracle_on_many_ties_over_any_buckets(buckets: int) -> None:
    customers = [(i % 7, 1 + i * i % 4, str(i * 31 % 11)) for i in range(83)]
    plain = {
        str(i): {"recency_days": r, "frequency": f, "monetary": Decimal(m)}
        for i, (r, f, m) in enumerate(customers)
    }
    oracle.add_scores(plain)
    log = log_of(customers)
    random.Random(1).shuffle(log)
    of_bucket = [
        parts_of([e for e in log if int(e["customer_id"]) % buckets == n]) for n in range(buckets)
    ]
    cutoffs = cutoffs_of(of_bucket)
    rows = [
        row
        for parts in of_bucket
        for row in customer_features(parts, as_of=AS_OF, cutoffs=cutoffs).to_pylist()
    ]
    names = (*SCORE_DOCS, "rfm_group")
    by_number = {str(int(row["customer_id"])): {n: row[n] for n in names} for row in rows}
    assert by_number == {who: {n: own[n] for n in names} for who, own in plain.items()}


def test_purchases_from_as_of_on_make_no_buyer() -> None:
    parts = parts_of([event("c", "2021-03-01", "purchase"), event("c", "2021-02-01")])
    assert buyer_values(parts, AS_OF).is_empty()


def test_given_cut_points_score_whoever_the_others_are() -> None:
    rules = RfmRules(3, (30, 90), (1, 4), (Decimal("50"), Decimal("99.99")), standard_groups(3))
    buyers: list[Buyer] = [
        (29, 1, "50"),
        # A value at a cut point belongs to the bin below it; the last day does, too.
        (30, 2, "50.0001"),
        (31, 4, "99.99"),
        (90, 5, "99.9901"),
        (91, 9, "-3"),
        (None, 0, "0"),
    ]
    parts = parts_of(log_of(buyers))
    table = customer_features(
        parts, as_of=AS_OF, cutoffs=rules.cutoffs(Cutoffs()), rfm_groups=rules.groups
    )
    found = list(zip(*(table[name].to_pylist() for name in SCORE_DOCS), strict=True))
    # Recency in whole days to the run date, a second before midnight: a day less than it is named.
    days = [row if row is None else int(row) for row in table["recency_days"].to_pylist()]
    assert days == [29, 30, 31, 90, 91, None]
    assert found == [(3, 1, 1, 5), (3, 2, 2, 7), (2, 2, 2, 6), (2, 3, 3, 8), (1, 3, 1, 5), (0,) * 4]
    assert table["rfm_group"].to_pylist()[:2] == ["New", "Active"]


@pytest.mark.parametrize("bins", [2, 3, 10])
def test_other_bins_have_equal_shares_of_the_buyers(bins: int) -> None:
    buyers = [(n, 1, str(n)) for n in range(1, 61)]
    parts = parts_of(log_of(buyers))
    cutoffs = score_cutoffs(value_counts(buyer_values(parts, AS_OF)), bins)
    table = customer_features(parts, as_of=AS_OF, cutoffs=cutoffs, rfm_groups=standard_groups(bins))
    assert table["rfm_m"].to_pylist() == [1 + bins * (n - 1) // 60 for n in range(1, 61)]
    assert table["rfm_r"].to_pylist() == [1 + bins * (60 - n) // 60 for n in range(1, 61)]
    assert table["rfm_f"].to_pylist() == [1] * 60
