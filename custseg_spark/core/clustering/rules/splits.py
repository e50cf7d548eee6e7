"""The best question about a set of customers, by the losses of its answers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from custseg_spark.core.clustering.distances import sums_by_label
from custseg_spark.core.clustering.rules.thresholds import round_thresholds


@dataclass(frozen=True)
class Question:
    """Whether a feature is below a threshold (both by place), and the loss of the question."""

    feature: int
    threshold: int
    loss: float


@dataclass(frozen=True)
class Grid:
    """Customers' features, each binned by its round thresholds.

    `bins` is n x f, column-major: how many of the feature's thresholds a value reaches. A value is
    below threshold t where its bin is at most t.
    """

    names: tuple[str, ...]
    thresholds: tuple[np.ndarray, ...]
    bins: np.ndarray

    @staticmethod
    def of(columns: Mapping[str, np.ndarray]) -> "Grid":
        """Compare each column's values (without NaN) with its round thresholds."""
        thresholds = tuple(round_thresholds(values) for values in columns.values())
        size = len(next(iter(columns.values())))
        bins = np.empty((size, len(columns)), dtype=np.intp, order="F")
        for place, (values, steps) in enumerate(zip(columns.values(), thresholds, strict=True)):
            bins[:, place] = np.searchsorted(steps, values, side="right")
        return Grid(tuple(columns), thresholds, bins)

    def is_below(self, rows: np.ndarray, question: Question) -> np.ndarray:
        """Whether the answer of each row is "below"."""
        return np.asarray(self.bins[rows, question.feature] <= question.threshold)

    def question(self, rows: np.ndarray, below: np.ndarray, above: np.ndarray) -> Question | None:
        """Return the question with the smallest loss, the first at a tie; None without a threshold.

        `below` and `above` (rows x choices) are the losses of each customer where an answer leads
        to a choice. The customers of an answer all get the choice with their smallest sum.
        """
        best: Question | None = None
        for feature, thresholds in enumerate(self.thresholds):
            if not len(thresholds):
                continue
            bins, count = self.bins[rows, feature], len(thresholds) + 1
            below_sums = _cumulated(below, bins, count)
            summed = below_sums if above is below else _cumulated(above, bins, count)
            above_sums = summed[-1] - summed
            sums = below_sums[:-1].min(axis=1) + above_sums[:-1].min(axis=1)
            place = int(np.argmin(sums))
            if best is None or sums[place] < best.loss:
                best = Question(feature, place, float(sums[place]))
        return best


def _cumulated(losses: np.ndarray, bins: np.ndarray, count: int) -> np.ndarray:
    """Return bins x choices: the summed losses of the customers up to each bin."""
    sums = [sums_by_label(losses[:, choice], bins, count) for choice in range(losses.shape[1])]
    return np.cumsum(np.column_stack(sums), axis=0)
