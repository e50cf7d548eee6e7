"""Who a customer is, by the profile: an optional family that reads `customers`.

Words become numbers by fixed lists, or by counting: nothing is learned from behaviour, and the
order of the profiles plays no part.
"""

import re
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.engine.lake.ddl import MONEY
from custseg_spark.features.feature import Family, Feature, plain

DEMOGRAPHICS = "demographics"

# Words by the levels of UNESCO's International Standard Classification of Education (ISCED 2011).
# A level is that of the longest word that stands in the text.
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


def customer_columns(customers: DataFrame) -> DataFrame:
    """One row a customer with a profile: the family's columns, null for what it doesn't say."""
    gender = F.lower("gender")
    known = customers.withColumn("job", F.lower("occupation"))
    return known.join(_shares(known), "job", how="left").select(
        "customer_id",
        F.col("age").alias("age_years"),
        F.col("income").alias("declared_income"),
        _level(F.lower("education")).alias("education_level"),
        gender.isin(*_FEMALE).cast("int").alias("is_female"),
        gender.isin(*_MALE).cast("int").alias("is_male"),
        "occupation_share",
    )


def _shares(known: DataFrame) -> DataFrame:
    """One row a `job`: the share of the customers with one who have this."""
    counts = known.where(F.col("job").isNotNull()).groupBy("job").agg(F.count("*").alias("n"))
    everybody = counts.agg(F.sum("n").alias("all"))
    return counts.crossJoin(everybody).select(
        "job", (F.col("n") / F.col("all")).alias("occupation_share")
    )


def family(as_of: date) -> Family:
    """Age, income, education, gender and occupation, over `customer_columns`."""
    del as_of
    return Family(
        DEMOGRAPHICS,
        (
            Feature(
                "age_years",
                "int",
                "Age of the customer's profile. Null: not said.",
                plain("age_years"),
                null="median",
            ),
            Feature(
                "declared_income",
                MONEY,
                "Income of the customer's profile, as it says. Null: not said.",
                plain("declared_income"),
                log1p=True,
                null="median",
            ),
            Feature(
                "education_level",
                "int",
                "Level of education by ISCED 2011: 0 none, 1 primary, 2 lower secondary, 3"
                " secondary, 4 post-secondary, 5 short-cycle tertiary (diploma, college), 6"
                " bachelor, 7 master, 8 doctor. Null: not said, or no word that is known.",
                plain("education_level"),
                null="median",
            ),
            Feature(
                "is_female",
                "int",
                "1: the profile's gender is f, female or woman, in any case; 0: another. Null: not"
                " said; a model takes 0.",
                plain("is_female"),
            ),
            Feature(
                "is_male",
                "int",
                "1: the profile's gender is m, male or man, in any case; 0: another. Null: not"
                " said; a model takes 0.",
                plain("is_male"),
            ),
            Feature(
                "occupation_share",
                "double",
                "Profiles with the same occupation, in any case / profiles that say one: how common"
                " it is, as there is no order and no end of occupations. Null: not said.",
                plain("occupation_share"),
                sqrt=True,
                null="median",
            ),
        ),
    )


def _level(text: Column) -> Column:
    """The level of the longest known word in a text; null where there is none."""
    words = [(word, level) for level, known in ISCED.items() for word in known]
    found = F.lit(None).cast("int")
    # The shortest innermost: "undergraduate" goes before "graduate".
    for word, level in sorted(words, key=lambda pair: len(pair[0])):
        is_word = text.rlike(rf"\b{re.escape(word)}")
        found = F.when(F.coalesce(is_word, F.lit(False)), F.lit(level)).otherwise(found)
    return found
