"""Relations of amounts, record by record: prices, quantities, totals, discounts."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from custseg_spark.core.mappings.shapes import Shape
from custseg_spark.core.mappings.value_numbers import NumberForm, number

# Totals are rounded, so this share of the records must agree, and of at least so many records.
_FEWEST_ORDERS = 2
_CENT, _PERMILLE = 0.0101, 0.001
MOST_SHARE, FEWEST = 0.95, 3
# Prices of one product that differ no more than this are one price.
_SAME = 0.011

Numbers = Sequence[float | None]


def numbers(shape: Shape, form: NumberForm) -> Numbers:
    """Return a column's numbers record by record; None for a record without one."""
    return [number(cell, form) if cell else None for cell in shape.cells]


def _rows(*columns: Numbers) -> Iterator[tuple[float, ...]]:
    """Return the records in which every column has a number."""
    for row in zip(*columns, strict=True):
        whole = tuple(value for value in row if value is not None)
        if len(whole) == len(row):
            yield whole


def is_product(price: Numbers, quantity: Numbers, total: Numbers) -> bool:
    """Whether price x quantity is the total, shown by quantities other than 1."""
    rows = [row for row in _rows(price, quantity, total) if row[2]]
    shown = sum(abs(q) != 1 for _, q, _ in rows)
    return shown >= FEWEST and _most(_near(abs(p * q), abs(t)) for p, q, t in rows)


def is_equal(one: Numbers, other: Numbers) -> bool:
    """Whether two columns have the same amounts."""
    rows = list(_rows(one, other))
    return len(rows) >= FEWEST and _most(_near(a, b) for a, b in rows)


def discount_kind(price: Numbers, quantity: Numbers, total: Numbers, discount: Numbers) -> str:
    """Return `share` or `amount`, by which the discount gives the totals; else ""."""
    rows = [row for row in _rows(price, quantity, total, discount) if row[3]]
    if len(rows) < FEWEST:
        return ""
    if _most(_near(p * q * (1 - d), t) for p, q, t, d in rows):
        return "share"
    return "amount" if _most(_near(p * q - d, t) for p, q, t, d in rows) else ""


def price_of(values: Numbers, quantity: Numbers, products: Sequence[str]) -> str:
    """Return `unit` or `line_total`: the one that is the same for a product at any quantity.

    Empty where the records don't show it.
    """
    by_product: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for value, pieces, product in zip(values, quantity, products, strict=True):
        if value and pieces and product:
            by_product[product].append((abs(value), abs(pieces)))
    pairs = [(a, b) for rows in by_product.values() for a, b in pairwise(rows) if a[1] != b[1]]
    if len(pairs) < FEWEST:
        return ""
    units = [math.isclose(a[0], b[0], rel_tol=_SAME) for a, b in pairs]
    totals = [math.isclose(a[0] / a[1], b[0] / b[1], rel_tol=_SAME) for a, b in pairs]
    if sum(units) >= 0.8 * len(pairs) and sum(totals) < 0.5 * len(pairs):
        return "unit"
    return "line_total" if sum(totals) >= 0.8 * len(pairs) and sum(units) < len(pairs) / 2 else ""


def is_of_orders(values: Numbers, orders: Sequence[str]) -> bool:
    """Whether an amount is that of a whole order, repeated in or missing from its other lines."""
    by_order: dict[str, list[float | None]] = defaultdict(list)
    for value, order in zip(values, orders, strict=True):
        if order:
            by_order[order].append(value)
    # Orders without any amount show nothing.
    several = [amounts for amounts in by_order.values() if len(amounts) > 1 and any(amounts)]
    if len(several) < _FEWEST_ORDERS:
        return False
    return all(_is_one(amounts) for amounts in several)


def _is_one(values: Sequence[float | None]) -> bool:
    """Whether an order has one amount, on every line or only on the first."""
    rest = set(values[1:])
    return rest == {values[0]} or rest == {None}


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= max(_CENT, _PERMILLE * abs(other))


def _most(agree: Iterator[bool]) -> bool:
    agreeing = list(agree)
    return len(agreeing) >= FEWEST and sum(agreeing) >= MOST_SHARE * len(agreeing)
