"""RFM scores: by quintile among buyers, and equal for equals."""

from collections.abc import Sequence
from decimal import Decimal

import oracle
from custseg_spark.features import rfm
from pyspark.sql import DataFrame, SparkSession

Buyer = tuple[int | None, int, str]

_DDL = "customer_id string, recency_days int, frequency bigint, monetary decimal(28,4)"


def scores(spark: SparkSession, customers: Sequence[Buyer]) -> list[tuple[int, int, int, int]]:
    """For each (recency, frequency, monetary): its R, F and M score and their sum."""
    rows = [(f"{i:03}", r, f, Decimal(m)) for i, (r, f, m) in enumerate(customers)]
    frame = spark.createDataFrame(rows, _DDL)
    scored = rfm.with_scores(frame, cutoffs(frame)).orderBy("customer_id")
    return [tuple(row) for row in scored.select(*rfm.SCORE_DOCS).collect()]


def cutoffs(frame: DataFrame) -> dict[str, list[Decimal]]:
    return {row.score: row.cutoffs for row in rfm.score_cutoffs(frame).collect()}


def test_five_different_buyers_have_the_five_scores(spark: SparkSession) -> None:
    buyers = [(50, 1, "10"), (40, 2, "20"), (30, 3, "30"), (20, 4, "40"), (10, 5, "50")]
    assert scores(spark, buyers) == [(n, n, n, 3 * n) for n in range(1, 6)]


def test_recent_is_good_and_the_other_two_are_good_when_large(spark: SparkSession) -> None:
    assert scores(spark, [(1, 1, "10"), (400, 9, "90")]) == [(3, 1, 1, 5), (1, 3, 3, 7)]


def test_equal_buyers_have_equal_scores_and_nobody_is_better_than_1(spark: SparkSession) -> None:
    assert scores(spark, [(7, 1, "10")] * 6) == [(1, 1, 1, 3)] * 6


def test_half_of_the_buyers_bought_once_and_all_of_them_score_alike(spark: SparkSession) -> None:
    once = [(10 * i, 1, f"{i}.99") for i in range(1, 11)]
    often = [(i, i, f"{i * 100}") for i in range(2, 12)]
    found = [f for _, f, _, _ in scores(spark, [*once, *often])]
    assert found[:10] == [1] * 10
    # Half of the buyers are below the lowest of them: score 3, and two fifths are left for 4 and 5.
    assert found[10:] == [3, 3, 4, 4, 4, 4, 5, 5, 5, 5]


def test_exactly_a_fifth_below_is_score_2_and_one_buyer_less_is_1(spark: SparkSession) -> None:
    fifth = [(1, n, "1") for n in (1, 2, 2, 2, 2)]
    less = [(1, n, "1") for n in (1, 2, 2, 2, 2, 2)]
    assert [f for _, f, _, _ in scores(spark, fifth)] == [1, 2, 2, 2, 2]
    assert [f for _, f, _, _ in scores(spark, less)] == [1, 1, 1, 1, 1, 1]


def test_who_never_bought_is_scored_0_and_counts_for_nobody(spark: SparkSession) -> None:
    buyers = [(50, 1, "10"), (40, 2, "20"), (30, 3, "30"), (20, 4, "40"), (10, 5, "50")]
    prospects = [(None, 0, "0"), (None, 0, "-5")] * 10
    found = scores(spark, [*prospects, *buyers])
    assert found[:20] == [(0, 0, 0, 0)] * 20
    assert found[20:] == scores(spark, buyers)


def test_without_a_buyer_everybody_is_scored_0(spark: SparkSession) -> None:
    assert scores(spark, [(None, 0, "0")]) == [(0, 0, 0, 0)]


def test_money_is_compared_to_the_last_decimal_also_below_0(spark: SparkSession) -> None:
    money = ["-0.0002", "-0.0001", "0", "99999999999999999999.9998", "99999999999999999999.9999"]
    assert [m for _, _, m, _ in scores(spark, [(1, 1, m) for m in money])] == [1, 2, 3, 4, 5]


def test_scores_are_those_of_the_oracle_on_many_ties(spark: SparkSession) -> None:
    buyers = [(i % 7, 1 + i * i % 4, str(i * 31 % 11)) for i in range(83)]
    plain = {
        str(i): {"recency_days": r, "frequency": f, "monetary": Decimal(m)}
        for i, (r, f, m) in enumerate(buyers)
    }
    oracle.add_scores(plain)
    expected = [tuple(own[name] for name in rfm.SCORE_DOCS) for own in plain.values()]
    assert scores(spark, buyers) == expected
