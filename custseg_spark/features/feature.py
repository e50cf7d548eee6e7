"""What a feature is: its name, type, formula in words and Column, and how a model takes it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column
from pyspark.sql import functions as F


@dataclass(frozen=True)
class Feature:
    """One column of `customer_features`.

    `doc` is the formula with unit, denominator and meaning of null: the data dictionary is made
    of it. `column` is an expression over the customer's totals. For a model, `log1p` says that
    the feature is heavy-tailed, `sqrt` that it is a share of rare events (the root evens out its
    variance), `rate` that it is an estimate and the better the more events there are, and `null`
    what stands for a missing value: `zero`, or `max` and `median` over the customers that have one.
    """

    name: str
    type: str
    doc: str
    column: Callable[[], Column]
    log1p: bool = False
    null: str = "zero"
    sqrt: bool = False
    rate: bool = False


@dataclass(frozen=True)
class Family:
    """Features that belong together, and the totals they need.

    `totals` are aggregates over a customer's session parts, given the run date. What distinct keys
    (session, product, hour, order …) tell of a customer is there already: the TOTALS of keys.py.
    """

    name: str
    features: tuple[Feature, ...]
    totals: Callable[[date], dict[str, Column]] = lambda _: {}


MICROS_PER_DAY = 86_400 * 1_000_000


def ratio(numerator: Column | str, denominator: Column | str) -> Column:
    """`numerator / denominator` as a double, 0 where the denominator is 0 or null."""
    return F.coalesce(ratio_or_null(numerator, denominator), F.lit(0.0))


def ratio_or_null(numerator: Column | str, denominator: Column | str) -> Column:
    """`numerator / denominator` as a double, null where the denominator is 0."""
    above, below = _column(numerator).cast("double"), _column(denominator).cast("double")
    return F.when(below != 0, above / below)


def whole_days_until(as_of: date, moment: str) -> Column:
    """Whole days from a moment to `as_of` 00:00 UTC; null for null."""
    midnight = F.unix_micros(F.lit(as_of).cast("timestamp"))
    return F.floor((midnight - F.unix_micros(F.col(moment))) / MICROS_PER_DAY).cast("int")


def plain(name: str) -> Callable[[], Column]:
    """The total of that name as it is."""
    return lambda: F.col(name)


def _column(value: Column | str) -> Column:
    return F.col(value) if isinstance(value, str) else value
