"""How buyers are scored by recency, frequency and monetary value: bins, cut points, groups."""

from dataclasses import dataclass, field
from decimal import Decimal

from custseg_spark.core.features.exact import MONEY_UNITS
from custseg_spark.core.features.rfm_groups import RfmGroups, standard_groups
from custseg_spark.core.features.scores import BINS, Cutoffs


@dataclass(frozen=True)
class RfmRules:
    """Scores from 1 to `bins`, `bins` is best; without breaks the bins have equal shares of buyers.

    Breaks are the highest values of all bins but the one of the largest values, ascending: whole
    days, orders, and money.
    """

    bins: int = BINS
    r_breaks: tuple[int, ...] = ()
    f_breaks: tuple[int, ...] = ()
    m_breaks: tuple[Decimal, ...] = ()
    groups: RfmGroups = field(default_factory=standard_groups)

    @property
    def is_given(self) -> bool:
        """Whether no cut point depends on the buyers."""
        return all((self.r_breaks, self.f_breaks, self.m_breaks))

    def cutoffs(self, of_buyers: Cutoffs) -> Cutoffs:
        """Return the buyers' cutoffs, with given ones in place of learned ones."""
        return Cutoffs(
            # A buyer of at most so many days is better: negated days, as in Cutoffs.
            tuple(-1 - days for days in reversed(self.r_breaks)) or of_buyers.recency,
            self.f_breaks or of_buyers.frequency,
            tuple(_units(amount) for amount in self.m_breaks) or of_buyers.monetary,
        )


def _units(amount: Decimal) -> int:
    """Return money in 1/10,000, rounded down: no amount of four decimals lies in between."""
    return int((amount * MONEY_UNITS).to_integral_value("ROUND_FLOOR"))
