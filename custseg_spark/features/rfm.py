"""Recency, frequency, monetary; their scores by quintile among buyers."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from custseg_spark.features.feature import Family, Feature, plain, ratio, whole_days_until

QUINTILES = 5


def _totals(as_of: date) -> dict[str, Column]:
    return {
        "net_spend": F.sum("purchase_amount") - F.sum("return_amount"),
        "last_purchase_at": F.max("last_purchase_at"),
        "as_of": F.lit(as_of),
    }


def family(as_of: date) -> Family:
    """R, F and M; the scores are added by `with_scores`, as they compare customers."""
    return Family(
        "rfm",
        (
            Feature(
                "recency_days",
                "int",
                "Whole days from the last purchase to the run date (00:00 UTC). Null: never"
                " bought.",
                lambda: whole_days_until(as_of, "last_purchase_at"),
                log1p=True,
                null="max",
            ),
            Feature(
                "frequency",
                "bigint",
                "Distinct orders: order ids, else sessions with a purchase.",
                plain("order_count"),
                log1p=True,
            ),
            Feature(
                "monetary",
                "decimal(28,4)",
                "Sum of purchases (unit price x quantity - discount) less returns, in the source's"
                " currency. 0: neither bought nor returned; negative where returns outweigh.",
                plain("net_spend"),
                log1p=True,
            ),
            Feature(
                "average_order_value",
                "double",
                "monetary / frequency; 0 without an order.",
                lambda: ratio("net_spend", "order_count"),
                log1p=True,
            ),
            Feature(
                "purchase_days",
                "bigint",
                "Distinct UTC days with a purchase.",
                plain("purchase_day_count"),
                log1p=True,
            ),
        ),
        _totals,
    )


SCORE_DOCS = {
    "rfm_r": (
        "int",
        "Recency score 1-5, 5 is best: 1 + floor(5 x share of buyers whose last purchase is longer"
        " ago). Equal values have equal scores. 0: never bought.",
    ),
    "rfm_f": (
        "int",
        "Frequency score 1-5: 1 + floor(5 x share of buyers with fewer orders). 0: never bought.",
    ),
    "rfm_m": (
        "int",
        "Monetary score 1-5: 1 + floor(5 x share of buyers who spent less). 0: never bought.",
    ),
    "rfm_score": ("int", "rfm_r + rfm_f + rfm_m: 3-15 for buyers, 0 for who never bought."),
}
_SCORED = {"rfm_r": "recency_days", "rfm_f": "frequency", "rfm_m": "monetary"}


def score_cutoffs(features: DataFrame) -> DataFrame:
    """One row a score: the four values that a buyer must exceed to score 2, 3, 4 and 5.

    Columns `score` and `cutoffs`, an array. The j-th cutoff is the smallest value at or below
    which at least j fifths of the buyers are, so that to exceed it is to have j fifths strictly
    below. Recency counts negated: less is better. No row without buyers.
    """
    buyers = features.where(F.col("frequency") > 0)
    values = buyers.select(
        F.inline(F.array(*[_score_value(s) for s in _SCORED])),
    )
    counts = values.groupBy("score", "value").agg(F.count("*").alias("customers"))
    score = Window.partitionBy("score")
    so_far = score.orderBy("value").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    ranked = counts.select(
        "score",
        "value",
        (QUINTILES * F.sum("customers").over(so_far)).alias("fifths"),
        F.sum("customers").over(score).alias("buyers"),
    )
    levels = range(1, QUINTILES)
    return ranked.groupBy("score").agg(
        F.array(
            *[F.min(F.when(F.col("fifths") >= j * F.col("buyers"), F.col("value"))) for j in levels]
        ).alias("cutoffs")
    )


def with_scores(features: DataFrame, cutoffs: Mapping[str, Sequence[Decimal]]) -> DataFrame:
    """`features` with `rfm_r`, `rfm_f`, `rfm_m` and `rfm_score`, by the cutoffs of each score."""
    is_buyer = F.col("frequency") > 0

    def score(name: str) -> Column:
        value = _score_value(name)["value"]
        reached = [
            F.when(value > F.lit(c).cast(_VALUE), 1).otherwise(0) for c in cutoffs.get(name, ())
        ]
        return F.when(is_buyer, sum(reached, F.lit(1))).otherwise(0).cast("int")

    scored = features.withColumns({name: score(name) for name in _SCORED})
    return scored.withColumn("rfm_score", sum((F.col(s) for s in _SCORED), F.lit(0)).cast("int"))


_VALUE = "decimal(28,4)"


def _score_value(score: str) -> Column:
    value = F.col(_SCORED[score]).cast(_VALUE)
    value = -value if score == "rfm_r" else value
    return F.struct(F.lit(score).alias("score"), value.cast(_VALUE).alias("value"))
