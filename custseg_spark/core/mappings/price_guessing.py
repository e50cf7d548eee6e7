"""Guess the price column, and whether it is per piece or per line."""

from collections.abc import Mapping, Sequence

from custseg_spark.core.mappings import amount_relations as relations
from custseg_spark.core.mappings.amount_columns import AmountColumn, Amounts, columns_of
from custseg_spark.core.mappings.guesses import LIKELY, NOT_SURE, SURE, Key, Line
from custseg_spark.core.mappings.naming import SAYS
from custseg_spark.core.mappings.shapes import NUMBER, Shape
from custseg_spark.core.mappings.telling_words import OF_WHAT, UNIT_WORDS, VAGUE_AMOUNTS
from custseg_spark.core.mappings.value_numbers import NumberForm

# Hardly any line has so many pieces.
_FEW_PIECES = 1_000


def price_line(
    amounts: Amounts,
    shapes: Sequence[Shape],
    form: NumberForm,
    quantity: AmountColumn | None,
    ids: Mapping[str, Line],
) -> None:
    units = [c for c in columns_of("unit_price", shapes, form) if c.name.fit == SAYS]
    totals = [c for c in columns_of("line_total", shapes, form) if c.name.fit == SAYS]
    orders = ids["order_id"].shape.cells if "order_id" in ids else ()
    of_orders = [c for c in totals if orders and relations.is_of_orders(c.values, orders)]
    lines = [c for c in totals if c not in of_orders]
    is_whole = amounts.lines.get("quantity") is not None and amounts.lines["quantity"].is_active
    if units:
        _by_unit(amounts, units, lines, quantity if is_whole else None, ids)
    elif lines:
        _by_total(amounts, lines, quantity if is_whole else None, ids)
    elif of_orders:
        reason = "an amount of whole orders, not of their lines"
        amounts.lines["unit_price"] = Line("unit_price", of_orders[0].shape, NOT_SURE, reason)
        amounts.questions.append(
            f"'{of_orders[0].shape.name}' is the amount of a whole order: which column has the"
            " price of a line?"
        )
    if "unit_price" not in amounts.lines:
        _wide(amounts, columns_of("line_total", shapes, form))
    if not quantity and units:
        _pieces_or_money(amounts, lines)
    if quantity and not is_whole and units and not lines:
        line = amounts.lines["unit_price"]
        amounts.lines["unit_price"] = Line(
            "unit_price", line.shape, NOT_SURE, "a price beside a quantity with fractions"
        )


def _wide(amounts: Amounts, totals: Sequence[AmountColumn]) -> None:
    """Add an amount with a possible name as an uncertain price, if there is no other."""
    wide = [c for c in totals if c.name.fit != SAYS]
    if wide:
        reason = "a wide guess: of this record, or of a whole order?"
        amounts.lines["unit_price"] = Line("unit_price", wide[0].shape, NOT_SURE, reason)


def _pieces_or_money(amounts: Amounts, totals: Sequence[AmountColumn]) -> None:
    """Judge an `amount` of small whole numbers beside a price: it may be the quantity."""
    for column in totals:
        is_small = column.shape.kind != NUMBER and max(v or 0 for v in column.values) < _FEW_PIECES
        if is_small and column.words <= VAGUE_AMOUNTS:
            reason = "whole numbers beside a price: pieces, or money?"
            amounts.lines["quantity"] = Line("quantity", column.shape, NOT_SURE, reason)
            return


def _by_unit(
    amounts: Amounts,
    units: Sequence[AmountColumn],
    totals: Sequence[AmountColumn],
    quantity: AmountColumn | None,
    ids: Mapping[str, Line],
) -> None:
    best, *others = units
    different = [c for c in others if not relations.is_equal(best.values, c.values)]
    if quantity:
        pieces = quantity.values
        made = [
            (unit, total)
            for unit in units
            for total in (*units, *totals)
            if unit is not total and relations.is_product(unit.values, pieces, total.values)
        ]
        if made:
            unit, total = made[0]
            _set(amounts, unit, SURE, f"x {quantity.shape.name} is {total.shape.name}")
            return
        if any(relations.is_equal(best.values, total.values) for total in totals):
            _set(amounts, best, NOT_SURE, "the same as the total, whatever the quantity")
            amounts.questions.append(_piece_or_line(best, quantity))
            return
        if _of_a_line(best, quantity, ids):
            _set(amounts, best, LIKELY, "a product's values grow with its quantity")
            amounts.keys.append(Key("unit_price_is", "line_total", "the price of the whole line"))
            return
    if different and not UNIT_WORDS.intersection(best.words):
        names = ", ".join(c.shape.name for c in different)
        _set(amounts, best, NOT_SURE, f"so could be {names}")
        amounts.questions.append(f"Which is what was paid: {best.shape.name} or {names}?")
        return
    _set(amounts, best, SURE, "its name, and numbers")


def _of_a_line(column: AmountColumn, quantity: AmountColumn, ids: Mapping[str, Line]) -> bool:
    return _shown(column, quantity, ids) == "line_total"


def _shown(column: AmountColumn, quantity: AmountColumn, ids: Mapping[str, Line]) -> str:
    """Judge by a product's, or at least a category's, values whether they are per piece or per
    line.
    """
    lines = [ids[c] for c in ("product_id", "category_id") if c in ids]
    keys = lines[0].shape.cells if lines else ["all"] * len(column.values)
    return relations.price_of(column.values, quantity.values, keys)


def _by_total(
    amounts: Amounts,
    totals: Sequence[AmountColumn],
    quantity: AmountColumn | None,
    ids: Mapping[str, Line],
) -> None:
    best, *others = totals
    different = [c for c in others if not relations.is_equal(best.values, c.values)]
    if different:
        names = ", ".join(c.shape.name for c in different)
        _set(amounts, best, NOT_SURE, f"so could be {names}")
        amounts.questions.append(f"Which is what was paid: {best.shape.name} or {names}?")
        return
    if quantity is None:
        _set(amounts, best, LIKELY, "what a record cost")
        return
    shown = _shown(best, quantity, ids)
    if shown == "unit":
        _set(amounts, best, LIKELY, "the same for a product, whatever its quantity")
        return
    if not shown and best.words <= VAGUE_AMOUNTS | OF_WHAT and _varies(quantity):
        _set(amounts, best, NOT_SURE, "of a piece or of the line?")
        amounts.questions.append(_piece_or_line(best, quantity))
        return
    why = "its values grow with the quantity" if shown else "its name is one of totals"
    _set(amounts, best, LIKELY, why)
    amounts.keys.append(Key("unit_price_is", "line_total", "the price of the whole line"))


def _varies(quantity: AmountColumn) -> bool:
    return any(v is not None and abs(v) != 1 for v in quantity.values)


def _piece_or_line(column: AmountColumn, quantity: AmountColumn) -> str:
    return (
        f"Is '{column.shape.name}' the price of a piece, or of the whole line with its"
        f" '{quantity.shape.name}'? Of a line: unit_price_is = \"line_total\""
    )


def _set(amounts: Amounts, column: AmountColumn, confidence: str, reason: str) -> None:
    amounts.lines["unit_price"] = Line("unit_price", column.shape, confidence, reason)
