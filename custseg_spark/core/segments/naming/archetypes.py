"""Archetypes: possible names of segments, with expected profile and suggested actions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# Figures of a segment that bars may name, beside the features: its shares of customers and revenue,
# and the second divided by the first.
SHARES = ("customer_share", "revenue_share", "revenue_per_share")


@dataclass(frozen=True)
class Bar:
    """The least or the most that a segment's mean of a feature, or its share, must be.

    `at_least_of_mean` and `at_most_of_mean` are multiples of the mean of all customers: a value
    that everybody reaches in a log marks no segment.
    """

    at_least: float | None = None
    at_most: float | None = None
    at_least_of_mean: float | None = None
    at_most_of_mean: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the bar has no limit."""
        return self == Bar()

    def holds(self, value: float, mean: float, tolerance: float = 0.0) -> bool:
        """Whether a value meets the bar; with a tolerance it may miss by that part of the bar.

        `mean` is that of all customers. A value of NaN meets no bar, a mean of NaN no relative one.
        """
        least = [_scaled(self.at_least, 1.0), _scaled(self.at_least_of_mean, mean)]
        most = [_scaled(self.at_most, 1.0), _scaled(self.at_most_of_mean, mean)]
        return all(value >= bar - tolerance * abs(bar) for bar in least if bar is not None) and all(
            value <= bar + tolerance * abs(bar) for bar in most if bar is not None
        )


@dataclass(frozen=True)
class Archetype:
    """A name, its segments' expected profile as signed weights of standardised features, and bars.

    A segment that misses a bar never gets the name, whatever its score.
    """

    name: str
    description: str
    actions: tuple[str, ...]
    weights: Mapping[str, float]
    bars: Mapping[str, Bar] = field(default_factory=dict)

    def admits(
        self, figures: Mapping[str, float], means: Mapping[str, float], tolerance: float = 0.0
    ) -> bool:
        """Whether a segment's figures meet every bar; a missing figure (or NaN) meets none.

        `means` are the figures of all customers.
        """
        return all(
            bar.holds(figures.get(name, math.nan), means.get(name, math.nan), tolerance)
            for name, bar in self.bars.items()
        )


def means_of_all(segments: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each figure over all customers: segments by their `customer_share`.

    Segments where a figure is missing or NaN don't count in it; without shares all count alike.
    """
    sums: dict[str, float] = {}
    weights: dict[str, float] = {}
    for figures in segments:
        share = figures.get(SHARES[0], 1.0)
        for name, value in figures.items():
            if not math.isnan(value):
                sums[name] = sums.get(name, 0.0) + share * value
                weights[name] = weights.get(name, 0.0) + share
    return {name: total / weights[name] for name, total in sums.items() if weights[name] > 0}


def _scaled(limit: float | None, by: float) -> float | None:
    return None if limit is None else limit * by


@dataclass(frozen=True)
class Words:
    """Words for a low and a high value of a feature."""

    low: str
    high: str


@dataclass(frozen=True)
class Descriptive:
    """Description and actions of a descriptive name, for segments that no archetype fits."""

    actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Archetypes:
    """The archetypes in the order of their file, and the words for descriptive names.

    Descriptive names use only features with words; if no feature has words, they use the features'
    own names.
    """

    archetypes: tuple[Archetype, ...]
    words: Mapping[str, Words] = field(default_factory=dict)
    descriptive: Descriptive = field(default_factory=Descriptive)

    def words_for(self, feature: str) -> Words | None:
        """Return the words for a feature; None if descriptive names don't use it."""
        plain = feature.replace("_", " ")
        default = None if self.words else Words(f"low {plain}", f"high {plain}")
        return self.words.get(feature, default)
