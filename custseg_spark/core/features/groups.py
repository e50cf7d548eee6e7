"""Group rows by owner: sums, smallest and largest values, one entry per owner."""

from dataclasses import dataclass

import numpy as np

from custseg_spark.core.features.exact import NARROW, Ints, Whole, largest, narrowed


@dataclass(frozen=True)
class Groups:
    """The rows in the order of their owners, and the first row of each owner in that order."""

    order: Ints | slice
    begins: Ints
    rows: int

    @staticmethod
    def of(owner: Ints) -> "Groups":
        """Group rows by owner, in any order; owners ascend in the groups."""
        order = np.argsort(owner)
        return Groups(order, begins_of(owner[order]), len(owner))

    @staticmethod
    def of_sorted(owner: Ints) -> "Groups":
        """Group rows that already come owner by owner."""
        return Groups(slice(None), begins_of(owner), len(owner))

    def added(self, values: Whole) -> Whole:
        """Sum each owner's whole numbers exactly."""
        if largest(values) * self.rows < NARROW:
            return self._reduced(np.add, values)
        magnitudes = self._reduced(np.add, np.abs(values.astype(np.float64)))
        if largest(magnitudes) >= NARROW:
            values = values.astype(object)
        return narrowed(self._reduced(np.add, values))

    def smallest(self, values: Whole) -> Whole:
        """Return the smallest value of each owner."""
        return self._reduced(np.minimum, values)

    def largest(self, values: Whole) -> Whole:
        """Return the largest value of each owner."""
        return self._reduced(np.maximum, values)

    def _reduced(self, together: np.ufunc, values: Whole) -> Whole:
        reduced: Whole = together.reduceat(values[self.order], self.begins)
        return reduced


def begins_of(owner: Ints) -> Ints:
    """Return the first row of each owner among rows that come owner by owner."""
    return np.flatnonzero(np.diff(owner, prepend=-1))
