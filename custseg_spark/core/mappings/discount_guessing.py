"""Guess the discount column, whether it is a share, and a net amount that confirms it."""

from collections.abc import Mapping, Sequence

from custseg_spark.core.mappings import amount_relations as relations
from custseg_spark.core.mappings.amount_columns import AmountColumn, Amounts, columns_of
from custseg_spark.core.mappings.amount_relations import Numbers
from custseg_spark.core.mappings.guesses import LIKELY, NOT_SURE, SURE, Key, Line
from custseg_spark.core.mappings.naming import SAYS
from custseg_spark.core.mappings.shapes import Shape
from custseg_spark.core.mappings.value_numbers import NumberForm
from custseg_spark.core.mappings.words import words

# Totals are rounded.
_CENT = 0.01
# Amounts are rarely below these shares of a line. Shares come in steps of 0.05.
_TOO_SMALL, _SMALL, _STEPS, _EQUAL = 0.003, 0.02, 20, 1e-9
_TOTALS = ("line_total", "net_amount")
_KEYS_OF_AMOUNTS = ("unit_price_is", "discount_is")


def discount_line(
    amounts: Amounts,
    shapes: Sequence[Shape],
    form: NumberForm,
    quantity: AmountColumn | None,
    ids: Mapping[str, Line],
) -> None:
    price = amounts.lines.get("unit_price")
    taken = {line.shape.name for line in amounts.lines.values()}
    columns = [c for c in columns_of("discount", shapes, form) if c.shape.name not in taken]
    if not columns or price is None or not price.is_active:
        return
    best = columns[0]
    if _is_of_the_order(best, price, ids):
        reason = "of the order rather than of its lines"
        amounts.lines["discount"] = Line("discount", best.shape, NOT_SURE, reason)
        return
    prices = relations.numbers(price.shape, form)
    is_total = any(key.name == "unit_price_is" for key in amounts.keys)
    pieces = quantity.values if quantity and not is_total else [1.0] * len(prices)
    totals = [c for name in _TOTALS for c in columns_of(name, shapes, form) if not is_total]
    kind, confidence, reason = _by_totals(best, prices, pieces, totals) or _by_size(
        best, prices, pieces
    )
    amounts.lines["discount"] = Line("discount", best.shape, confidence, reason)
    if confidence != NOT_SURE and kind == "share":
        amounts.keys.append(Key("discount_is", "share", reason, confidence))
    if confidence != NOT_SURE and is_total:
        amounts.notes.append(f"'{price.shape.name}' is read as paid, with '{best.shape.name}' off")


def _is_of_the_order(column: AmountColumn, price: Line, ids: Mapping[str, Line]) -> bool:
    """Whether a discount is per order: equal within orders, or only the price is named per line."""
    of_lines = "lineitem" in words(price.shape.name) and "lineitem" not in column.words
    order = ids.get("order_id")
    return of_lines or (
        order is not None and relations.is_of_orders(column.values, order.shape.cells)
    )


def _by_totals(
    best: AmountColumn, prices: Numbers, pieces: Numbers, totals: Sequence[AmountColumn]
) -> tuple[str, str, str] | None:
    """Judge by a total column: kind, confidence, reason; None if no total fits."""
    for total in totals:
        kind = relations.discount_kind(prices, pieces, total.values, best.values)
        if kind:
            return kind, SURE, f"price and quantity less it are {total.shape.name}"
    return None


def _by_size(best: AmountColumn, prices: Numbers, pieces: Numbers) -> tuple[str, str, str]:
    """Judge by the size of the discounts beside the prices: kind, confidence, reason."""
    given = [d for d in best.values if d]
    if any("%" in v for v in best.shape.values):
        return "share", SURE, "per cent"
    if best.name.fit != SAYS:
        return "", NOT_SURE, "a wide guess: per cent, a share or an amount?"
    if not given:
        return "amount", LIKELY, "its name; all are 0"
    if any(d < 0 for d in given):
        return "", NOT_SURE, "below 0: a discount is from 0"
    if max(given) <= 1:
        if _are_shares(best.values, prices, pieces):
            return "share", LIKELY, "all from 0 to 1 beside far higher prices"
        return "", NOT_SURE, "a share or an amount? All are from 0 to 1"
    lines = [
        d <= abs(p * q) + _CENT
        for d, p, q in zip(best.values, prices, pieces, strict=True)
        if d and p and q
    ]
    is_below = bool(lines) and sum(lines) >= relations.MOST_SHARE * len(lines)
    if is_below and not all(d <= 100 and d % 5 == 0 for d in given):
        return "amount", LIKELY, "its name, and no more than the line"
    return "", NOT_SURE, "per cent or an amount?"


def _are_shares(discounts: Numbers, prices: Numbers, pieces: Numbers) -> bool:
    """Whether discounts up to 1 would be too small as amounts, or have the steps of shares."""
    lines = [
        (d, d / abs(p * q))
        for d, p, q in zip(discounts, prices, pieces, strict=True)
        if d and p and q
    ]
    if not lines:
        return False
    ratio = sorted(part for _, part in lines)[len(lines) // 2]
    values = {d for d, _ in lines}
    has_steps = all(abs(d * _STEPS - round(d * _STEPS)) < _EQUAL for d in values)
    return ratio < _TOO_SMALL or (has_steps and len(values) >= relations.FEWEST and ratio < _SMALL)


def net_line(amounts: Amounts, shapes: Sequence[Shape], form: NumberForm) -> None:
    """Add the line of a net amount if it equals price x quantity less discount everywhere."""
    price, quantity = (_active(amounts, c) for c in ("unit_price", "quantity"))
    is_plain = not any(key.name in _KEYS_OF_AMOUNTS for key in amounts.keys)
    if price is None or quantity is None or not is_plain:
        return
    taken = {line.shape.name for line in amounts.lines.values()}
    prices, pieces = relations.numbers(price, form), relations.numbers(quantity, NumberForm())
    discount = _active(amounts, "discount")
    off = relations.numbers(discount, form) if discount else [0.0] * len(prices)
    paid = [
        None if p is None or q is None else p * q - (d or 0)
        for p, q, d in zip(prices, pieces, off, strict=True)
    ]
    for column in columns_of("net_amount", shapes, form):
        if column.shape.name not in taken and relations.is_equal(paid, column.values):
            reason = "price x quantity less discount, everywhere"
            amounts.lines["net_amount"] = Line("net_amount", column.shape, SURE, reason)
            return


def _active(amounts: Amounts, canonical: str) -> Shape | None:
    """Return the source column of a canonical column; None if its line is uncertain."""
    line = amounts.lines.get(canonical)
    return line.shape if line and line.is_active else None
