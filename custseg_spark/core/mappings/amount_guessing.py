"""Which columns are price, quantity and discount, and whether a price is of a piece or a line."""

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
    """The lines of the amounts of a file whose other columns are known."""
    free = [s for s in shapes if s.name not in taken and s.kind in _NUMBERS]
    form, doubt = number_form(free)
    found = Amounts()
    if form != NumberForm():
        _tell_form(found, form, doubt)
    quantity = _quantity(found, columns_of("quantity", free, NumberForm()))
    rest = [s for s in free if s.name != (quantity.shape.name if quantity else None)]
    if doubt:
        _not_sure(found, rest, form)
        return found
    price_line(found, rest, form, quantity, ids)
    discount_line(found, rest, form, quantity, ids)
    net_line(found, rest, form)
    return found


def _tell_form(found: Amounts, form: NumberForm, doubt: str) -> None:
    confidence = NOT_SURE if doubt else SURE
    if form.decimal != ".":
        found.keys.append(Key("decimal", form.decimal, doubt or "12,90", confidence))
    if form.thousands:
        found.keys.append(Key("thousands", form.thousands, doubt, confidence))
    if doubt:
        found.questions.append(f"{doubt}: say decimal or thousands")


def _not_sure(found: Amounts, shapes: Sequence[Shape], form: NumberForm) -> None:
    """The price that would be, where its numbers can't be read without a word of somebody."""
    priced = columns_of("unit_price", shapes, form) or columns_of("line_total", shapes, form)
    if priced:
        found.lines["unit_price"] = Line("unit_price", priced[0].shape, NOT_SURE, DOUBTFUL_SIGN)


def _quantity(found: Amounts, columns: Sequence[AmountColumn]) -> AmountColumn | None:
    """The quantity, if it is one of whole pieces that the name says."""
    says = [c for c in columns if c.name.fit == SAYS]
    if not says:
        if columns and columns[0].shape.kind != NUMBER:
            reason = "a wide guess: the name may mean it"
            found.lines["quantity"] = Line("quantity", columns[0].shape, NOT_SURE, reason)
        return None
    best = says[0]
    if best.shape.kind == NUMBER and not all(v is None or v.is_integer() for v in best.values):
        found.notes.append(f"'{best.shape.name}' has fractions, and a quantity counts whole pieces")
        found.lines["quantity"] = Line(
            "quantity", best.shape, NOT_SURE, "fractions, as of weights: a quantity is whole"
        )
        return best
    found.lines["quantity"] = Line("quantity", best.shape, SURE, "its name, and whole numbers")
    return best
