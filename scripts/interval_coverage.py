"""How often the intervals of `custseg lift` hold the true effect, by simulated campaigns.

  python scripts/interval_coverage.py                     10,000 campaigns a line, half an hour
  python scripts/interval_coverage.py --campaigns 2000    quickly

Intervals of one look are judged each by itself; those of daily looks by whether any of all looks
misses. Expected is the confidence, 95 %; more only where the page of campaigns says why.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
from scipy import stats

from custseg_spark.core.experiments import sequential
from custseg_spark.core.experiments.cuped import adjusted
from custseg_spark.core.experiments.effects import Outcomes
from custseg_spark.core.experiments.intervals import (
    Group,
    Interval,
    rate_difference,
    spend_difference,
)

CONFIDENCE = 0.95
# Cents: whole numbers are added without rounding.
Cents = np.ndarray


@dataclass(frozen=True)
class Population:
    """Customers: how many of each group, shares of buyers, and how purchases hang together.

    `kept`: the share of customers whose buying before tells their buying now.
    """

    treated: int = 5_000
    control: int = 2_000
    rate: float = 0.08
    lift: float = 0.04
    kept: float = 0.6

    def group(self, rng: np.random.Generator, size: int, lift: float) -> Outcomes:
        """One group's outcomes, with a rise of the share of buyers."""
        inclined = rng.random(size)
        before = inclined < self.rate
        buys_again = np.where(rng.random(size) < self.kept, inclined, rng.random(size))
        now = buys_again < self.rate + lift
        usual = np.zeros(size)
        buyers = now | before
        usual[buyers] = rng.lognormal(3.0, 0.5, int(buyers.sum()))
        return outcomes(now, spend(rng, now, usual), before, spend(rng, before, usual))


def spend(rng: np.random.Generator, buys: np.ndarray, usual: np.ndarray) -> Cents:
    """What buyers spend: skewed around the customer's usual amount."""
    spent = np.zeros(len(buys), dtype=np.int64)
    of_buyers = usual[buys]
    spent[buys] = np.rint(100 * of_buyers * rng.lognormal(0, 0.6, len(of_buyers)))
    return spent


def outcomes(now: np.ndarray, spent: Cents, before: np.ndarray, spent_before: Cents) -> Outcomes:
    """The sums of customers' outcomes."""

    def added(values: np.ndarray) -> Fraction:
        return Fraction(int(values.sum()))

    group = Group(len(now), int(now.sum()), added(spent), added(spent * spent))
    counts = int(before.sum()), int((now & before).sum())
    amounts = added(spent_before), added(spent_before * spent_before), added(spent * spent_before)
    return Outcomes(group, *counts, *amounts)


def one_look(campaigns: int, of: Population, seed: int) -> Iterator[tuple[str, float]]:
    """Yield the coverage of each interval of one look."""
    rng = np.random.default_rng(seed)
    # A lognormal's mean is exp(mu + sigma^2 / 2), in cents.
    paid = 100 * float(np.exp(3.0 + 0.5**2 / 2 + 0.6**2 / 2))
    hits = dict.fromkeys(("buyers", "spend", "buyers, adjusted", "spend, adjusted"), 0)
    for _ in range(campaigns):
        one, other = of.group(rng, of.treated, of.lift), of.group(rng, of.control, 0.0)
        intervals = (
            rate_difference(one.after, other.after, CONFIDENCE),
            spend_difference(one.after, other.after, CONFIDENCE),
            adjusted(one.buying, other.buying, CONFIDENCE).effect,
            adjusted(one.spending, other.spending, CONFIDENCE).effect,
        )
        for name, interval in zip(hits, intervals, strict=True):
            truth = of.lift * (paid if "spend" in name else 1)
            hits[name] += _holds(interval, truth)
    for name, count in hits.items():
        yield name, count / campaigns


def _holds(interval: Interval, truth: float) -> bool:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low <= truth <= interval.high


def daily_looks(
    campaigns: int,
    days: int,
    of_one: Callable[[int], float],
    *,
    spread: float,
    seed: int,
    customers: int = 2_500,
) -> float:
    """Return the share of campaigns without a miss at any of `days` daily looks.

    Each group has so many `customers`, who buy 3 times in 100 days on average. `spread` is the
    variance of their own rates, in squares of the mean: 0 where all are alike.
    """
    rng, mean = np.random.default_rng(seed), 0.03
    freedom = 2 * (customers - 1)
    critical = np.array([stats.t.ppf((1 + of_one(day)) / 2, freedom) for day in range(1, days + 1)])
    good = 0
    for _ in range(campaigns):
        totals = [_totals(rng, customers, days, mean, spread) for _ in range(2)]
        means = [total.mean(axis=0) for total in totals]
        errors = np.sqrt(sum(total.var(axis=0, ddof=1) / customers for total in totals))
        good += bool(np.all(np.abs(means[0] - means[1]) <= critical * errors))
    return good / campaigns


def _totals(
    rng: np.random.Generator, size: int, days: int, mean: float, spread: float
) -> np.ndarray:
    """Return each customer's spend up to each day."""
    rates = np.full((size, 1), mean)
    if spread:
        rates = rng.gamma(1 / spread, mean * spread, (size, 1))
    bought = rng.poisson(np.broadcast_to(rates, (size, days)))
    return np.cumsum(bought * rng.lognormal(0, 0.6, (size, days)), axis=1)


def _planned(days: int, day: int) -> float:
    return sequential.planned_confidence(day, days, CONFIDENCE)


def main() -> None:
    """Prints every line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=10_000)
    campaigns = parser.parse_args().campaigns
    error = 100 * float(np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / campaigns))
    print(f"{campaigns:,} campaigns a line, standard error {error:.2f} points")
    populations = {
        "5,000 and 2,000 customers, 8 % buy, lift 4 points": Population(),
        "the same without an effect": Population(lift=0.0),
        "20,000 and 10,000 customers, 2 % buy, lift 1 point": Population(
            20_000, 10_000, 0.02, 0.01
        ),
        "2,000 and 500 customers, 8 % buy: forty held-back buyers": Population(2_000, 500),
    }
    for seed, (name, population) in enumerate(populations.items(), start=1):
        print(f"\none look; {name}")
        for interval, share in one_look(campaigns, population, seed):
            print(f"  {interval:<20}{share:>8.2%}")
    always = partial(sequential.always_valid_confidence, confidence=CONFIDENCE)
    looks: dict[str, tuple[int, Callable[[int], float]]] = {
        "one look's, on each of 28 days": (28, lambda _: CONFIDENCE),
        "planned for 7 days": (7, partial(_planned, 7)),
        "planned for 28 days": (28, partial(_planned, 28)),
        "always valid, 28 days": (28, always),
        "always valid, 120 days": (120, always),
    }
    print("\nspend, daily looks, no miss on any day")
    for name, (days, of_one) in looks.items():
        shares = [
            daily_looks(campaigns, days, of_one, spread=spread, seed=days) for spread in (0.0, 1.0)
        ]
        print(f"  {name:<32}{shares[0]:>8.2%}{shares[1]:>8.2%}")
    print("  (first column: customers are alike; second: their rates are gamma, shape 1)")


if __name__ == "__main__":
    main()
