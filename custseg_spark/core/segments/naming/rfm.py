"""RFM groups: a name for every score code, without gaps and without overlaps."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

PROSPECTS = "Prospects"

# Rows: recency score; columns: the rounded mean of frequency and monetary score, 1 to 5. The
# vocabulary is that of Shopify's RFM customer groups.
_GROUPS = {
    5: ("New", "Promising", "Active", "Loyal", "Champions"),
    4: ("New", "Promising", "Active", "Loyal", "Champions"),
    3: ("Promising", "Needs Attention", "Needs Attention", "Active", "Loyal"),
    2: ("Almost Lost", "Almost Lost", "At Risk", "At Risk", "Previously Loyal"),
    1: ("Dormant", "Dormant", "At Risk", "Previously Loyal", "Previously Loyal"),
}


def rfm_group(r: int, f: int, m: int) -> str:
    """The group of a score code; `Prospects` for who never bought (all scores 0)."""
    if r == 0:
        return PROSPECTS
    return _GROUPS[r][(f + m + 1) // 2 - 1]


def with_rfm_group(scored: DataFrame) -> DataFrame:
    """`scored` with `rfm_group`, by `rfm_r`, `rfm_f` and `rfm_m`."""
    return scored.withColumn("rfm_group", _group_column())


def _group_column() -> Column:
    names = F.array(*[F.lit(_GROUPS[r][fm]) for r in range(1, 6) for fm in range(5)])
    value = F.floor((F.col("rfm_f") + F.col("rfm_m") + 1) / 2)
    position = ((F.col("rfm_r") - 1) * 5 + value).cast("int")
    return F.when(F.col("rfm_r") == 0, PROSPECTS).otherwise(F.element_at(names, position))
