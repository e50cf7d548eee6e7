"""Sections of what a run finds out beside its segments: `affinity`, `seasons`, `event_summary`."""

from dataclasses import dataclass

from custseg_spark.core.holidays import is_holiday
from custseg_spark.errors import ConfigurationError, require, require_word

AFFINITY_BASES = ("purchases", "events")


@dataclass(frozen=True)
class AffinityConfig:
    """The products, categories and brands that mark a segment, over the days before a run date.

    `basis`: what owning means, a purchase or any event. Lists have at most `top` rows, and
    `together` partners a product; nothing is listed that fewer than `min_customers` own.
    """

    enabled: bool = True
    window_days: int = 365
    basis: str = "purchases"
    top: int = 10
    together: int = 3
    min_customers: int = 5
    confidence: float = 0.95

    def __post_init__(self) -> None:
        require_word(self.basis, AFFINITY_BASES, "affinity.basis")
        # A century; beyond, the first day would be no date.
        is_window = 0 < self.window_days <= 36_500
        require(is_window, "affinity.window_days", "from 1 to 36500", self)
        for key in ("top", "min_customers"):
            require(getattr(self, key) > 0, f"affinity.{key}", "above 0", self)
        require(self.together >= 0, "affinity.together", "0 or more", self)
        require(0 < self.confidence < 1, "affinity.confidence", "between 0 and 1", self)


@dataclass(frozen=True)
class SeasonsConfig:
    """Indices of months, weeks and weekdays, and the calendar of the family `seasonal`.

    `holidays`: days as `MM-DD` (of each year) or `YYYY-MM-DD`; `holiday_days`: the days up to each,
    itself included, whose purchases are for it.
    """

    enabled: bool = True
    holidays: tuple[str, ...] = ("12-25",)
    holiday_days: int = 14

    def __post_init__(self) -> None:
        is_length = 0 < self.holiday_days <= 366
        require(is_length, "seasons.holiday_days", "from 1 to 366", self)
        for text in self.holidays:
            if not is_holiday(text):
                raise ConfigurationError(
                    f"seasons.holidays: '{text}': expected a day of each year as MM-DD, or a date"
                    " as YYYY-MM-DD"
                )


@dataclass(frozen=True)
class EventSummaryConfig:
    """Whether a run counts the events as they came in, for the report's first part."""

    enabled: bool = True
