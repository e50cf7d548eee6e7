"""Turn relative margins into probabilities of the same segment after a refit."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StayCurve:
    """Probabilities at ascending relative margins; linear between them, level beyond."""

    margins: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __call__(self, margins: np.ndarray) -> np.ndarray:
        """Return the probability to stay at each relative margin."""
        return np.asarray(np.interp(margins, self.margins, self.probabilities))


def relative_margins(distances: np.ndarray, margins: np.ndarray) -> np.ndarray:
    """Return margin / (distance to the first centre + distance to the second), from -1 to 1.

    0 is the border, 1 the first centre. The result is 0 where both distances are 0, and 1 without a
    second cluster.
    """
    both = 2 * distances + margins
    is_alone, share = np.isinf(both), np.zeros(len(both))
    np.divide(margins, both, out=share, where=(both > 0) & ~is_alone)
    return np.asarray(np.where(is_alone, 1.0, share))
