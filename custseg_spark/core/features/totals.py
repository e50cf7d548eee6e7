"""Totals over a customer's session parts: the numbers that features are computed from."""

from collections.abc import Callable
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from custseg_spark.core.features.baskets import Baskets, baskets
from custseg_spark.core.features.exact import MISSING, Flags, Ints, Whole, whole_numbers
from custseg_spark.core.features.groups import Groups
from custseg_spark.core.features.keys import ItemKeys, KeyCounts, codes, count_keys
from custseg_spark.core.features.levels import NO_LEVELS, Levels
from custseg_spark.core.features.months import month_numbers
from custseg_spark.core.features.visits import Visits, session_numbers, visits_of
from custseg_spark.core.holidays import NO_HOLIDAYS, Calendar

DAY_MICROS = 86_400 * 1_000_000
_EPOCH = date(1970, 1, 1)


class Totals:
    """Totals of the customers with a part before `as_of`; arrays have one entry per customer.

    `customers` are their ids, sorted by bytes; all arrays have that order. `parts` are rows of the
    table `sessions`: all parts of these customers, in any order. Times are microseconds since 1970,
    money is in units of its last decimal. A total is computed when it is first asked for. `joined`
    are columns of other tables, also with one entry per customer. `calendar` has the holidays.
    """

    def __init__(
        self,
        parts: pa.Table,
        as_of: date,
        levels: Levels = NO_LEVELS,
        calendar: Calendar = NO_HOLIDAYS,
    ) -> None:
        self.as_of_day = (as_of - _EPOCH).days
        self.as_of_micros = self.as_of_day * DAY_MICROS
        self.levels, self.calendar = levels, calendar
        self.joined: dict[str, Whole] = {}
        self._parts = before(parts, as_of)
        self.customers, self._part_owner = _numbered(self._parts["customer_id"].combine_chunks())
        # Columns are sorted by customer once, not for each sum.
        self._order = np.argsort(self._part_owner)
        self._owner = self._part_owner[self._order]
        self._groups = Groups.of_sorted(self._owner)
        self._columns: dict[str, Whole] = {}
        self._sums: dict[tuple[str, int | None], Whole] = {}

    def total(self, name: str, days: int | None = None) -> Whole:
        """Sum a column, nulls as 0; with `days`, over the days just before `as_of` only."""
        key = name, days
        if key not in self._sums:
            values = self._column(name)
            if self._parts[name].null_count:
                values = np.where(values == MISSING, 0, values)
            if days is not None:
                values = np.where(self._day >= self.as_of_day - days, values, 0)
            self._sums[key] = self._groups.added(values)
        return self._sums[key]

    def weekend_events(self) -> Whole:
        """Count the events on Saturdays and Sundays."""
        # 1970 began on a Thursday: 3 days after a Monday.
        is_weekend = (self._day + 3) % 7 >= 5
        return self._groups.added(np.where(is_weekend, self._column("event_count"), 0))

    def purchases_on(self, which: Callable[[Ints], Flags]) -> Whole:
        """Count the purchases on the days, counted from 1970 on, that `which` flags."""
        return self._groups.added(np.where(which(self._day), self._column("purchase_count"), 0))

    def net_spend(self, days: int | None = None) -> Whole:
        """Return purchases minus returns, in 1/10,000."""
        return self.total("purchase_amount", days) - self.total("return_amount", days)

    def smallest(self, name: str) -> Whole:
        """Return the smallest value of a column of the parts that has no null."""
        return self._groups.smallest(self._column(name))

    def largest(self, name: str) -> Whole:
        """Return the largest value of a column of the parts; MISSING for customers without a
        value."""
        return self._groups.largest(self._column(name))

    def has_null(self, name: str) -> Flags:
        """Whether a column is null in any of the customer's parts."""
        nulls: Flags = self._groups.largest(self._column(name) == MISSING)
        return nulls

    @cached_property
    def active_days(self) -> Ints:
        """Count the distinct days with a part."""
        return count_keys(self._owner, self._day_number, len(self.customers)).distinct()

    @cached_property
    def purchase_days(self) -> Ints:
        """Count the distinct days with a purchase."""
        bought = self._column("purchase_count") > 0
        days = count_keys(self._owner[bought], self._day_number[bought], len(self.customers))
        return days.distinct()

    @cached_property
    def purchase_months(self) -> KeyCounts:
        """Count the parts with a purchase by calendar month, counted from January 1970 on."""
        bought = self._column("purchase_count") > 0
        months = month_numbers(self._day[bought])
        return count_keys(self._owner[bought], months, len(self.customers))

    @cached_property
    def items(self) -> ItemKeys:
        """The keys of the events: products, categories, brands, hours and orders."""
        return ItemKeys(
            self._part_owner, self._parts["items"].combine_chunks(), len(self.customers)
        )

    @cached_property
    def baskets(self) -> Baskets:
        """The orders, each added up over its parts."""
        return baskets(
            self._part_owner, self._parts["orders"].combine_chunks(), len(self.customers)
        )

    @cached_property
    def visits(self) -> Visits:
        """The sessions, each assembled from its parts."""
        names = "first_event_at", "last_event_at", "event_count", "cart_count", "purchase_count"
        columns = {name: self._column(name) for name in names}
        session = session_numbers(self._parts)[self._order]
        return visits_of(self._owner, session, columns, len(self.customers))

    @cached_property
    def _day(self) -> Ints:
        days = self._parts["session_date"].combine_chunks().cast(pa.int32())
        day: Ints = days.to_numpy().astype(np.int64)[self._order]
        return day

    @cached_property
    def _day_number(self) -> Ints:
        """Return the days since the first day of all parts."""
        numbers: Ints = self._day - self._day.min()
        return numbers

    def _column(self, name: str) -> Whole:
        """Return a column of the parts, customer by customer."""
        if name not in self._columns:
            values = whole_numbers(self._parts[name].combine_chunks())
            self._columns[name] = values[self._order]
        return self._columns[name]


def before(parts: pa.Table, as_of: date) -> pa.Table:
    """Return the rows of `parts` on the days before `as_of`."""
    is_before = pc.less(parts["session_date"], pa.scalar(as_of))
    return parts if pc.all(is_before).as_py() else parts.filter(is_before)


def _numbered(ids: pa.Array) -> tuple[pa.Array, Ints]:
    """Return the distinct ids, sorted by bytes, and the index of each row's id among them."""
    encoded = ids.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return encoded.dictionary.take(pa.array(order)), place[codes(encoded)]
