"""Features from customer attributes: an optional family that reads the table `customers`.

Words become numbers by fixed lists or by counting. Nothing is learned from behaviour, and the order
of the customers has no effect.
"""

import re

import polars as pl

from custseg_spark.core.features.feature import Family, Feature, joined

DEMOGRAPHICS = "demographics"

# Words by the levels of UNESCO's International Standard Classification of Education (ISCED 2011).
# A text has the level of the longest of these words in it.
ISCED = {
    0: ("none", "no education", "kindergarten"),
    1: ("primary", "elementary"),
    2: ("lower secondary", "middle school"),
    3: ("secondary", "high school", "a level", "ged"),
    4: ("post-secondary", "vocational", "trade school"),
    5: ("diploma", "associate", "college", "short-cycle tertiary"),
    6: ("bachelor", "graduate", "undergraduate", "university"),
    7: ("master", "postgraduate", "graduate school", "graduate degree", "mba"),
    8: ("doctor", "phd", "ph.d"),
}
_FEMALE, _MALE = ("f", "female", "woman"), ("m", "male", "man")
_MONEY = pl.Decimal(18, 4)


def occupation_counts(customers: pl.DataFrame) -> pl.DataFrame:
    """Count the customers of each `occupation`, in lower case: columns `occupation`, `customers`.

    `customers` has rows of the table `customers`. `occupation_shares` adds up the counts of several
    slices.
    """
    occupation = pl.col("occupation").str.to_lowercase()
    return (
        customers.select(occupation)
        .drop_nulls()
        .group_by("occupation")
        .agg(pl.len().cast(pl.Int64).alias("customers"))
    )


def occupation_shares(counts: pl.DataFrame) -> pl.DataFrame:
    """Return each occupation's share of the customers with an occupation, from counts of all
    slices.
    """
    totals = counts.group_by("occupation").agg(pl.col("customers").sum())
    customers = totals["customers"].to_numpy()
    # Polars multiplies by the reciprocal of one number, which isn't the nearest double.
    shares = customers / customers.sum()
    return totals.select("occupation", pl.Series("occupation_share", shares, pl.Float64))


def attribute_columns(customers: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    """Return one row per customer of the table `customers`: the family's columns, null for missing
    ones.

    `shares` are the `occupation_shares` of the whole table.
    """
    gender = pl.col("gender").str.to_lowercase()
    lowered = customers.with_columns(pl.col("occupation").str.to_lowercase())
    return lowered.join(shares, on="occupation", how="left", maintain_order="left").select(
        "customer_id",
        pl.col("age").alias("age_years"),
        pl.col("income").cast(_MONEY).alias("declared_income"),
        _level(pl.col("education").str.to_lowercase()).alias("education_level"),
        gender.is_in(_FEMALE).cast(pl.Int32).alias("is_female"),
        gender.is_in(_MALE).cast(pl.Int32).alias("is_male"),
        "occupation_share",
    )


def _level(text: pl.Expr) -> pl.Expr:
    """Return the level of the longest listed word in a text; null without one."""
    level_words = [(word, level) for level, words in ISCED.items() for word in words]
    result = pl.lit(None, pl.Int32)
    # The shortest innermost: "undergraduate" goes before "graduate".
    for word, level in sorted(level_words, key=lambda pair: len(pair[0])):
        has_word = text.str.contains(rf"\b{re.escape(word)}")
        result = pl.when(has_word).then(pl.lit(level, pl.Int32)).otherwise(result)
    return result


# Age, income, education, gender and occupation, from `attribute_columns`.
FAMILY = Family(
    DEMOGRAPHICS,
    (
        Feature(
            "age_years",
            "int",
            "The customer's age. Null: not said.",
            joined("age_years"),
            null="median",
        ),
        Feature(
            "declared_income",
            "decimal(18,4)",
            "The customer's income, as declared. Null: not said.",
            joined("declared_income"),
            log1p=True,
            null="median",
        ),
        Feature(
            "education_level",
            "int",
            "Level of education by ISCED 2011: 0 none, 1 primary, 2 lower secondary, 3"
            " secondary, 4 post-secondary, 5 short-cycle tertiary (diploma, college), 6"
            " bachelor, 7 master, 8 doctor. Null: not said, or no word that is known.",
            joined("education_level"),
            null="median",
        ),
        Feature(
            "is_female",
            "int",
            "1: the gender is f, female or woman, in any case; 0: another. Null: not"
            " said; a model takes 0.",
            joined("is_female"),
        ),
        Feature(
            "is_male",
            "int",
            "1: the gender is m, male or man, in any case; 0: another. Null: not"
            " said; a model takes 0.",
            joined("is_male"),
        ),
        Feature(
            "occupation_share",
            "double",
            "Customers with the same occupation, in any case / customers that have one: how common"
            " it is, as there is no order and no end of occupations. Null: not said.",
            joined("occupation_share"),
            sqrt=True,
            null="median",
        ),
    ),
)
