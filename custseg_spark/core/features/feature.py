"""What a feature is: its name, type, meaning and value, and how a model takes it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.features.exact import MISSING, Doubles, Ints, Whole, as_doubles
from custseg_spark.core.features.totals import DAY_MICROS, Totals

Value = Callable[[Totals], Whole]


@dataclass(frozen=True)
class Feature:
    """A column of `customer_features`.

    `doc` is the formula with unit, denominator and meaning of null: the data dictionary is made
    of it. `value` computes it, one entry a customer: doubles with NaN for null, or whole numbers
    with MISSING for null, decimals in units of their last digit. For a model, `log1p` says that
    the feature is heavy-tailed, `sqrt` that it is a share of rare events (the root evens out its
    variance), `rate` that it is an estimate and the better the more events there are, and `null`
    what stands for a missing value: `zero`, or `max` and `median` over the customers that have one.
    """

    name: str
    type: str
    doc: str
    value: Value
    log1p: bool = False
    null: str = "zero"
    sqrt: bool = False
    rate: bool = False


@dataclass(frozen=True)
class Family:
    """Features that belong together."""

    name: str
    features: tuple[Feature, ...]


def ratio(numerator: Whole, denominator: Whole) -> Doubles:
    """`numerator / denominator`, 0 where the denominator is 0 or either is null."""
    return np.nan_to_num(ratio_or_null(numerator, denominator), copy=False, nan=0.0)


def ratio_or_null(numerator: Whole, denominator: Whole) -> Doubles:
    """`numerator / denominator`, null where the denominator is 0 or either is null."""
    above, below = _doubles(numerator), _doubles(denominator)
    quotient: Doubles = np.full(len(above), np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient


def _doubles(values: Whole) -> Doubles:
    return as_doubles(values, 1) if values.dtype == object else values.astype(np.float64)


def total(name: str, days: int | None = None) -> Value:
    """The sum of a column of the parts; with `days`, over the days just before the run date."""
    return lambda totals: totals.total(name, days)


def whole_days_since(micros: Whole, totals: Totals) -> Ints:
    """Whole days from a moment to the run date 00:00 UTC; MISSING for MISSING."""
    days: Ints = np.where(micros == MISSING, MISSING, (totals.as_of_micros - micros) // DAY_MICROS)
    return days


def joined(name: str) -> Value:
    """A column of another table, joined by customer; null where a customer has no row there."""
    return lambda totals: totals.joined[name]
