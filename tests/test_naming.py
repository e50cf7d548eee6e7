"""RFM groups: a name for every score code."""

from itertools import product

import oracle
from pyspark.sql import SparkSession

from custseg_spark import naming

GROUPS = {
    "Champions",
    "Loyal",
    "Active",
    "Needs Attention",
    "Promising",
    "New",
    "Previously Loyal",
    "At Risk",
    "Almost Lost",
    "Dormant",
    "Prospects",
}
CODES = [(0, 0, 0), *product(range(1, 6), repeat=3)]


def test_every_code_has_one_of_the_groups_and_every_group_occurs() -> None:
    assert {naming.rfm_group(*code) for code in CODES} == GROUPS


def test_only_who_never_bought_is_a_prospect() -> None:
    assert [c for c in CODES if naming.rfm_group(*c) == "Prospects"] == [(0, 0, 0)]


def test_the_groups_are_those_of_the_oracle() -> None:
    assert [naming.rfm_group(*c) for c in CODES] == [oracle.rfm_group(*c) for c in CODES]


def test_frequency_and_monetary_weigh_alike() -> None:
    assert all(naming.rfm_group(r, f, m) == naming.rfm_group(r, m, f) for r, f, m in CODES)


def test_no_recent_customer_is_called_lost() -> None:
    past = {"Previously Loyal", "At Risk", "Almost Lost", "Dormant"}
    assert not past & {naming.rfm_group(*code) for code in CODES if code[0] >= 3}


def test_the_column_says_the_same_for_every_code(spark: SparkSession) -> None:
    codes = spark.createDataFrame(CODES, "rfm_r int, rfm_f int, rfm_m int")
    rows = naming.with_rfm_group(codes).collect()
    assert [row.rfm_group for row in rows] == [naming.rfm_group(*code) for code in CODES]
