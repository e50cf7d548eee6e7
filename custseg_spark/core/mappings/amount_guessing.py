"""Which columns are price, quantity and discount, and whether a price is of a piece or a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from custseg_spark.core.mappings import amount_relations as relations
from custseg_spark.core.mappings.amount_relations import Numbers
from custseg_spark.core.mappings.column_words import OF_WHAT, OTHER_AMOUNTS, UNIT_WORDS, VAGUE_AMOUNTS
from custseg_spark.core.mappings.guesses import LIKELY, NOT_SURE, SURE, Key, Line
from custseg_spark.core.mappings.naming import SAYS, Name, named
from custseg_spark.core.mappings.shapes import NUMBER, WHOLE, WHOLE_WITH_POINT, Shape
from custseg_spark.core.mappings.value_numbers import NumberForm
from custseg_spark.core.mappings.words import words

_NUMBERS = (NUMBER, WHOLE, WHOLE_WITH_POINT)
# A discount up to 1 is a share where prices are so many times as high; totals are rounded.
_MUCH_MORE, _CENT = 2, 0.01
DOUBTFUL_SIGN = "1,234 may be 1234 or 1.234"


@dataclass
class Amounts:
    """The lines of amounts, what keys they need, and what has to be asked or known."""

    lines: dict[str, Line] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Column:
    shape: Shape
    name: Name
    values: Numbers

    @property
    def words(self) -> frozenset[str]:
        return frozenset(words(self.shape.name))


def amount_lines(shapes: Sequence[Shape], ids: Mapping[str, Line], taken: set[str]) -> Amounts:
    """The lines of the amounts of a file whose other columns are known."""
    free = [s for s in shapes if s.name not in taken and s.kind in _NUMBERS]
    form, doubt = _number_form(free)
    found = Amounts()
    if form != NumberForm():
        _tell_form(found, form, doubt)
    quantity = _quantity(found, _columns("quantity", free, NumberForm()), ids)
    rest = [s for s in free if s.name != (quantity.shape.name if quantity else None)]
    if doubt:
        _not_sure(found, rest, form)
        return found
    _price(found, rest, form, quantity, ids)
    _discount(found, rest, form, quantity, ids)
    _net(found, rest, form)
    return found


def _columns(canonical: str, shapes: Sequence[Shape], form: NumberForm) -> list[_Column]:
    """The columns whose names fit, the most telling first; amounts of something else left out."""
    found = [
        _Column(shape, name, relations.numbers(shape, form))
        for shape in shapes
        if (name := named(canonical, shape.name)) and form in shape.forms
    ]
    kept = [c for c in found if not OTHER_AMOUNTS.intersection(c.words) or c.name.fit == SAYS]
    return sorted(
        kept, key=lambda c: (c.name.fit != SAYS, c.shape.blank_share > 1 / 2, c.name.rank)
    )


def _number_form(shapes: Sequence[Shape]) -> tuple[NumberForm, str]:
    """How the file writes its amounts, and what its numbers don't tell."""
    named_ones = [
        s for s in shapes for c in ("unit_price", "line_total", "discount") if named(c, s.name)
    ]
    written = [s.forms for s in named_ones if s.kind == NUMBER and s.forms]
    signed = [f for f in written if f[0] != NumberForm()]
    if not signed:
        return NumberForm(), ""
    common = [f for f in signed[0] if all(f in others for others in signed)]
    if not common:
        return signed[0][0], ""
    doubtful = NumberForm(",") in common and NumberForm(".", ",") in common
    return common[0], DOUBTFUL_SIGN if doubtful else ""


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
    priced = _columns("unit_price", shapes, form) or _columns("line_total", shapes, form)
    if priced:
        found.lines["unit_price"] = Line("unit_price", priced[0].shape, NOT_SURE, DOUBTFUL_SIGN)


def _quantity(
    found: Amounts, columns: Sequence[_Column], ids: Mapping[str, Line]
) -> _Column | None:
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


def _price(
    found: Amounts,
    shapes: Sequence[Shape],
    form: NumberForm,
    quantity: _Column | None,
    ids: Mapping[str, Line],
) -> None:
    units = [c for c in _columns("unit_price", shapes, form) if c.name.fit == SAYS]
    totals = [c for c in _columns("line_total", shapes, form) if c.name.fit == SAYS]
    orders = ids["order_id"].shape.cells if "order_id" in ids else ()
    of_orders = [c for c in totals if orders and relations.is_of_orders(c.values, orders)]
    lines = [c for c in totals if c not in of_orders]
    is_whole = found.lines.get("quantity") is not None and found.lines["quantity"].is_active
    if units:
        _by_unit(found, units, lines, quantity if is_whole else None, ids)
    elif lines:
        _by_total(found, lines, quantity if is_whole else None, ids)
    elif of_orders:
        reason = "an amount of whole orders, not of their lines"
        found.lines["unit_price"] = Line("unit_price", of_orders[0].shape, NOT_SURE, reason)
        found.questions.append(
            f"'{of_orders[0].shape.name}' is the amount of a whole order: which column has the"
            " price of a line?"
        )
    if quantity and not is_whole and units and not lines:
        line = found.lines["unit_price"]
        found.lines["unit_price"] = Line(
            "unit_price", line.shape, NOT_SURE, "a price beside a quantity with fractions"
        )


def _by_unit(
    found: Amounts,
    units: Sequence[_Column],
    totals: Sequence[_Column],
    quantity: _Column | None,
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
            _set(found, unit, SURE, f"x {quantity.shape.name} is {total.shape.name}")
            return
        if any(relations.is_equal(best.values, total.values) for total in totals):
            _set(found, best, NOT_SURE, "the same as the total, whatever the quantity")
            found.questions.append(_piece_or_line(best, quantity))
            return
        if _of_a_line(best, quantity, ids):
            _set(found, best, LIKELY, "a product's values grow with its quantity")
            found.keys.append(Key("unit_price_is", "line_total", "the price of the whole line"))
            return
    if different and not UNIT_WORDS.intersection(best.words):
        names = ", ".join(c.shape.name for c in different)
        _set(found, best, NOT_SURE, f"so could be {names}")
        found.questions.append(f"Which is what was paid: {best.shape.name} or {names}?")
        return
    _set(found, best, SURE, "its name, and numbers")


def _of_a_line(column: _Column, quantity: _Column, ids: Mapping[str, Line]) -> bool:
    return _shown(column, quantity, ids) == "line_total"


def _shown(column: _Column, quantity: _Column, ids: Mapping[str, Line]) -> str:
    product = ids.get("product_id")
    if product is None:
        return ""
    return relations.price_of(column.values, quantity.values, product.shape.cells)


def _by_total(
    found: Amounts,
    totals: Sequence[_Column],
    quantity: _Column | None,
    ids: Mapping[str, Line],
) -> None:
    best, *others = totals
    different = [c for c in others if not relations.is_equal(best.values, c.values)]
    if different:
        names = ", ".join(c.shape.name for c in different)
        _set(found, best, NOT_SURE, f"so could be {names}")
        found.questions.append(f"Which is what was paid: {best.shape.name} or {names}?")
        return
    if quantity is None:
        _set(found, best, LIKELY, "what a record cost")
        return
    shown = _shown(best, quantity, ids)
    if shown == "unit":
        _set(found, best, LIKELY, "the same for a product, whatever its quantity")
        return
    if not shown and best.words <= VAGUE_AMOUNTS | OF_WHAT and _varies(quantity):
        _set(found, best, NOT_SURE, "of a piece or of the line?")
        found.questions.append(_piece_or_line(best, quantity))
        return
    why = "its values grow with the quantity" if shown else "its name is one of totals"
    _set(found, best, LIKELY, why)
    found.keys.append(Key("unit_price_is", "line_total", "the price of the whole line"))


def _varies(quantity: _Column) -> bool:
    return any(v is not None and abs(v) != 1 for v in quantity.values)


def _piece_or_line(column: _Column, quantity: _Column) -> str:
    return (
        f"Is '{column.shape.name}' the price of a piece, or of the whole line with its"
        f" '{quantity.shape.name}'? Of a line: unit_price_is = \"line_total\""
    )


def _set(found: Amounts, column: _Column, confidence: str, reason: str) -> None:
    found.lines["unit_price"] = Line("unit_price", column.shape, confidence, reason)


def _discount(
    found: Amounts,
    shapes: Sequence[Shape],
    form: NumberForm,
    quantity: _Column | None,
    ids: Mapping[str, Line],
) -> None:
    price = found.lines.get("unit_price")
    taken = {line.shape.name for line in found.lines.values()}
    columns = [c for c in _columns("discount", shapes, form) if c.shape.name not in taken]
    if not columns or price is None or not price.is_active:
        return
    best = columns[0]
    if _is_of_the_order(best, price, ids):
        reason = "of the order rather than of its lines"
        found.lines["discount"] = Line("discount", best.shape, NOT_SURE, reason)
        return
    prices = relations.numbers(price.shape, form)
    is_total = any(key.name == "unit_price_is" for key in found.keys)
    pieces = quantity.values if quantity and not is_total else [1.0] * len(prices)
    totals = [] if is_total else _columns("line_total", shapes, form) + _columns("net_amount", shapes, form)
    kind, confidence, reason = _by_totals(best, prices, pieces, totals) or _by_size(
        best, prices, pieces
    )
    found.lines["discount"] = Line("discount", best.shape, confidence, reason)
    if confidence != NOT_SURE and kind == "share":
        found.keys.append(Key("discount_is", "share", reason, confidence))
    if confidence != NOT_SURE and is_total:
        found.notes.append(f"'{price.shape.name}' is read as paid, with '{best.shape.name}' off")


def _is_of_the_order(column: _Column, price: Line, ids: Mapping[str, Line]) -> bool:
    """Whether a discount is told once an order, or the price alone is said to be of the line."""
    of_lines = "lineitem" in words(price.shape.name) and "lineitem" not in column.words
    order = ids.get("order_id")
    return of_lines or (
        order is not None and relations.is_of_orders(column.values, order.shape.cells)
    )


def _by_totals(
    best: _Column, prices: Numbers, pieces: Numbers, totals: Sequence[_Column]
) -> tuple[str, str, str] | None:
    """What makes the total of price and quantity: kind, confidence, reason."""
    for total in totals:
        kind = relations.discount_kind(prices, pieces, total.values, best.values)
        if kind:
            return kind, SURE, f"price and quantity less it are {total.shape.name}"
    return None


def _by_size(best: _Column, prices: Numbers, pieces: Numbers) -> tuple[str, str, str]:
    """What the discounts' size beside the prices says: kind, confidence, reason."""
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
        paid = sorted(abs(p) for p in prices if p)
        if min(given) < 1 and paid and paid[len(paid) // 2] > _MUCH_MORE * max(given):
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


def _net(found: Amounts, shapes: Sequence[Shape], form: NumberForm) -> None:
    """A net amount that price, quantity and discount make: it confirms them."""
    lines = found.lines
    price, quantity = lines.get("unit_price"), lines.get("quantity")
    if not (price and price.is_active and quantity and quantity.is_active) or found.keys:
        return
    taken = {line.shape.name for line in lines.values()}
    for column in _columns("net_amount", shapes, form):
        prices, pieces = (
            relations.numbers(price.shape, form),
            relations.numbers(quantity.shape, NumberForm()),
        )
        discount = lines.get("discount")
        off = (
            relations.numbers(discount.shape, form)
            if discount and discount.is_active
            else [0.0] * len(prices)
        )
        less = [
            None if None in (p, q) else p * q - (d or 0)
            for p, q, d in zip(prices, pieces, off, strict=True)
        ]  # type: ignore[operator]
        if column.shape.name not in taken and relations.is_equal(less, column.values):
            lines["net_amount"] = Line(
                "net_amount", column.shape, SURE, "price x quantity less discount, everywhere"
            )
            return
