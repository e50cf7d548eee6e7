"""Archetypes: possible names of segments, with expected profile and suggested actions."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Archetype:
    """A name, and its segments' expected profile as signed weights of standardised features."""

    name: str
    description: str
    actions: tuple[str, ...]
    weights: Mapping[str, float]


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
