"""Distinct keys of each customer: their number, and how the items spread over them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from custseg_spark.core.features.exact import Doubles, Ints, Whole
from custseg_spark.core.features.groups import Groups, begins_of


@dataclass(frozen=True)
class KeyCounts:
    """One entry per owner and distinct key, sorted by owner; `n` is the number of rows with the
    key.

    Owners are numbered from 0 to `owners` - 1; an owner without a key has no entry. Keys are
    numbers.
    """

    owner: Ints
    key: Ints
    n: Ints
    owners: int

    def distinct(self) -> Ints:
        """Count the distinct keys of each owner."""
        return np.bincount(self.owner, minlength=self.owners)

    def total(self) -> Ints:
        """Count the rows with a key of each owner."""
        return self.added(self.n)

    def largest(self) -> Ints:
        """Count the rows with the owner's most frequent key."""
        return self._of_owners(self._groups.largest(self.n))

    def smallest_key(self) -> Ints:
        """Return each owner's smallest key; 0 for an owner without one."""
        return self._of_owners(self._groups.smallest(self.key))

    def added(self, values: Whole) -> Whole:
        """Sum a whole number of each entry by owner, exactly."""
        return self._of_owners(self._groups.added(values))

    def most_frequent(self) -> Ints:
        """Return each owner's most frequent key, the lowest at a tie; each must have a key."""
        span = int(self.key.max(initial=0)) + 1
        ranked = self.n * span + (span - 1 - self.key)
        return span - 1 - self._of_owners(self._groups.largest(ranked)) % span

    def entropy(self) -> Doubles:
        """Return the Shannon entropy in nats of the shares n / total; 0 for one key or none."""
        total = self.total()
        several = self.n < total[self.owner]
        # Added in the order of n, so that the last digits don't depend on the order of the rows.
        span = int(self.n.max(initial=0)) + 1
        owner, n = np.divmod(np.sort(self.owner[several] * span + self.n[several]), span)
        share = n / total[owner]
        nats = np.bincount(owner, -share * np.log(share), self.owners) + 0.0
        return nats.astype(np.float64, copy=False)

    @cached_property
    def _groups(self) -> Groups:
        return Groups.of_sorted(self.owner)

    def _of_owners(self, values: Whole) -> Whole:
        result = np.zeros(self.owners, values.dtype)
        result[self.owner[self._groups.begins]] = values
        return result


def count_keys(owner: Ints, key: Ints, owners: int) -> KeyCounts:
    """Count the rows of each owner and key; keys are numbers from 0 on, without wide gaps."""
    span = int(key.max(initial=0)) + 1
    pairs = np.sort(owner * span + key)
    begins = begins_of(pairs)
    n = np.diff(begins, append=len(pairs))
    return KeyCounts(*np.divmod(pairs[begins], span), n, owners)


class ItemKeys:
    """Keys of the customers' items: products, categories, brands, orders and hours.

    There is one item per event. A field is counted when it is first asked for; null keys don't
    count.
    """

    def __init__(self, owner: Ints, items: pa.ListArray, owners: int) -> None:
        self._owner = np.repeat(owner, items.value_lengths().to_numpy())
        self._entries: pa.StructArray = items.flatten()
        self._owners = owners

    @cached_property
    def product(self) -> KeyCounts:
        """Count items by product."""
        return self._counted("product_key")

    @cached_property
    def category(self) -> KeyCounts:
        """Count items by category; a key is an index into `categories`."""
        return self._counted("category_key")

    @cached_property
    def brand(self) -> KeyCounts:
        """Count items by brand."""
        return self._counted("brand_key")

    @cached_property
    def order(self) -> KeyCounts:
        """Count purchases by order."""
        return self._counted("order_key")

    @cached_property
    def order_products(self) -> KeyCounts:
        """Count purchases by order and product."""
        order, product = (self._entries.field(f"{name}_key") for name in ("order", "product"))
        is_bought = pc.and_(order.is_valid(), product.is_valid()).to_numpy(zero_copy_only=False)
        rows = pa.array(is_bought)
        orders, products = (
            codes(keys.filter(rows).dictionary_encode()) for keys in (order, product)
        )
        span = int(products.max(initial=0)) + 1
        _, pair = np.unique(orders * span + products, return_inverse=True)
        return count_keys(self._owner[is_bought], pair.astype(np.int64), self._owners)

    @cached_property
    def hour(self) -> KeyCounts:
        """Count items by UTC hour."""
        return count_keys(self._owner, self._entries.field("hour").to_numpy(), self._owners)

    @cached_property
    def categories(self) -> Ints:
        """Return the distinct category keys, in the order of their codes."""
        keys: Ints = self._encoded("category_key").dictionary.to_numpy()
        return keys

    def _counted(self, name: str) -> KeyCounts:
        owner, keys = self._owner, self._entries.field(name)
        if keys.null_count:
            owner = owner[keys.is_valid().to_numpy(zero_copy_only=False)]
        return count_keys(owner, codes(self._encoded(name)), self._owners)

    def _encoded(self, name: str) -> pa.DictionaryArray:
        return self._entries.field(name).drop_null().dictionary_encode()


def codes(encoded: pa.DictionaryArray) -> Ints:
    """Return the index of each row's value in the dictionary."""
    numbers: Ints = encoded.indices.to_numpy().astype(np.int64)
    return numbers
