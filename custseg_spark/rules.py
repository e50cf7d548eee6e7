r"""The rules of ingest: each a Column that is null where a record passes, else the reason.

A reason is (code, field, value, expected). The rules look at the typed frame of `quality`, which
has the text of each canonical column beside what was made of it. Patterns end in \z: $ lets a line
end follow.
"""

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import Column
from pyspark.sql import functions as F

from custseg_spark import returns
from custseg_spark.config.mappings import MappingFile
from custseg_spark.engine.sources.raw import text
from custseg_spark.schemas import MONEY

EARLIEST_YEAR = 1990
OLDEST = 120
AMOUNTS = ("unit_price", "discount")
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\z"
_PLAIN_AMOUNT = r"^\d{1,14}(\.\d{1,4})?\z"
_NOT_FINITE = r"^[+-]?(nan|inf|infinity)\z"
_INTEGER = r"^[+-]?\d+\z"

_DEFECTS = {
    "wrong_field_count": "{width} fields",
    "repeated_header": "a record, not the header again",
    "invalid_utf8": "UTF-8 text",
    "nul_byte": "text without NUL bytes",
    "invalid_json": "a JSON object of texts and numbers, no key twice",
    "malformed_answer": "an answer as docs/configuration.md describes it",
}


def rules(mapping: MappingFile, latest: datetime) -> list[Column]:
    """Each rule over the typed frame, for the columns that the mapping maps."""
    found = [*_time_rules(mapping, latest), *_identity_rules(mapping)]
    found += [_money_rule(mapping, c) for c in AMOUNTS if c in mapping.columns]
    if "quantity" in mapping.columns:
        found.append(_quantity_rule(mapping))
    if "net_amount" in mapping.columns:
        found += _net_rules(mapping)
    if mapping.cleaning == "strict":
        found += _strict_rules(mapping)
    return found


def customer_rules(mapping: MappingFile) -> list[Column]:
    """Each rule over the typed frame of customer attributes, for the columns that are mapped."""
    found = _identity_rules(mapping)
    if "age" in mapping.columns:
        found.append(_age_rule(mapping))
    if "income" in mapping.columns:
        found.append(_money_rule(mapping, "income"))
    return found


def is_plain_amount(value: Column) -> Column:
    """Whether a text is an amount that needs no rounding and breaks no rule; never null."""
    return F.coalesce(value.rlike(_PLAIN_AMOUNT), F.lit(False))


def defect_reason(width: int) -> Column:
    """The reason of a record that is wrong as a whole; `width` is its number of fields."""
    expected = F.lit(None).cast("string")
    for code, words in _DEFECTS.items():
        expected = F.when(F.col("defect") == code, F.lit(words.format(width=width))).otherwise(
            expected
        )
    return F.struct(
        F.col("defect").alias("code"),
        F.lit("record").alias("field"),
        F.col("raw_record").alias("value"),
        expected.alias("expected"),
    )


def _reason(mapping: MappingFile, code: Column, canonical: str, expected: str) -> Column:
    return F.struct(
        code.alias("code"),
        F.lit(mapping.columns[canonical]).alias("field"),
        text(canonical).alias("value"),
        F.lit(expected).alias("expected"),
    )


def _refuse(
    mapping: MappingFile, condition: Column, code: str, canonical: str, expected: str
) -> Column:
    """A reason where `condition` holds; a condition that is null doesn't hold."""
    reason = _reason(mapping, F.lit(code), canonical, expected)
    return F.when(F.coalesce(condition, F.lit(False)), reason)


def _time_rules(mapping: MappingFile, latest: datetime) -> list[Column]:
    formats = " or ".join(mapping.event_at_formats)
    event_at = F.col("event_at")
    # Literals go through text: a Python datetime would be read in the machine's time zone.
    earliest = F.lit(f"{EARLIEST_YEAR}-01-01 00:00:00 UTC").cast("timestamp")
    in_range = (event_at >= earliest) & (event_at <= F.lit(latest.isoformat()).cast("timestamp"))
    allowed = f"from {EARLIEST_YEAR}-01-01 to a day after ingest"
    return [
        _refuse(mapping, event_at.isNull(), "unparseable_time", "event_at", formats),
        _refuse(mapping, ~in_range, "time_out_of_range", "event_at", allowed),
    ]


def _identity_rules(mapping: MappingFile) -> list[Column]:
    missing = text("customer_id").isNull()
    found = [_refuse(mapping, missing, "missing_customer", "customer_id", "an id")]
    if "event_type" in mapping.columns:
        types, unknown = ", ".join(mapping.event_types), F.col("event_type").isNull()
        found.append(_refuse(mapping, unknown, "unknown_event_type", "event_type", types))
    for column in mapping.integer_columns:
        wrong = ~text(column).rlike(_INTEGER)
        # Of a missing customer one reason says enough.
        if column not in (*mapping.optional_columns, "customer_id"):
            wrong = F.coalesce(wrong, F.lit(True))
        found.append(_refuse(mapping, wrong, "not_an_integer", column, "an integer"))
    return found


def _money_rule(mapping: MappingFile, column: str) -> Column:
    number = "a number from 0, at most 14 digits before the point"
    is_negative = text(column).try_cast("double") < 0
    if column == "discount":
        # What comes back may have all its amounts turned round.
        is_negative = is_negative & ~F.col("event_type").eqNullSafe("return")
    return _number_rule(mapping, column, number, is_negative)


def _net_rules(mapping: MappingFile) -> list[Column]:
    """A net amount is a number of either sign, and says what price, quantity and discount say.

    Sources differ in which amounts of a return have a sign: it is compared without.
    """
    number = "a number, at most 14 digits before the point"
    net, price, quantity = F.col("net_amount"), F.col("unit_price"), F.col("quantity")
    discount = F.abs(F.coalesce("discount", F.lit(0).cast(MONEY)))
    # Null where the quantity isn't one, which has its own reason.
    pieces = F.when(text("quantity").isNull(), F.lit(1)).otherwise(F.abs(quantity))
    off = F.abs(F.abs(net) - (price * pieces.cast("decimal(10,0)") - discount))
    is_off = (price >= 0) & (off > F.lit(str(mapping.amount_tolerance)).cast(MONEY))
    agreeing = f"unit price x quantity - discount, within {mapping.amount_tolerance}"
    return [
        _number_rule(mapping, "net_amount", number, F.lit(False)),
        _refuse(mapping, is_off, "inconsistent_amount", "net_amount", agreeing),
    ]


def _number_rule(mapping: MappingFile, column: str, number: str, is_negative: Column) -> Column:
    """Why an amount is none; `number` says what is expected."""
    value = text(column)
    folded = F.lower(value)
    missing = F.lit(False) if column in mapping.optional_columns else value.isNull()
    cases: Sequence[tuple[Column, str]] = (
        (missing, "not_a_number"),
        (folded.rlike(_NOT_FINITE), "not_finite"),
        (~value.rlike(NUMBER), "not_a_number"),
        (is_negative, "negative"),
        (value.isNotNull() & F.col(column).isNull(), "out_of_range"),
    )
    code = F.lit(None).cast("string")
    for condition, name in reversed(cases):
        code = F.when(F.coalesce(condition, F.lit(False)), F.lit(name)).otherwise(code)
    # One look at almost every record, in place of five.
    code = F.when(~is_plain_amount(value), code)
    return F.when(code.isNotNull(), _reason(mapping, code, column, number))


def _quantity_rule(mapping: MappingFile) -> Column:
    wrong = F.col("quantity").isNull()
    if "quantity" in mapping.optional_columns:
        wrong = wrong & text("quantity").isNotNull()
    expected = "an integer of at most 9 digits"
    return _refuse(mapping, wrong, "not_an_integer", "quantity", expected)


def _age_rule(mapping: MappingFile) -> Column:
    age = text("age")
    missing = F.lit("age" not in mapping.optional_columns) & age.isNull()
    no_integer = missing | ~age.rlike(_INTEGER)
    code = F.when(F.coalesce(no_integer, F.lit(False)), "not_an_integer").when(
        age.isNotNull() & F.col("age").isNull(), "out_of_range"
    )
    expected = f"an integer from 0 to {OLDEST}"
    return F.when(code.isNotNull(), _reason(mapping, code, "age", expected))


def _strict_rules(mapping: MappingFile) -> list[Column]:
    """What the classical analysis of invoices leaves out: returns, and lines of nothing.

    Each sign of a return is a reason of its own, so that they can be counted apart.
    """
    is_return = F.col("event_type") == "return"
    found = [
        _refuse(mapping, is_return & sign, "returned", column, "no return")
        for column, sign in returns.signs(mapping).items()
    ]
    for column in ("quantity", "unit_price"):
        if column in mapping.columns:
            nothing = F.col("event_type").isin("purchase", "return") & (F.col(column) == 0)
            found.append(_refuse(mapping, nothing, "not_positive", column, "more than 0"))
    return found
