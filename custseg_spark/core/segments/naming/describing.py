"""Describe a segment by its strongest features."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np

from custseg_spark.core.segments.naming.archetypes import Archetypes
from custseg_spark.core.segments.naming.standings import Standings

_PHRASES = 2
# A feature closer to the average than this gives no word for a name.
_FAINT = 0.2
_NOTHING_STANDS_OUT = "Average"


def strength(stand: Standings, archetypes: Archetypes) -> np.ndarray:
    """Return how strongly each feature marks a segment; 0 where faint or without words."""
    size = np.nan_to_num(np.abs(stand.values))
    spoken = np.array([archetypes.words_for(f) is not None for f in stand.features], dtype=bool)
    return np.where(spoken & (size >= _FAINT), size, 0.0)


def descriptive_name(
    stand: Standings, row: int, archetypes: Archetypes, taken_names: Collection[str]
) -> str:
    """Name the segment by its two strongest features.

    More features, or a number, are added until the name is free.
    """
    phrases = _without_repetition(_phrases(stand, row, archetypes))
    for length in range(_PHRASES, len(phrases) + 1):
        name = _sentence(phrases[:length])
        if name not in taken_names:
            return name
    name = _sentence(phrases[:_PHRASES]) or _NOTHING_STANDS_OUT
    numbered = [name, *(f"{name} ({n})" for n in range(2, len(taken_names) + 3))]
    return next(candidate for candidate in numbered if candidate not in taken_names)


def _without_repetition(phrases: Iterable[str]) -> list[str]:
    """Return the phrases that say something new: of two where one contains the other, the first."""
    distinct: list[str] = []
    for phrase in phrases:
        if not any(phrase in other or other in phrase for other in distinct):
            distinct.append(phrase)
    return distinct


def _phrases(stand: Standings, row: int, archetypes: Archetypes) -> Iterator[str]:
    strengths = strength(stand, archetypes)[row]
    for feature in np.argsort(-strengths, kind="stable"):
        words = archetypes.words_for(stand.features[feature])
        if words is not None and strengths[feature] > 0:
            yield words.high if stand.values[row, feature] > 0 else words.low


def _sentence(phrases: Sequence[str]) -> str:
    text = ", ".join(phrases)
    return text[:1].upper() + text[1:]
