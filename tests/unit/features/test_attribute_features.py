"""Customer attributes as features: how words become numbers, and that nothing else changes."""

import random
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from plain_parts import parts_of
from random_logs import event

from custseg_spark.core.features import demographics
from custseg_spark.core.features.customers import customer_features

AS_OF = date(2021, 3, 1)
NAMES = [f.name for f in demographics.FAMILY.features]
# Gender, education, occupation; is_female, is_male, level; customers with that occupation.
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
    (None, "A Levels", None, None, None, 3, None),
    (None, "Ph.D.", None, None, None, 8, None),
    (None, None, None, None, None, None, None),
]
SCHEMA = {
    "customer_id": pl.String(),
    "age": pl.Int32(),
    "income": pl.Decimal(18, 4),
    "gender": pl.String(),
    "education": pl.String(),
    "occupation": pl.String(),
}


def customers(seed: int = 1) -> pl.DataFrame:
    rows = [
        (f"c{n}", 20 + n, Decimal(n), gender, education, job)
        for n, (gender, education, job, *_) in enumerate(PEOPLE)
    ]
    random.Random(seed).shuffle(rows)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def attributes(slices: int = 1) -> pl.DataFrame:
    everybody = customers()
    parts = [everybody.gather_every(slices, n) for n in range(slices)]
    counts = pl.concat(demographics.occupation_counts(part) for part in parts)
    shares = demographics.occupation_shares(counts)
    return pl.concat(demographics.attribute_columns(part, shares) for part in parts)


@pytest.mark.parametrize("slices", [1, 3])
def test_words_become_numbers(slices: int) -> None:
    columns = attributes(slices)
    assert columns.columns == ["customer_id", *NAMES]
    assert {row[0]: row[1:] for row in columns.iter_rows()} == {
        f"c{n}": (20 + n, Decimal(n), level, female, male, same and same / 6)
        for n, (_, _, _, female, male, level, same) in enumerate(PEOPLE)
    }


def test_a_share_is_the_nearest_double() -> None:
    counts = pl.DataFrame({"occupation": ["nurse", "driver", "cook"], "customers": [5, 7, 2988]})
    shares = demographics.occupation_shares(counts)
    assert dict(shares.iter_rows()) == {"nurse": 5 / 3000, "driver": 7 / 3000, "cook": 2988 / 3000}


def test_attributes_add_columns_and_change_no_other() -> None:
    log = [event(c, "2021-02-20", "purchase", "9.99", order_id=c) for c in ("c0", "c3", "stranger")]
    without = customer_features(parts_of(log), as_of=AS_OF)
    for frame in (attributes(), attributes().clear()):
        table = customer_features(
            parts_of(log), as_of=AS_OF, optional=[demographics.DEMOGRAPHICS], attributes=frame
        )
        assert table.drop_columns(NAMES) == without.drop_columns(NAMES)
        told = {row["customer_id"]: tuple(row[n] for n in NAMES) for row in table.to_pylist()}
        nobody = (None,) * len(NAMES)
        # Customers without attributes stay; customers without events aren't added.
        assert told.keys() == {"c0", "c3", "stranger"}
        assert told["stranger"] == nobody
        assert told["c0"] == (nobody if frame.is_empty() else (20, Decimal(0), 8, 1, 0, 2 / 6))


def test_a_family_without_its_frame_is_an_error() -> None:
    parts = parts_of([event("c", "2021-02-01")])
    with pytest.raises(ValueError, match="demographics"):
        customer_features(parts, as_of=AS_OF, optional=[demographics.DEMOGRAPHICS])
