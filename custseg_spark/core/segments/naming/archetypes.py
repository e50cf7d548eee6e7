"""Archetypes: possible names of segments, with expected profile and suggested actions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

# Figures of a segment that bars may name, beside the features: its shares of customers and revenue,
# and the second divided by the first.
SHARES = ("customer_share", "revenue_share", "revenue_per_share")


@dataclass(frozen=True)
class Bar:
    """What a segment's mean of a feature, or a share of its, must be at least or at most."""

    at_least: float | None = None
    at_most: float | None = None

    def holds(self, value: float, tolerance: float = 0.0) -> bool:
        """Whether a value meets the bar; with a tolerance it may miss by that part of the bar."""
        if self.at_least is not None and value < self.at_least - tolerance * abs(self.at_least):
            return False
        return self.at_most is None or value <= self.at_most + tolerance * abs(self.at_most)


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

    def admits(self, figures: Mapping[str, float], tolerance: float = 0.0) -> bool:
        """Whether a segment's figures meet every bar; a missing figure (or NaN) meets none."""
        return all(
            bar.holds(figures.get(name, float("nan")), tolerance)
            and not math.isnan(figures.get(name, float("nan")))
            for name, bar in self.bars.items()
        )


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
        made = None if self.words else Words(f"low {plain}", f"high {plain}")
        return self.words.get(feature, made)
