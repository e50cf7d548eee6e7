"""Profiles as features: how words become numbers, and that without profiles nothing changes."""

import random
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from custseg_spark.features import demographics
from custseg_spark.pipeline.featurising import with_demographics
from literal_events import event, frame, parts_of
from pyspark.sql import DataFrame, SparkSession

from custseg_spark import features
from custseg_spark.config.settings import Config, LakeConfig
from custseg_spark.engine.lake.lake import Lake
from custseg_spark.engine.lake.schemas import CUSTOMERS

AS_OF = date(2021, 3, 1)
NAMES = [f.name for f in demographics.family(AS_OF).features]
# Gender, education, occupation; is_female, is_male, level; profiles with that occupation.
PEOPLE: list[tuple[Any, ...]] = [
    ("Female", "PhD", "Nurse", 1, 0, 8, 2),
    ("F", "Doctorate", "NURSE", 1, 0, 8, 2),
    ("woman", "Master of Arts", "driver", 1, 0, 7, 1),
    ("MALE", "MBA", "Teacher", 0, 1, 7, 3),
    ("m", "Bachelor's degree", "teacher", 0, 1, 6, 3),
    ("Man", "undergraduate", "TEACHER", 0, 1, 6, 3),
    ("male", "postgraduate", None, 0, 1, 7, None),
    ("non-binary", "College", None, 0, 0, 5, None),
    ("other", "college graduate", None, 0, 0, 6, None),
    (None, "high school graduate", None, None, None, 3, None),
    (None, "Lower Secondary", None, None, None, 2, None),
    (None, "upper secondary", None, None, None, 3, None),
    (None, "Post-Secondary", None, None, None, 4, None),
    (None, "Primary", None, None, None, 1, None),
    (None, "no education", None, None, None, 0, None),
    (None, "self-taught", None, None, None, None, None),
    (None, None, None, None, None, None, None),
]


def profiles(spark: SparkSession, partitions: int = 1) -> DataFrame:
    rows = [
        (f"c{n}", None, 20 + n, Decimal(n), gender, education, job, None, "s", "f", n, "i")
        for n, (gender, education, job, *_) in enumerate(PEOPLE)
    ]
    random.Random(partitions).shuffle(rows)
    return spark.createDataFrame(rows, CUSTOMERS.schema).repartition(partitions)


def by_customer(found: DataFrame) -> dict[str, tuple[Any, ...]]:
    rows = {row.customer_id: tuple(row)[1:] for row in found.collect()}
    assert len(rows) == found.count()
    return rows


@pytest.mark.parametrize("partitions", [1, 3])
def test_words_become_numbers(spark: SparkSession, partitions: int) -> None:
    found = demographics.customer_columns(profiles(spark, partitions))
    assert found.columns == ["customer_id", *NAMES]
    assert by_customer(found) == {
        f"c{n}": (20 + n, Decimal(n), level, female, male, same and same / 6)
        for n, (_, _, _, female, male, level, same) in enumerate(PEOPLE)
    }


def test_profiles_add_columns_and_change_no_other(spark: SparkSession) -> None:
    log = [event(c, "2021-02-20", "purchase", "9.99", order_id=c) for c in ("c0", "c3", "stranger")]
    parts = parts_of(frame(spark, log)).persist()
    without = features.customer_features(parts, as_of=AS_OF)
    assert not set(NAMES) & set(without.columns)
    family = [demographics.DEMOGRAPHICS]
    empty = spark.createDataFrame([], CUSTOMERS.schema)
    expected = by_customer(without)
    for known in (profiles(spark), empty):
        found = features.customer_features(parts, as_of=AS_OF, profiles=known, optional=family)
        assert found.columns == [*without.columns, *NAMES]
        assert by_customer(found.drop(*NAMES)) == expected
        told = by_customer(found.select("customer_id", *NAMES))
        nobody = (None,) * len(NAMES)
        # Who has no profile stays, and who has nothing but a profile isn't there.
        assert told.keys() == {"c0", "c3", "stranger"}
        assert told["stranger"] == nobody
        assert told["c0"] == (nobody if known is empty else (20, Decimal(0), 8, 1, 0, 2 / 6))
    parts.unpersist()


def test_the_family_joins_where_the_lake_has_profiles(
    spark: SparkSession, small_lake: Lake, tmp_path: Any
) -> None:
    config = Config()
    lake = Lake(spark, LakeConfig(path=str(tmp_path / "lake")))
    assert with_demographics(lake, config) is config
    lake.create([CUSTOMERS])
    assert with_demographics(lake, config) is config
    found = with_demographics(small_lake, config)
    assert found.features.optional_families == (demographics.DEMOGRAPHICS,)
    assert with_demographics(small_lake, found) is found
