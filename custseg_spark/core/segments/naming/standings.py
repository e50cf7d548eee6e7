"""Standings of segments in each feature, and how well each archetype fits them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.segments.naming.archetypes import Archetype, Archetypes

# Values are capped at two standard deviations, so that one outlier can't determine a name.
_CLIP = 2.0
# An archetype is no candidate if features with more than half its weight are missing.
_MIN_WEIGHT_PRESENT = 0.5


@dataclass(frozen=True)
class Standings:
    """Segments x features: z-scores against all customers, and the segments' standings.

    NaN where a segment has no value; a feature that is 0 throughout has no standing.
    """

    features: tuple[str, ...]
    z_scores: np.ndarray
    values: np.ndarray


def standings(z_scores: Sequence[Mapping[str, float]]) -> Standings:
    """Return standings from -2 to 2: half against all customers, half against the other segments.

    If nearly everybody is in one segment, its z-scores are near 0 and the other segments' are large
    in every feature. So half of a standing compares segments with each other: minus the mean over
    segments, in units of their spread if that exceeds a standard deviation. Then the large segment
    is as far below the others as they are above it, and the others differ in the features that mark
    them. A segment above the average customer has no low standing, and one below no high one.
    """
    features = tuple(sorted({f for row in z_scores for f in row}))
    z = np.array([[row.get(f, np.nan) for f in features] for row in z_scores], dtype=float)
    z = z.reshape(len(z_scores), len(features))
    present = np.isfinite(z)
    filled = np.where(present, z, 0.0)
    count = np.maximum(present.sum(axis=0), 1)
    among = np.where(present, filled - filled.sum(axis=0) / count, 0.0)
    spread = np.sqrt((among**2).sum(axis=0) / count)
    among = among / np.maximum(spread, 1.0)
    values = (np.clip(filled, -_CLIP, _CLIP) + np.clip(among, -_CLIP, _CLIP)) / 2
    values = np.where(values * filled > 0, values, 0.0)
    # A feature that is 0 throughout distinguishes no segments; it counts as missing.
    marks = present & (filled != 0).any(axis=0)
    return Standings(features, np.where(present, z, np.nan), np.where(marks, values, np.nan))


def scores(stand: Standings, archetypes: Archetypes) -> np.ndarray:
    """Return segments x archetypes: the weighted mean standing, NaN if too much is missing.

    The result is on the scale of z-scores, whatever the number and size of the weights.
    """
    columns = [_scores(stand, archetype) for archetype in archetypes.archetypes]
    return np.column_stack(columns)


def contributions(stand: Standings, archetype: Archetype) -> np.ndarray:
    """Return segments x features: weight times standing, 0 where there is none."""
    weights = np.array([archetype.weights.get(f, 0.0) for f in stand.features])
    weighted: np.ndarray = np.nan_to_num(stand.values) * weights
    return weighted


def _scores(stand: Standings, archetype: Archetype) -> np.ndarray:
    weights = np.array([abs(archetype.weights.get(f, 0.0)) for f in stand.features])
    whole = sum(abs(weight) for weight in archetype.weights.values())
    present = (np.isfinite(stand.values) * weights).sum(axis=1)
    total = contributions(stand, archetype).sum(axis=1)
    enough = present >= _MIN_WEIGHT_PRESENT * whole
    return np.where(enough, total / np.where(enough, present, 1.0), np.nan)
