"""Feature: name, type, meaning, formula, and how a model takes it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.features.exact import MISSING, Doubles, Ints, Whole, as_doubles
from custseg_spark.core.features.totals import DAY_MICROS, Totals

Value = Callable[[Totals], Whole]


@dataclass(frozen=True)
class Feature:
    """A column of `customer_features`.

    `doc` is the formula with unit, denominator and meaning of null; the data dictionary prints it.
    `value` computes one entry per customer: doubles with NaN for null, or whole numbers with
    MISSING for null (decimals in units of their last digit). The other fields are for models:
    `log1p` marks a heavy tail, `sqrt` a share of rare events (the root evens out its variance),
    `rate` an estimate that gets better with more events, and `null` the substitute for a missing
    value: `zero`, or `max` or `median` over the customers with a value.
    """

    name: str
    type: str
    doc: str
    value: Value
    log1p: bool = False
    null: str = "zero"
    sqrt: bool = False
    rate: bool = False

    @property
    def may_be_null(self) -> bool:
        """Whether a customer may have no value; `doc` names these customers."""
        return "null" in self.doc.lower()


@dataclass(frozen=True)
class Family:
    """A group of related features."""

    name: str
    features: tuple[Feature, ...]


def ratio(numerator: Whole, denominator: Whole) -> Doubles:
    """Return `numerator / denominator`; 0 where the denominator is 0 or either is null."""
    return np.nan_to_num(ratio_or_null(numerator, denominator), copy=False, nan=0.0)


def ratio_or_null(numerator: Whole, denominator: Whole) -> Doubles:
    """Return `numerator / denominator`; null where the denominator is 0 or either is null."""
    above, below = _doubles(numerator), _doubles(denominator)
    quotient: Doubles = np.full(len(above), np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient


def _doubles(values: Whole) -> Doubles:
    return as_doubles(values, 1) if values.dtype == object else values.astype(np.float64)


def total(name: str, days: int | None = None) -> Value:
    """Sum a column of the parts; with `days`, over the days just before the run date."""
    return lambda totals: totals.total(name, days)


def whole_days_since(micros: Whole, totals: Totals) -> Ints:
    """Return the whole days from a moment to the run date 00:00 UTC; MISSING for MISSING."""
    days: Ints = np.where(micros == MISSING, MISSING, (totals.as_of_micros - micros) // DAY_MICROS)
    return days


def joined(name: str) -> Value:
    """Return a column of another table by customer; null for customers without a row."""
    return lambda totals: totals.joined[name]
