r"""The rules of validation: each an expression that is null where a record passes, else a code.

The rules look at typed frames: a column's text beside the value read from it. Patterns end in \z,
because $ lets a line end follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import polars as pl

from custseg_spark.core.events import returns
from custseg_spark.core.events.line_amounts import (
    LINE_TOTAL,
    SHARE,
    full_price,
    has_line_amounts,
    paid,
    pieces,
    units,
)
from custseg_spark.core.events.schema import MONEY_DIGITS_BEFORE_POINT, REASON
from custseg_spark.core.events.times import TIME
from custseg_spark.core.events.times import UTC as UTC_ZONE
from custseg_spark.core.mappings.mapping import SourceMapping

EARLIEST_YEAR = 1990
OLDEST = 120
_INTEGER = r"^[+-]?[0-9]+\z"
_AMOUNT = "a number from 0, at most 14 digits before the point"
_SIGNED_AMOUNT = "a number, at most 14 digits before the point"

_ALL_DIGITS = "an id with all its digits, or scientific_ids = true in the mapping"
_MOST_TEN_THOUSANDTHS = 10 ** (MONEY_DIGITS_BEFORE_POINT + 4)

DEFECTS = {
    "wrong_field_count": "{width} fields",
    "text_after_quote": "a delimiter or the record's end behind a closing quote",
    "repeated_header": "a record, not the header again",
    "invalid_utf8": "UTF-8 text",
    "nul_byte": "text without NUL bytes",
    "invalid_json": "a JSON object of texts and numbers, no key twice",
    "malformed_answer": "an answer as docs/reference/configuration.md describes it",
}


@dataclass(frozen=True)
class Rule:
    """A reason to refuse records: `code` is null if a record passes.

    `field` is the source's column, `text` the column with its text, `expected` what would pass.
    """

    code: pl.Expr
    field: str
    text: str
    expected: str


def event_rules(
    mapping: SourceMapping, latest: datetime, lost_digits: Sequence[str] = ()
) -> list[Rule]:
    """Return the rules for typed events, for the mapped columns.

    `lost_digits` are the id columns with an id in scientific notation.
    """
    rules = [*_time_rules(mapping, latest), *_identity_rules(mapping, lost_digits)]
    rules += [amount_rule(mapping, c) for c in ("unit_price", "discount") if c in mapping.columns]
    if "quantity" in mapping.columns:
        rules.append(_quantity_rule(mapping))
    if "net_amount" in mapping.columns:
        rules += _net_rules(mapping)
    if has_line_amounts(mapping):
        rules += _line_rules(mapping)
    if mapping.cleaning == "strict":
        rules += _strict_rules(mapping)
    return rules


def customer_rules(mapping: SourceMapping, lost_digits: Sequence[str] = ()) -> list[Rule]:
    """Return the rules for typed customer attributes, for the mapped columns."""
    rules = _identity_rules(mapping, lost_digits)
    if "age" in mapping.columns:
        rules.append(_age_rule(mapping))
    if "income" in mapping.columns:
        rules.append(amount_rule(mapping, "income"))
    return rules


def passes(rules: list[Rule]) -> pl.Expr:
    """Whether a record passes every rule; never null."""
    return pl.all_horizontal([rule.code.is_null() for rule in rules])


def reasons(refused: pl.DataFrame, rules: list[Rule]) -> pl.Series:
    """Return all reasons for each refused record (at least one), in the order of the rules."""
    codes = refused.select(rule.code.alias(f"{i}") for i, rule in enumerate(rules))
    by_rule = [
        _reasons_of(refused, code, rule)
        for rule, code in zip(rules, codes.iter_columns(), strict=True)
        if code.null_count() < len(code)
    ]
    # Lists of structs side by side would take ten times as long.
    in_order = pl.concat(by_rule).sort("at", maintain_order=True)
    by_record = in_order.group_by("at", maintain_order=True)
    return by_record.agg(pl.col("reason"))["reason"].alias("reasons")


def _reasons_of(refused: pl.DataFrame, code: pl.Series, rule: Rule) -> pl.DataFrame:
    """Return position and reason of the records that a rule refuses."""
    texts = refused.select(
        at=pl.int_range(pl.len()),
        code=code,
        field=pl.lit(rule.field),
        value=pl.col(rule.text),
        expected=pl.lit(rule.expected),
    ).drop_nulls("code")
    return texts.select("at", reason=pl.struct(pl.all().exclude("at")).cast(REASON))


def defect_reasons(width: int) -> pl.Expr:
    """Return the single reason to refuse a malformed record; `width` is its number of fields."""
    expected = {code: words.format(width=width) for code, words in DEFECTS.items()}
    reason = pl.struct(
        code="defect",
        field=pl.lit("record"),
        value="raw_record",
        expected=pl.col("defect").replace_strict(expected, default=None, return_dtype=pl.String),
    )
    return pl.concat_list(reason.cast(REASON))


def _text_column(column: str) -> str:
    """Return the column of a typed frame with a column's text."""
    read = ("event_at", "event_type", "quantity", "unit_price", "discount", "net_amount")
    return f"{column}_text" if column in (*read, "age", "income") else column


def _rule(mapping: SourceMapping, code: pl.Expr, column: str, expected: str) -> Rule:
    return Rule(code, mapping.columns[column], _text_column(column), expected)


def _refuse(
    mapping: SourceMapping, condition: pl.Expr, code: str, column: str, expected: str
) -> Rule:
    """Make a rule that refuses where `condition` holds; a null condition doesn't hold."""
    return _rule(mapping, pl.when(condition).then(pl.lit(code)), column, expected)


def _text(column: str) -> pl.Expr:
    return pl.col(_text_column(column))


def _time_rules(mapping: SourceMapping, latest: datetime) -> list[Rule]:
    at = pl.col("event_at")
    earliest = datetime(EARLIEST_YEAR, 1, 1)
    # Typed events have times in UTC without a zone.
    last = latest.astimezone(UTC).replace(tzinfo=None)
    in_range = at.is_between(pl.lit(earliest, TIME), pl.lit(last, TIME))
    formats = " or ".join(mapping.event_at_formats)
    allowed = f"from {EARLIEST_YEAR}-01-01 to a day after ingest"
    rules = [_refuse(mapping, ~in_range, "time_out_of_range", "event_at", allowed)]
    is_none = at.is_null()
    if mapping.timezone != UTC_ZONE:
        unsettled = pl.col("event_at_is_unsettled")
        settled = f"a time that the clocks of {mapping.timezone} show once"
        rules.insert(0, _refuse(mapping, unsettled, "time_not_on_clock", "event_at", settled))
        is_none = is_none & ~unsettled
    return [_refuse(mapping, is_none, "unparseable_time", "event_at", formats), *rules]


def _identity_rules(mapping: SourceMapping, lost_digits: Sequence[str]) -> list[Rule]:
    missing = _text("customer_id").is_null()
    rules = [_refuse(mapping, missing, "missing_customer", "customer_id", "an id")]
    if "event_type" in mapping.columns:
        types, unknown = ", ".join(mapping.event_types), pl.col("event_type").is_null()
        rules.append(_refuse(mapping, unknown, "unknown_event_type", "event_type", types))
    for column in mapping.integer_columns:
        wrong = ~_text(column).str.contains(_INTEGER)
        # A missing customer needs no second reason.
        if column not in (*mapping.optional_columns, "customer_id"):
            wrong = wrong.fill_null(True)
        rules.append(_refuse(mapping, wrong, "not_an_integer", column, "an integer"))
    return rules + [
        _refuse(mapping, pl.col(f"{c}_is_scientific"), "lost_digits", c, _ALL_DIGITS)
        for c in lost_digits
    ]


def amount_rule(mapping: SourceMapping, column: str) -> Rule:
    """Return an amount is a number from 0; in a return all amounts may be negative."""
    is_negative = pl.col(f"{column}_is_negative")
    if column == "discount" or (column, mapping.unit_price_is) == ("unit_price", LINE_TOTAL):
        is_negative = is_negative & pl.col("event_type").ne_missing("return")
    expected = _with_sign(_AMOUNT, mapping)
    return _rule(mapping, _amount_code(mapping, column, is_negative), column, expected)


def _with_sign(expected: str, mapping: SourceMapping) -> str:
    """Say what a number must be, with the decimal sign where it isn't the usual one."""
    if mapping.decimal == ".":
        return expected
    return f"{expected}, with '{mapping.decimal}' as the decimal sign"


def _amount_code(mapping: SourceMapping, column: str, is_negative: pl.Expr) -> pl.Expr:
    is_missing = pl.lit(False) if column in mapping.optional_columns else _text(column).is_null()
    problem = pl.col(f"{column}_problem")
    # A number out of range may also be negative; that is the better reason.
    return (
        pl.when(is_missing)
        .then(pl.lit("not_a_number"))
        .when(is_negative)
        .then(pl.lit("negative"))
        .otherwise(problem)
    )


def _quantity_rule(mapping: SourceMapping) -> Rule:
    wrong = pl.col("quantity").is_null()
    if "quantity" in mapping.optional_columns:
        wrong = wrong & _text("quantity").is_not_null()
    expected = "an integer of at most 9 digits"
    return _refuse(mapping, wrong, "not_an_integer", "quantity", expected)


def _net_rules(mapping: SourceMapping) -> list[Rule]:
    """Return a net amount is a number of either sign, and agrees with price, quantity and discount.

    Signs are ignored, because sources differ in which amounts of a return have one.
    """
    code = _amount_code(mapping, "net_amount", pl.lit(False))
    agreeing = f"unit price x quantity - discount, within {mapping.amount_tolerance}"
    is_off = _is_off(mapping)
    return [
        _rule(mapping, code, "net_amount", _with_sign(_SIGNED_AMOUNT, mapping)),
        _refuse(mapping, is_off, "inconsistent_amount", "net_amount", agreeing),
    ]


def _is_off(mapping: SourceMapping) -> pl.Expr:
    """Whether a net amount differs from the other amounts by more than the tolerance.

    Null if the quantity isn't a number, which is a reason of its own.
    """
    tolerance = Decimal(str(mapping.amount_tolerance))
    allowed = tolerance.quantize(Decimal("0.0001"), ROUND_HALF_UP) * 10_000
    off = (units("net_amount").abs() - paid(mapping)).abs() > int(allowed)
    return off if mapping.unit_price_is == LINE_TOTAL else (units("unit_price") >= 0) & off


def _line_rules(mapping: SourceMapping) -> list[Rule]:
    """A share is between 0 and 1; a total needs pieces, and with its discount a finite amount."""
    rules = []
    if mapping.discount_is == SHARE:
        is_more = units("discount").abs() > 10_000
        rules.append(_refuse(mapping, is_more, "out_of_range", "discount", "a share from 0 to 1"))
    if mapping.unit_price_is == LINE_TOTAL:
        is_of_none = (pieces() == 0) & (units("unit_price") != 0)
        expected = "a total of 0 where the quantity is 0"
        rules.append(_refuse(mapping, is_of_none, "inconsistent_amount", "unit_price", expected))
    is_endless = full_price(mapping) >= _MOST_TEN_THOUSANDTHS
    return [*rules, _refuse(mapping, is_endless, "out_of_range", "unit_price", _AMOUNT)]


def _age_rule(mapping: SourceMapping) -> Rule:
    text = _text("age")
    is_missing = pl.lit("age" not in mapping.optional_columns) & text.is_null()
    code = (
        pl.when(is_missing | ~text.str.contains(_INTEGER))
        .then(pl.lit("not_an_integer"))
        .when(text.is_not_null() & pl.col("age").is_null())
        .then(pl.lit("out_of_range"))
    )
    return _rule(mapping, code, "age", f"an integer from 0 to {OLDEST}")


def _strict_rules(mapping: SourceMapping) -> list[Rule]:
    """Refuse what the usual analysis of invoices leaves out: returns and lines of zero.

    Each sign of a return is a reason of its own, so that they can be counted.
    """
    is_return = pl.col("event_type") == "return"
    rules = [
        _refuse(mapping, is_return & sign, "returned", column, "no return")
        for column, sign in returns.signs(mapping).items()
    ]
    is_sale = pl.col("event_type").is_in(["purchase", "return"])
    for column in ("quantity", "unit_price"):
        if column in mapping.columns:
            is_nothing = is_sale & (pl.col(column) == 0)
            rules.append(_refuse(mapping, is_nothing, "not_positive", column, "more than 0"))
    return rules
