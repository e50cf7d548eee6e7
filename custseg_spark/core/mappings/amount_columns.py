"""Columns of amounts by name, the number format of a file, and the lines guessed from them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from custseg_spark.core.mappings.amount_relations import Numbers, numbers
from custseg_spark.core.mappings.guesses import Key, Line
from custseg_spark.core.mappings.naming import SAYS, Name, named
from custseg_spark.core.mappings.shapes import NUMBER, Shape
from custseg_spark.core.mappings.telling_words import OTHER_AMOUNTS
from custseg_spark.core.mappings.value_numbers import NumberForm
from custseg_spark.core.mappings.words import words

DOUBTFUL_SIGN = "1,234 may be 1234 or 1.234"


@dataclass
class Amounts:
    """Guessed lines of amounts, with their keys, questions and notes."""

    lines: dict[str, Line] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class AmountColumn:
    shape: Shape
    name: Name
    values: Numbers

    @property
    def words(self) -> frozenset[str]:
        return frozenset(words(self.shape.name))


def columns_of(canonical: str, shapes: Sequence[Shape], form: NumberForm) -> list[AmountColumn]:
    """Return the columns with fitting names, the clearest first; other amounts are left out."""
    columns = [
        AmountColumn(shape, name, numbers(shape, form))
        for shape in shapes
        if (name := named(canonical, shape.name)) and form in shape.forms
    ]
    kept = [c for c in columns if not OTHER_AMOUNTS.intersection(c.words) or c.name.fit == SAYS]
    return sorted(
        kept, key=lambda c: (c.name.fit != SAYS, c.shape.blank_share > 1 / 2, c.name.rank)
    )


def number_form(shapes: Sequence[Shape]) -> tuple[NumberForm, str]:
    """Return the file's number format, and the doubt if its numbers fit two formats."""
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
