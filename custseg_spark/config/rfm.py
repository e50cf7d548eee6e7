"""The section `rfm`: how buyers are scored and grouped; `rfm_groups` reads the file of groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from custseg_spark.errors import ConfigurationError, require

_MOST_BINS = 10


@dataclass(frozen=True)
class RfmConfig:
    """Bins of equal shares of the buyers, or cut points given; `groups`: the file of a group map.

    Breaks are the highest values of each bin but the last, ascending: days, orders, money.
    """

    bins: int = 5
    r_breaks: tuple[int, ...] = ()
    f_breaks: tuple[int, ...] = ()
    m_breaks: tuple[float, ...] = ()
    groups: str | None = None

    def __post_init__(self) -> None:
        require(2 <= self.bins <= _MOST_BINS, "rfm.bins", f"from 2 to {_MOST_BINS}", self)
        for name in ("r_breaks", "f_breaks", "m_breaks"):
            breaks = getattr(self, name)
            problem = _flaw(breaks, self.bins)
            if breaks and not problem and name != "m_breaks" and breaks[0] < 0:
                problem = f"expected 0 or more, got {breaks[0]}"
            if problem:
                raise ConfigurationError(f"rfm.{name}: {problem}")


def _flaw(breaks: Sequence[float], bins: int) -> str | None:
    """Say what is wrong with cut points; None where they are ascending and enough."""
    if breaks and len(breaks) != bins - 1:
        return f"expected {bins - 1} cut points for {bins} bins (rfm.bins), got {len(breaks)}"
    for low, high in pairwise(breaks):
        if low >= high:
            return f"expected ascending cut points, got {high:g} after {low:g}"
    return None
