"""Guess the columns of price, quantity and discount."""

from collections.abc import Mapping, Sequence

from custseg_spark.core.mappings.amount_columns import (
    DOUBTFUL_SIGN,
    AmountColumn,
    Amounts,
    columns_of,
    number_form,
)
from custseg_spark.core.mappings.discount_guessing import discount_line, net_line
from custseg_spark.core.mappings.guesses import NOT_SURE, SURE, Key, Line
from custseg_spark.core.mappings.naming import SAYS
from custseg_spark.core.mappings.price_guessing import price_line
from custseg_spark.core.mappings.shapes import NUMBER, WHOLE, WHOLE_WITH_POINT, Shape
from custseg_spark.core.mappings.value_numbers import NumberForm

_NUMBERS = (NUMBER, WHOLE, WHOLE_WITH_POINT)


def amount_lines(shapes: Sequence[Shape], ids: Mapping[str, Line], taken: set[str]) -> Amounts:
    """Guess the lines of a file's amounts; `ids` and `taken` are guessed already."""
    free = [s for s in shapes if s.name not in taken and s.kind in _NUMBERS]
    form, doubt = number_form(free)
    amounts = Amounts()
    if form != NumberForm():
        _tell_form(amounts, form, doubt)
    quantity = _quantity(amounts, columns_of("quantity", free, NumberForm()))
    rest = [s for s in free if s.name != (quantity.shape.name if quantity else None)]
    if doubt:
        _not_sure(amounts, rest, form)
        return amounts
    price_line(amounts, rest, form, quantity, ids)
    discount_line(amounts, rest, form, quantity, ids)
    net_line(amounts, rest, form)
    return amounts


def _tell_form(amounts: Amounts, form: NumberForm, doubt: str) -> None:
    confidence = NOT_SURE if doubt else SURE
    if form.decimal != ".":
        amounts.keys.append(Key("decimal", form.decimal, doubt or "12,90", confidence))
    if form.thousands:
        amounts.keys.append(Key("thousands", form.thousands, doubt, confidence))
    if doubt:
        amounts.questions.append(f"{doubt}: say decimal or thousands")


def _not_sure(amounts: Amounts, shapes: Sequence[Shape], form: NumberForm) -> None:
    """Add the price as uncertain: a person must say how the file writes its numbers."""
    priced = columns_of("unit_price", shapes, form) or columns_of("line_total", shapes, form)
    if priced:
        amounts.lines["unit_price"] = Line("unit_price", priced[0].shape, NOT_SURE, DOUBTFUL_SIGN)


def _quantity(amounts: Amounts, columns: Sequence[AmountColumn]) -> AmountColumn | None:
    """Return the quantity if its name says so; add its line, uncertain for fractions."""
    says = [c for c in columns if c.name.fit == SAYS]
    if not says:
        if columns and columns[0].shape.kind != NUMBER:
            reason = "a wide guess: the name may mean it"
            amounts.lines["quantity"] = Line("quantity", columns[0].shape, NOT_SURE, reason)
        return None
    best = says[0]
    if best.shape.kind == NUMBER and not all(v is None or v.is_integer() for v in best.values):
        amounts.notes.append(
            f"'{best.shape.name}' has fractions, and a quantity counts whole pieces"
        )
        amounts.lines["quantity"] = Line(
            "quantity", best.shape, NOT_SURE, "fractions, as of weights: a quantity is whole"
        )
        return best
    amounts.lines["quantity"] = Line("quantity", best.shape, SURE, "its name, and whole numbers")
    return best
