"""The effect of a campaign on buying and on spend: plain, adjusted, and the least detectable."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from custseg_spark.core.experiments import power
from custseg_spark.core.experiments.cuped import Adjusted, Paired, adjusted
from custseg_spark.core.experiments.intervals import (
    Group,
    Interval,
    rate_difference,
    spend_difference,
)


@dataclass(frozen=True)
class Look:
    """The confidence of all looks together and of one look, and the power of a plan."""

    confidence: float
    of_one: float
    power: float


@dataclass(frozen=True)
class Outcomes:
    """A group's buyers and net spend, after a campaign began and in the days before."""

    after: Group
    buyers_before: int
    buyers_both: int
    before: Fraction
    squares_before: Fraction
    products: Fraction

    @classmethod
    def of(cls, sums: Mapping[str, int | Decimal]) -> "Outcomes":
        """Return the outcomes from sums by name."""
        after = Group(
            int(sums["customers"]),
            int(sums["buyers"]),
            Fraction(sums["spend"]),
            Fraction(sums["squares"]),
        )
        before, both = int(sums["buyers_before"]), int(sums["buyers_both"])
        amounts = (Fraction(sums[name]) for name in ("before", "squares_before", "products"))
        return cls(after, before, both, *amounts)

    @property
    def buying(self) -> Paired:
        """Who buys (y), with who bought before (x)."""
        buyers, before = Fraction(self.after.buyers), Fraction(self.buyers_before)
        both = Fraction(self.buyers_both)
        return Paired(self.after.customers, buyers, before, buyers, before, both)

    @property
    def spending(self) -> Paired:
        """Spend (y), with the spend before (x)."""
        after = self.after
        return Paired(
            after.customers,
            after.spend,
            self.before,
            after.squares,
            self.squares_before,
            self.products,
        )


@dataclass(frozen=True)
class Effect:
    """Treated less control: shares of buyers and mean spends, plain and adjusted.

    `rate_detectable` and `spend_detectable` are the smallest effects that groups of these sizes
    show with the plan's power, at the confidence of one look; None where no effect is large enough.
    """

    treated: Group
    control: Group
    rate: Interval
    spend: Interval
    rate_adjusted: Adjusted
    spend_adjusted: Adjusted
    rate_detectable: float | None
    spend_detectable: float | None


def effect(treated: Outcomes, control: Outcomes, look: Look) -> Effect:
    """Compare two groups that were drawn by chance."""
    one, other = treated.after, control.after
    rate_detectable = spend_detectable = None
    customers = one.customers + other.customers
    if min(one.customers, other.customers) > 1:
        design = power.Design(other.customers / customers, look.of_one, look.power)
        rate_detectable = power.rate_detectable(design, customers, other.rate or 0.0)
        # The larger of the two deviations: an effect on the share of buyers changes the deviation.
        variance = max(group.squared_error * group.customers for group in (one, other))
        spend_detectable = power.mean_detectable(design, customers, variance**0.5)
    return Effect(
        one,
        other,
        rate_difference(one, other, look.of_one),
        spend_difference(one, other, look.of_one),
        adjusted(treated.buying, control.buying, look.of_one),
        adjusted(treated.spending, control.spending, look.of_one),
        rate_detectable,
        spend_detectable,
    )
