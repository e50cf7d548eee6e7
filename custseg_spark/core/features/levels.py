"""Price levels of categories, the reference for a customer's prices."""

from dataclasses import dataclass

import numpy as np

from custseg_spark.core.features.exact import Flags, Ints


@dataclass(frozen=True)
class Levels:
    """The mean ln(unit price) of each category with prices, in units of 10^-12; keys ascend."""

    keys: Ints
    units: Ints

    def of(self, keys: Ints) -> tuple[Ints, Flags]:
        """Return the level of each key and a mask of keys with a level; 0 for a key without one."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
        at = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        has_level = self.keys[at] == keys
        return np.where(has_level, self.units[at], 0), has_level


NO_LEVELS = Levels(np.empty(0, np.int64), np.empty(0, np.int64))
