"""A customer's orders as baskets: lines, distinct products, quantity and value of each."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from custseg_spark.core.features.exact import Ints, Whole, products, whole_numbers
from custseg_spark.core.features.groups import Groups
from custseg_spark.core.features.keys import codes


@dataclass(frozen=True)
class Baskets:
    """One entry per owner and order, sorted by `owner`, a number from 0 to `owners` - 1.

    `quantity` is in pieces, `value` in ten-thousandths of the currency, net of discounts.
    """

    owner: Ints
    quantity: Whole
    value: Whole
    owners: int

    def quantities(self) -> Whole:
        """Sum the quantities of each owner's orders."""
        return self._added(self.quantity)

    def values(self) -> Whole:
        """Sum the values of each owner's orders."""
        return self._added(self.value)

    def squares(self) -> Whole:
        """Sum the squares of the values of each owner's orders."""
        return self._added(products(self.value, self.value))

    def _added(self, values: Whole) -> Whole:
        if not len(self.owner):
            return np.zeros(self.owners, np.int64)
        groups = Groups.of_sorted(self.owner)
        sums = groups.added(values)
        added = np.zeros(self.owners, sums.dtype)
        added[self.owner[groups.begins]] = sums
        return added


def baskets(owner: Ints, orders: pa.ListArray, owners: int) -> Baskets:
    """Add up the orders of parts; `owner` is the owner of each part."""
    of_entry = np.repeat(owner, orders.value_lengths().fill_null(0).to_numpy())
    entries: pa.StructArray = orders.flatten()
    if not len(entries):
        nothing = np.empty(0, np.int64)
        return Baskets(nothing, nothing, nothing, owners)
    order = codes(entries.field("order_key").dictionary_encode())
    groups = Groups.of(of_entry * (int(order.max()) + 1) + order)
    quantity, value = (
        groups.added(whole_numbers(entries.field(name))) for name in ("quantity", "amount")
    )
    return Baskets(of_entry[groups.order][groups.begins], quantity, value, owners)
