"""Customer lifetime value: buyers' purchase histories, and what the fitted models expect of them.

A purchase is a UTC day with one, its spend gross of returns: what was bought, less discounts. The
models and their formulas are in `lifetime`; time is in days.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, StructField, StructType

from custseg_spark.features.lifetime import BgNbd, GammaGamma

MONTH_DAYS = 30
MONTHS = 12
_QUARTER = 3
# Beyond this age histories are counted in weeks: a decade of days has millions of distinct ones.
_AGE_IN_WEEKS = 730
_WEEK = 7

CLV_DOCS = {
    "expected_purchases_90d": (
        "double",
        "Purchase days expected in the 90 days from the run date on (BG/NBD). Null: never bought,"
        " or the model didn't converge.",
    ),
    "p_alive": (
        "double",
        "Chance that the buyer hasn't dropped out for good (BG/NBD); 1 for a single purchase day,"
        " as the model lets nobody drop out before the second. Null as expected_purchases_90d.",
    ),
    "clv_12m": (
        "double",
        "Spend expected in the 12 months of 30 days from the run date on, before returns and"
        " costs: expected purchase days of each month x expected spend a purchase day"
        " (Gamma-Gamma), discounted by clv.monthly_discount_rate for each month up to its end."
        " Null: never bought, or a model didn't converge.",
    ),
}


@dataclass(frozen=True)
class Fitted:
    """The models to score by, None where one didn't converge.

    `observed_spend`, the mean over the fitted repeat purchase days, stands for an expected spend
    that is infinite (q at most 1).
    """

    purchases: BgNbd | None
    spend: GammaGamma | None
    observed_spend: float
    monthly_discount_rate: float


def purchase_history(sessions: DataFrame, *, as_of: date) -> DataFrame:
    """One row a buyer before `as_of` (exclusive, UTC): `customer_id`, `x`, `t_x`, `age`, `m`.

    x: purchase days after the first; t_x: days from the first to the last; age: days from the
    first to `as_of`, at least 1; m: mean spend of the x days, free ones too, as a double; null
    where x is 0.
    """
    histories = _purchase_days(sessions, as_of).groupBy("customer_id").agg(*_totals(F.lit(True)))
    return histories.select("customer_id", *_history(as_of))


def split_history(sessions: DataFrame, *, as_of: date, cutoff: date) -> DataFrame:
    """One row a buyer before `as_of`: as `purchase_history`, and what was to be foretold.

    `cut_x`, `cut_t_x`, `cut_age`, `cut_m` are the history before `cutoff`, null for who bought
    later only; `held_out_purchases` and `held_out_spend` the purchase days from then on.
    """
    is_before = F.col("day") < F.lit(cutoff)
    totals = (
        _purchase_days(sessions, as_of)
        .groupBy("customer_id")
        .agg(
            *_totals(F.lit(True)),
            *_totals(is_before, "cut_"),
            F.count(F.when(~is_before, True)).cast("int").alias("held_out_purchases"),
            F.coalesce(F.sum(F.when(~is_before, F.col("spend"))), F.lit(0)).alias("held_out_spend"),
        )
    )
    held_out = ("held_out_purchases", "held_out_spend")
    return totals.select("customer_id", *_history(as_of), *_history(cutoff, "cut_"), *held_out)


def counted(histories: DataFrame, prefix: str = "", further: Sequence[str] = ()) -> DataFrame:
    """One row a distinct (x, t_x, age, `further` columns): the `buyers` that have it.

    Without a history (x null) nobody is counted. Above 730 days of age both times are rounded to
    whole weeks, so that the rows are bounded by the calendar and the purchases a buyer makes, not
    by the number of buyers.
    """
    age = F.col(f"{prefix}age")

    def rounded(days: Column) -> Column:
        weeks = F.floor((days + _WEEK // 2) / _WEEK).cast("int")
        return F.when(age > _AGE_IN_WEEKS, weeks * _WEEK).otherwise(days)

    keys = [
        F.col(f"{prefix}x").alias("x"),
        rounded(F.col(f"{prefix}t_x")).alias("t_x"),
        rounded(age).alias("age"),
    ]
    known = histories.where(F.col(f"{prefix}x").isNotNull())
    return known.groupBy(*keys, *further).agg(F.count("*").alias("buyers"))


def clv_columns(
    history: DataFrame, fitted: Fitted, keep: Sequence[str] = ("customer_id",)
) -> DataFrame:
    """One row a buyer of `history`: the `keep` columns, and those of CLV_DOCS.

    All three are null without a purchase model, `clv_12m` also without a spend model.
    """
    scores = [StructField(name, DoubleType()) for name in CLV_DOCS]
    inputs = history.select("x", "t_x", "age", "m", *keep)
    schema = StructType([*inputs.select(*keep).schema.fields, *scores])
    return inputs.mapInArrow(_scorer(fitted), schema)


def _scorer(
    fitted: Fitted,
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            x, t_x, age, m = (
                batch.column(i).to_numpy(zero_copy_only=False).astype(float) for i in range(4)
            )
            kept = dict(zip(batch.schema.names[4:], batch.columns[4:], strict=True))
            scores = _scores(fitted, x, t_x, age, np.fmax(m, 0))
            nothing = np.full(len(x), np.nan)
            # from_pandas: NaN, which no number could be worked out for, becomes null.
            columns = {
                name: pa.array(scores.get(name, nothing), pa.float64(), from_pandas=True)
                for name in CLV_DOCS
            }
            yield pa.RecordBatch.from_pydict({**kept, **columns})

    return score


def _scores(
    fitted: Fitted, x: np.ndarray, t_x: np.ndarray, age: np.ndarray, m: np.ndarray
) -> dict[str, np.ndarray]:
    """The columns that can be scored. Element by element: no batch changes another's bits."""
    model = fitted.purchases
    if model is None:
        return {}
    ends = [
        model.expected_purchases(MONTH_DAYS * (month + 1), x, t_x, age) for month in range(MONTHS)
    ]
    scores = {
        "expected_purchases_90d": ends[_QUARTER - 1],
        "p_alive": model.p_alive(x, t_x, age),
    }
    if fitted.spend is not None:
        spend = fitted.spend.expected_spend(x, m)
        spend = np.where(np.isfinite(spend), spend, fitted.observed_spend)
        discounted, before = np.zeros(len(x)), np.zeros(len(x))
        for month, end in enumerate(ends, start=1):
            discounted += (end - before) / (1 + fitted.monthly_discount_rate) ** month
            before = end
        scores["clv_12m"] = discounted * spend
    return scores


def _purchase_days(sessions: DataFrame, as_of: date) -> DataFrame:
    """One row a buyer x UTC day with a purchase: `spend` in decimals; laid out by customer."""
    is_purchase = (F.col("purchase_count") > 0) & (F.col("session_date") < F.lit(as_of))
    # One exchange serves this grouping and the next.
    return (
        sessions.where(is_purchase)
        .select("customer_id", F.col("session_date").alias("day"), "purchase_amount")
        .repartition("customer_id")
        .groupBy("customer_id", "day")
        .agg(F.sum("purchase_amount").alias("spend"))
    )


def _totals(counts: Column, prefix: str = "") -> list[Column]:
    """Aggregates over a buyer's purchase days that `counts` holds for."""
    day, spend = F.when(counts, F.col("day")), F.when(counts, F.col("spend"))
    return [
        F.count(day).cast("int").alias(f"{prefix}days"),
        F.min(day).alias(f"{prefix}first_day"),
        F.max(day).alias(f"{prefix}last_day"),
        F.sum(spend).alias(f"{prefix}spend"),
        F.min_by(spend, day).alias(f"{prefix}first_spend"),
    ]


def _history(end: date, prefix: str = "") -> list[Column]:
    """The four columns of a history up to `end`, of `_totals`; null for a buyer without days."""
    days, first = F.col(f"{prefix}days"), F.col(f"{prefix}first_day")
    x = F.when(days > 0, days - 1)
    repeat_spend = F.col(f"{prefix}spend") - F.col(f"{prefix}first_spend")
    columns = {
        "x": x,
        "t_x": F.date_diff(F.col(f"{prefix}last_day"), first),
        "age": F.when(first.isNotNull(), F.date_diff(F.lit(end), first)),
        "m": F.when(x > 0, repeat_spend.cast("double") / x),
    }
    return [column.alias(f"{prefix}{name}") for name, column in columns.items()]
