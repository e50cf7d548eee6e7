"""What a customer's distinct keys tell: products, categories, brands, hours, orders, days.

So do their sessions, each of one part or, over midnight, of several.

Counted in numpy, a partition of customers at a time: Spark's own operators need five rows of each
event and two groupings of them for the same counts, and for sessions a grouping of every total.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

HOURS = 24
# A level's decimals, added up in two halves of its digits, so that no sum leaves 64 bits.
LEVEL_UNITS = 10**12
LEVEL_HALF = 10**6

# The columns of `key_totals` beside `customer_id`.
TOTALS: Mapping[str, pa.DataType] = {
    "product_count": pa.int64(),
    "category_count": pa.int64(),
    "category_events": pa.int64(),
    "top_category_events": pa.int64(),
    "category_entropy": pa.float64(),
    "brand_count": pa.int64(),
    "brand_events": pa.int64(),
    "top_brand_events": pa.int64(),
    "busiest_hour": pa.int64(),
    "hour_entropy": pa.float64(),
    "order_count": pa.int64(),
    "active_day_count": pa.int64(),
    "purchase_day_count": pa.int64(),
    "level_count": pa.int64(),
    "level_high": pa.int64(),
    "level_low": pa.int64(),
    "session_count": pa.int64(),
    "duration_micros": pa.int64(),
    "last_session_micros": pa.int64(),
    "bounced_sessions": pa.int64(),
    "cart_sessions": pa.int64(),
    "abandoned_sessions": pa.int64(),
}
_DDL = {pa.int64(): "bigint", pa.float64(): "double"}


@dataclass(frozen=True)
class Levels:
    """The price level of each category that has one, in units of 10^-12; keys ascend."""

    keys: Ints
    units: Ints

    @staticmethod
    def of(table: pa.Table) -> "Levels":
        """From rows (key, units), in whatever order."""
        ordered = table.sort_by("key")
        return Levels(ordered["key"].to_numpy(), ordered["units"].to_numpy())


NO_LEVELS = Levels(np.empty(0, np.int64), np.empty(0, np.int64))


@dataclass(frozen=True)
class KeyCounts:
    """One entry an owner x distinct key: `n`, the rows that have the key.

    Owners are numbered from 0 to `owners` - 1; one without a key has no entry.
    """

    owner: Ints
    n: Ints
    owners: int

    def distinct(self) -> Ints:
        """Distinct keys of each owner."""
        return np.bincount(self.owner, minlength=self.owners)

    def total(self) -> Ints:
        """Rows with a key of each owner."""
        return self.added(self.n)

    def largest(self) -> Ints:
        """Rows with the owner's most frequent key."""
        result = np.zeros(self.owners, np.int64)
        np.maximum.at(result, self.owner, self.n)
        return result

    def entropy(self) -> Doubles:
        """Shannon entropy in nats of the shares n / total; 0 for a single key and for none."""
        # Added in the order of n, whatever the order of the rows: the last digits stay the same.
        span = int(self.n.max(initial=0)) + 1
        owner, n = np.divmod(np.sort(self.owner * span + self.n), span)
        share = n / self.total()[owner]
        nats = np.bincount(owner, -share * np.log(share), self.owners) + 0.0
        return nats.astype(np.float64)

    def added(self, values: Ints) -> Ints:
        """The sum of an integer an entry, for each owner."""
        result = np.zeros(self.owners, np.int64)
        np.add.at(result, self.owner, values)
        return result


def count_keys(owner: Ints, key: Ints, owners: int) -> KeyCounts:
    """The rows of each owner and key; keys are whole numbers from 0 on, without wide gaps."""
    span = int(key.max(initial=0)) + 1
    pairs, n = np.unique(owner * span + key, return_counts=True)
    return KeyCounts(pairs // span, n, owners)


def key_totals(parts: DataFrame, levels: Levels = NO_LEVELS) -> DataFrame:
    """One row a customer of the session parts: the columns of TOTALS.

    A null key is none. Entropies are in nats, of the events' shares by key; `busiest_hour` is the
    lowest at a tie; `level_count` are the events whose category has a level, and the sum of their
    levels is `level_high` x LEVEL_HALF + `level_low` units. `duration_micros` adds up the sessions'
    last less first events, `last_session_micros` is when the last one began; bounced sessions have
    one event, abandoned ones a cart and no purchase.
    """
    flat = parts.select(
        "customer_id",
        F.unix_date("session_date").cast("bigint").alias("day"),
        F.xxhash64("session_kind", "session_id").alias("session_key"),
        F.unix_micros("first_event_at").alias("first"),
        F.unix_micros("last_event_at").alias("last"),
        "event_count",
        "cart_count",
        "purchase_count",
        "items",
    )

    def totals(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        partition = list(batches)
        if partition:
            yield from _totals(pa.Table.from_batches(partition), levels).to_batches()

    ddl = ", ".join(f"{name} {_DDL[type_]}" for name, type_ in TOTALS.items())
    return flat.repartition("customer_id").mapInArrow(totals, f"customer_id string, {ddl}")


def _totals(parts: pa.Table, levels: Levels) -> pa.Table:
    encoded = parts["customer_id"].combine_chunks().dictionary_encode()
    owner, owners = encoded.indices.to_numpy().astype(np.int64), len(encoded.dictionary)
    items = parts["items"].combine_chunks()
    of_items = np.repeat(owner, items.value_lengths().to_numpy())
    entries = items.flatten()

    def counted(name: str) -> KeyCounts:
        key, present = _codes(entries.field(name))
        return count_keys(of_items[present], key, owners)

    day = parts["day"].to_numpy() - min(parts["day"].to_numpy())
    bought = parts["purchase_count"].to_numpy() > 0
    category, brand, hour = counted("category_key"), counted("brand_key"), counted("hour")
    values = {
        "product_count": counted("product_key").distinct(),
        "category_count": category.distinct(),
        "category_events": category.total(),
        "top_category_events": category.largest(),
        "category_entropy": category.entropy(),
        "brand_count": brand.distinct(),
        "brand_events": brand.total(),
        "top_brand_events": brand.largest(),
        "busiest_hour": _busiest(of_items, entries.field("hour").to_numpy(), owners),
        "hour_entropy": hour.entropy(),
        "order_count": counted("order_key").distinct(),
        "active_day_count": count_keys(owner, day, owners).distinct(),
        "purchase_day_count": count_keys(owner[bought], day[bought], owners).distinct(),
        **_levels(of_items, entries.field("category_key"), levels, owners),
        **_sessions(owner, parts, owners),
    }
    schema = pa.schema([("customer_id", pa.string()), *TOTALS.items()])
    return pa.table([encoded.dictionary, *(values[name] for name in TOTALS)], schema=schema)


def _codes(keys: pa.Array) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """The keys that aren't null as numbers from 0 on, and which of them aren't."""
    present = keys.is_valid().to_numpy(zero_copy_only=False)
    codes = keys.drop_null().dictionary_encode().indices
    return codes.to_numpy().astype(np.int64), present


def _busiest(owner: Ints, hour: npt.NDArray[np.int8], owners: int) -> Ints:
    by_hour = np.bincount(owner * HOURS + hour, minlength=owners * HOURS)
    busiest: Ints = by_hour.reshape(owners, HOURS).argmax(axis=1)
    return busiest


def _sessions(owner: Ints, parts: pa.Table, owners: int) -> dict[str, Ints]:
    """A session's parts are put together first, as one goes on over midnight."""
    key, _ = _codes(parts["session_key"].combine_chunks())
    pair = owner * (int(key.max()) + 1) + key
    order = np.argsort(pair, kind="stable")
    begins = np.flatnonzero(np.diff(pair[order], prepend=-1))

    def of_session(name: str, together: np.ufunc) -> Ints:
        values: Ints = together.reduceat(parts[name].to_numpy()[order], begins)
        return values

    first, last = of_session("first", np.minimum), of_session("last", np.maximum)
    has_cart = of_session("cart_count", np.add) > 0
    has_purchase = of_session("purchase_count", np.add) > 0
    whose = owner[order][begins]
    # Owners ascend with the pairs, and each has a session.
    of_owner = np.flatnonzero(np.diff(whose, prepend=-1))

    def sessions(which: npt.NDArray[np.bool_]) -> Ints:
        return np.bincount(whose[which], minlength=owners)

    return {
        "session_count": np.bincount(whose, minlength=owners),
        "duration_micros": np.add.reduceat(last - first, of_owner),
        "last_session_micros": np.maximum.reduceat(first, of_owner),
        "bounced_sessions": sessions(of_session("event_count", np.add) == 1),
        "cart_sessions": sessions(has_cart),
        "abandoned_sessions": sessions(has_cart & ~has_purchase),
    }


def _levels(owner: Ints, keys: pa.Array, levels: Levels, owners: int) -> dict[str, Ints]:
    found = np.zeros(len(keys), np.bool_)
    at = np.zeros(len(keys), np.int64)
    if len(levels.keys):
        key = keys.fill_null(0).to_numpy()
        at = np.searchsorted(levels.keys, key).clip(max=len(levels.keys) - 1)
        found = keys.is_valid().to_numpy(zero_copy_only=False) & (levels.keys[at] == key)
    units = levels.units[at[found]]
    whose = owner[found]

    def added(values: Ints) -> Ints:
        return KeyCounts(whose, values, owners).added(values)

    return {
        "level_count": np.bincount(whose, minlength=owners),
        "level_high": added(units // LEVEL_HALF),
        "level_low": added(units % LEVEL_HALF),
    }
