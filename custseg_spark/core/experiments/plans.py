"""Plan a campaign: the smallest effects that it can show, its power, the customers it takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.experiments import power
from custseg_spark.core.experiments.cuped import variance_left
from custseg_spark.core.experiments.power import Design


@dataclass(frozen=True)
class Baseline:
    """What customers do without a campaign, in as many days as the campaign will be judged by.

    `rate` is the share of buyers, `mean` the spend per customer (buyers or not) with its standard
    `deviation`, `correlation` the correlation of spend with the spend before.
    """

    rate: float
    mean: float
    deviation: float
    correlation: float = 0.0

    @property
    def adjusted_deviation(self) -> float:
        """The standard deviation of spend adjusted by the spend before."""
        return self.deviation * math.sqrt(variance_left(self.correlation))


@dataclass(frozen=True)
class Promise:
    """A relative rise: its power for shares of buyers, spend and adjusted spend, and the number of
    customers that each takes in all (None: no number suffices)."""

    lift: float
    power: tuple[float, float, float]
    customers: tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Plan:
    """A design for so many customers.

    `detectable`: the smallest rises of the share of buyers, of spend, and of adjusted spend.
    """

    design: Design
    customers: int
    baseline: Baseline
    detectable: tuple[float | None, float | None, float | None]
    promises: tuple[Promise, ...]


def baseline(buys: np.ndarray, spend: np.ndarray, before: np.ndarray) -> Baseline:
    """Measure what customers (n) do: whether each buys, the spend, and the spend before."""
    if len(spend) < 2:
        return Baseline(float(buys.mean()) if len(buys) else 0.0, float(spend.sum()), 0.0)
    deviation = float(spend.std(ddof=1))
    varies = deviation > 0 and float(before.std()) > 0
    correlation = float(np.corrcoef(spend, before)[0, 1]) if varies else 0.0
    return Baseline(float(buys.mean()), float(spend.mean()), deviation, correlation)


def plan(of: Baseline, design: Design, customers: int, lifts: Sequence[float]) -> Plan:
    """Compute what a design can show, for some relative rises."""
    deviations = (of.deviation, of.adjusted_deviation)
    detectable = (
        power.rate_detectable(design, customers, of.rate),
        *(power.mean_detectable(design, customers, deviation) for deviation in deviations),
    )
    promises = tuple(_promise(of, design, customers, lift) for lift in lifts)
    return Plan(design, customers, of, (detectable[0], detectable[1], detectable[2]), promises)


def _promise(of: Baseline, design: Design, customers: int, lift: float) -> Promise:
    treated, rise = min(of.rate * (1 + lift), 1.0), of.mean * lift
    plain, adjusted = of.deviation, of.adjusted_deviation
    return Promise(
        lift,
        (
            power.rate_power(design, customers, of.rate, treated),
            power.mean_power(design, customers, rise, plain),
            power.mean_power(design, customers, rise, adjusted),
        ),
        (
            power.rate_customers(design, of.rate, treated),
            power.mean_customers(design, rise, plain),
            power.mean_customers(design, rise, adjusted),
        ),
    )
