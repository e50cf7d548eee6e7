"""Archetypes: what a segment can be called, what speaks for the name, what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Archetype:
    """A name, and as signed weights of standardised features what a segment of it is like."""

    name: str
    description: str
    actions: tuple[str, ...]
    weights: Mapping[str, float]


@dataclass(frozen=True)
class Words:
    """What to call a low and a high value of a feature."""

    low: str
    high: str


@dataclass(frozen=True)
class Descriptive:
    """What goes with a descriptive name, as no archetype speaks for its segment."""

    actions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Archetypes:
    """The archetypes in the order of their file, and the words for descriptive names.

    Only features with words are used in such names; without any words they are made of the
    features' own names.
    """

    archetypes: tuple[Archetype, ...]
    words: Mapping[str, Words] = field(default_factory=dict)
    descriptive: Descriptive = field(default_factory=Descriptive)

    def words_for(self, feature: str) -> Words | None:
        """The words for a feature; None for one that is no part of descriptive names."""
        plain = feature.replace("_", " ")
        made = None if self.words else Words(f"low {plain}", f"high {plain}")
        return self.words.get(feature, made)
