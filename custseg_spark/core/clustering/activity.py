"""Compare customers with others who have as many events.

Five events show fewer categories than fifty, and a share of five events is drawn closer to the
mean. So customers with few events lie together, whatever they are like. Levels undo that: at each
level of events, a feature gets the mean and the deviation that it has among the customers whom the
model learns from. This supposes that light customers differ as much as the others do, so it is for
features of kind (shares, breadth, length of visits), not for money and dates.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from custseg_spark.core.clustering.preparation import EVIDENCE, Level, Preparation, PreparedFeature

# The number of events at which each level begins.
_STARTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 20, 25, 32, 40, 50)
# Fewer customers don't make a level; they belong to the one below.
_FEWEST = 100
# A smaller deviation is rounding: all customers of the level are alike in the feature.
_NO_DEVIATION = 1e-6


def with_levels(
    preparation: Preparation,
    features: Collection[str],
    informed: Mapping[str, np.ndarray],
    everyone: Mapping[str, np.ndarray],
    informed_from: int,
) -> Preparation:
    """Return the preparation with levels of the named features, as far as it has them.

    `informed` and `everyone` are raw columns; the informed customers have `informed_from` events or
    more, and stay as they are.
    """
    made = [
        replace(feature, levels=_levels(feature, informed, everyone, informed_from))
        if feature.name in features
        else feature
        for feature in preparation.features
    ]
    return replace(preparation, features=tuple(made))


def _levels(
    feature: PreparedFeature,
    informed: Mapping[str, np.ndarray],
    everyone: Mapping[str, np.ndarray],
    informed_from: int,
) -> tuple[Level, ...]:
    goal = feature.values(informed[feature.name], informed[EVIDENCE])
    evidence = everyone[EVIDENCE]
    values = feature.values(everyone[feature.name], evidence)
    starts = [start for start in _STARTS if start < informed_from]
    levels = []
    for start, end in zip(starts, [*starts[1:], informed_from], strict=True):
        of_level = values[(evidence >= start) & (evidence < end)]
        if len(of_level) < _FEWEST:
            continue
        deviation = of_level.std()
        factor = float(goal.std() / deviation) if deviation > _NO_DEVIATION else 1.0
        levels.append(Level(start, factor, float(goal.mean() - factor * of_level.mean())))
    return (*levels, Level(informed_from, 1.0, 0.0)) if levels else ()
