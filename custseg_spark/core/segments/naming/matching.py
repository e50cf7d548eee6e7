"""Match segments to archetypes by maximal total score; describe segments that fit none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.segments.naming.archetypes import Archetypes, means_of_all
from custseg_spark.core.segments.naming.describing import descriptive_name, strength
from custseg_spark.core.segments.naming.standings import Standings, contributions, scores, standings

_EVIDENCE = 5
# Closer to the mean of all, a feature counts in the score but not as evidence.
_TELLING = 0.2
# Larger than any sum of scores, and finite, because the solver refuses infinity.
_NEVER, _SURE = -1e3, 1e2
# A name that a segment has had is kept though a bar is missed by this part of it: figures that
# waver about a bar don't change the name from week to week.
_KEPT_TOLERANCE = 0.2
# Decides between equal totals; far below any difference that matters.
_PREFERENCE = 1e-9


@dataclass(frozen=True)
class SegmentName:
    """A segment's name, and its reasons. `archetype` is None for a descriptive name.

    Scores are on the scale of z-scores. A descriptive name has none, and neither has a kept
    archetype with too many missing features. `runner_up` is the best of the other archetypes,
    whether or not another segment has it. `evidence` holds features with their z-scores against all
    customers, the strongest evidence first.
    """

    name: str
    archetype: str | None
    score: float | None
    runner_up: str | None
    runner_up_score: float | None
    evidence: tuple[tuple[str, float], ...]
    actions: tuple[str, ...]


def name_segments(
    z_scores: Mapping[int, Mapping[str, float]],
    archetypes: Archetypes,
    *,
    min_score: float,
    kept: Mapping[int, str] | None = None,
    kept_bonus: float = 0.0,
    figures: Mapping[int, Mapping[str, float]] | None = None,
) -> dict[int, SegmentName]:
    """Name each segment (by its id) from the z-scores of its features' means.

    Names maximise the total score; no archetype is used twice. A segment without an archetype of
    `min_score` or more is described by its strongest features. `kept` are names of the previous
    run: `kept_bonus` is added to the score of a segment's own archetype; where the name was
    descriptive, archetypes must beat `min_score` by it. An infinite bonus keeps every name. The
    returned scores exclude the bonus. `figures` are the segments' means and shares that the
    archetypes' bars are for; without them no bar counts.
    """
    ids = sorted(z_scores)
    if not ids:
        return {}
    kept = kept or {}
    stand = standings([z_scores[i] for i in ids])
    fits = scores(stand, archetypes)
    if figures is not None and np.isfinite(kept_bonus):
        fits = _admitted(fits, archetypes, [figures[i] for i in ids], [kept.get(i) for i in ids])
    matched = _match(fits, archetypes, min_score, [kept.get(i) for i in ids], kept_bonus)
    names = _names(stand, archetypes, matched, [kept.get(i) for i in ids])
    return {
        segment: _explained(names[row], row, matched[row], stand, fits, archetypes)
        for row, segment in enumerate(ids)
    }


def _admitted(
    fits: np.ndarray,
    archetypes: Archetypes,
    figures: Sequence[Mapping[str, float]],
    kept: Sequence[str | None],
) -> np.ndarray:
    """Return the scores without those of archetypes whose bars a segment misses."""
    means = means_of_all(figures)
    admitted = [
        [
            a.admits(segment_figures, means, _KEPT_TOLERANCE if a.name == name else 0.0)
            for a in archetypes.archetypes
        ]
        for segment_figures, name in zip(figures, kept, strict=True)
    ]
    return np.where(np.array(admitted, dtype=bool).reshape(fits.shape), fits, np.nan)


def _match(
    fits: np.ndarray,
    archetypes: Archetypes,
    min_score: float,
    kept: Sequence[str | None],
    kept_bonus: float,
) -> list[int | None]:
    """Return the index of each segment's archetype, None for a descriptive name.

    Each segment can also have a name of its own, worth the threshold, so a score below it is never
    part of the highest total. At equal totals the first segments get the first archetypes of the
    file.
    """
    rows, columns = fits.shape
    position = {a.name: i for i, a in enumerate(archetypes.archetypes)}
    rank = np.outer(np.arange(rows, 0, -1), np.arange(columns, 0, -1))
    gains = np.where(np.isfinite(fits), fits, _NEVER) + _PREFERENCE * rank
    descriptive_gains = np.full((rows, rows), _NEVER)
    np.fill_diagonal(descriptive_gains, min_score)
    for row, name in enumerate(kept):
        table, column = (gains, position[name]) if name in position else (descriptive_gains, row)
        if name is not None and (np.isinf(kept_bonus) or table[row, column] > _NEVER / 2):
            table[row, column] = min(table[row, column] + kept_bonus, _SURE)
    # Commands read the archetypes before Spark starts; loading SciPy would keep them.
    from scipy.optimize import linear_sum_assignment

    _, chosen = linear_sum_assignment(np.hstack([gains, descriptive_gains]), maximize=True)
    return [int(c) if c < columns else None for c in chosen]


def _names(
    stand: Standings,
    archetypes: Archetypes,
    matched: Sequence[int | None],
    kept: Sequence[str | None],
) -> list[str]:
    """Return the names by row: archetypes', then kept descriptive ones, then new ones; all
    different.
    """
    taken_names = {a.name for a in archetypes.archetypes}
    names: dict[int, str] = {}
    for row, position in enumerate(matched):
        old = kept[row]
        if position is not None:
            names[row] = archetypes.archetypes[position].name
        elif old is not None and old not in taken_names:
            names[row] = old
            taken_names.add(old)
    for row in range(len(matched)):
        if row not in names:
            names[row] = descriptive_name(stand, row, archetypes, taken_names)
            taken_names.add(names[row])
    return [names[row] for row in range(len(matched))]


def _explained(
    name: str,
    row: int,
    matched: int | None,
    stand: Standings,
    fits: np.ndarray,
    archetypes: Archetypes,
) -> SegmentName:
    archetype = archetypes.archetypes[matched] if matched is not None else None
    weights = contributions(stand, archetype) if archetype else strength(stand, archetypes)
    order = [int(f) for f in np.argsort(-weights[row], kind="stable") if weights[row, f] > 0]
    evident = [f for f in order if abs(stand.z_scores[row, f]) >= _TELLING] or order[:1]
    second = _runner_up(fits[row], matched)
    return SegmentName(
        name=name,
        archetype=archetype.name if archetype else None,
        score=_finite(fits[row, matched]) if matched is not None else None,
        runner_up=archetypes.archetypes[second].name if second is not None else None,
        runner_up_score=float(fits[row, second]) if second is not None else None,
        evidence=tuple(
            (stand.features[f], float(stand.z_scores[row, f])) for f in evident[:_EVIDENCE]
        ),
        actions=archetype.actions if archetype else archetypes.descriptive.actions,
    )


def _finite(score: float) -> float | None:
    return float(score) if np.isfinite(score) else None


def _runner_up(fits: np.ndarray, matched: int | None) -> int | None:
    others = [i for i in range(len(fits)) if i != matched and np.isfinite(fits[i])]
    return max(others, key=lambda i: (fits[i], -i), default=None)
