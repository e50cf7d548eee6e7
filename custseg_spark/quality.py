"""The rules of ingest as Columns: raw text in, typed events or reasons out, in one pass.

A rule is a Column that is null where the record passes and a reason (code, field, value,
expected) where it doesn't. Types are cast only from text that a strict pattern has let through:
casts alone take 'now' for a time and 'Infinity' for a price.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from custseg_spark.schemas import MONEY
from custseg_spark.sources.profile import CANONICAL_COLUMNS, Profile
from custseg_spark.sources.raw import text_column
from custseg_spark.sources.times import time_pattern

EARLIEST_YEAR = 1990
# Clocks of trackers run ahead; more than a day is a wrong clock or a wrong time zone.
LATEST_AFTER_INGEST = timedelta(days=1)

# Eighteen digits before the point and twenty behind it: more than a REAL can print, so that the
# one rounding to four decimals is the only one. Patterns end in \z: $ lets a line end follow.
_EXACT_NUMBER = "decimal(38,20)"
_PLAIN_MONEY = r"^\d{1,14}(\.\d{1,4})?\z"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\z"
_NOT_FINITE = r"^[+-]?(nan|inf|infinity)\z"
_INTEGER = r"^[+-]?\d+\z"
# Price times quantity stays within the decimals that sessions add up.
_QUANTITY = r"^[+-]?\d{1,9}\z"
# No text that has been trimmed is a blank.
_NULL_MARK = " "

_DEFECTS = {
    "wrong_field_count": "{width} fields",
    "repeated_header": "a record, not the header again",
    "invalid_utf8": "UTF-8 text",
    "nul_byte": "text without NUL bytes",
}


def judge(raw: DataFrame, profile: Profile, *, width: int, ingested_at: datetime) -> DataFrame:
    """One row a raw record: the event's typed columns, and `reasons` where it is refused.

    `reasons` is null for a record that passes, else an array of (code, field, value, expected).
    `was_rounded` tells that an amount had more than four decimals and was rounded half-even.
    `event_id` is a 128-bit hash of all source fields as values, so that 33.20 in a CSV file and
    33.2 in a SQLite table are one event. `width` is a record's number of fields.
    """
    latest = ingested_at + LATEST_AFTER_INGEST
    typed = raw.select(
        "file_id",
        "source_file",
        "source_row",
        "raw_record",
        "defect",
        "extras",
        *[_trimmed(c).alias(text_column(c)) for c in CANONICAL_COLUMNS],
    ).withColumns(
        {
            "event_at": _event_at(profile),
            "event_type": _event_type(profile),
            **{c: _money(c) for c in _AMOUNTS},
            "quantity": _quantity(),
        }
    )
    # A step of its own: computed once, used by the hash and the count.
    typed = typed.withColumns({_rounded(c): _was_rounded(c) for c in _AMOUNTS})
    rules = _rules(profile, latest)
    passes = F.col("defect").isNull()
    for rule in rules:
        passes = passes & rule.isNull()
    reasons = F.when(F.col("defect").isNotNull(), F.array(_defect_reason(width))).otherwise(
        F.array_compact(F.array(*rules))
    )
    return typed.select(
        F.to_date("event_at").alias("event_date"),
        "event_at",
        F.col(text_column("customer_id")).alias("customer_id"),
        "event_type",
        *[F.col(text_column(c)).alias(c) for c in _PLAIN_TEXT],
        F.coalesce("unit_price", F.lit(0)).cast(MONEY).alias("unit_price"),
        F.coalesce("quantity", F.lit(1)).alias("quantity"),
        F.coalesce("discount", F.lit(0)).cast(MONEY).alias("discount"),
        _event_id(profile).alias("event_id"),
        F.lit(profile.name).alias("source"),
        "source_file",
        "source_row",
        "file_id",
        "raw_record",
        F.when(~passes, reasons).alias("reasons"),
        (F.col(_rounded("unit_price")) | F.col(_rounded("discount"))).alias("was_rounded"),
    )


_PLAIN_TEXT = (
    "product_id",
    "category_id",
    "category_code",
    "brand",
    "session_id",
    "order_id",
    "store",
)


_AMOUNTS = ("unit_price", "discount")


def _rounded(amount: str) -> str:
    return f"rounded_{amount}"


def accepted(judged: DataFrame) -> DataFrame:
    """The records that pass, duplicates among them still."""
    return judged.where(F.col("reasons").isNull())


def rejected(judged: DataFrame, *, ingested_at: datetime) -> DataFrame:
    """The refused records, raw, with their reasons: rows of `rejected_events`."""
    return judged.where(F.col("reasons").isNotNull()).withColumn(
        "ingest_date", F.lit(ingested_at.date())
    )


def without_duplicates(events: DataFrame, known: DataFrame | None, *, buckets: int) -> DataFrame:
    """One row an event id: the first by file and row, none that `known` has already.

    Laid out for a table partitioned by `event_date`: `buckets` files a date at most. Equal events
    share date and bucket, so that one exchange serves both the comparison and the write.
    """
    bucket = F.pmod(F.xxhash64("event_id"), F.lit(buckets))
    spread = events.withColumn("bucket", bucket).repartition("event_date", "bucket")
    copies = Window.partitionBy("event_date", "bucket", "event_id").orderBy(
        "source_file", "source_row"
    )
    first = spread.withColumn("copy", F.row_number().over(copies)).where(F.col("copy") == 1)
    if known is not None:
        first = first.join(
            known.select("event_date", "event_id"), ["event_date", "event_id"], how="left_anti"
        )
    return first.drop("bucket", "copy")


def _text(canonical: str) -> Column:
    return F.col(text_column(canonical))


def _trimmed(canonical: str) -> Column:
    """The text without surrounding blanks; null where nothing is left."""
    text = F.trim(_text(canonical))
    return F.when(F.length(text) > 0, text)


def _event_at(profile: Profile) -> Column:
    text = _text("event_at")
    times = [
        F.when(text.rlike(time_pattern(pattern)), F.try_to_timestamp(text, F.lit(pattern)))
        for pattern in profile.event_at_formats
    ]
    return F.coalesce(*times)


def _event_type(profile: Profile) -> Column:
    folded = F.lower(_text("event_type"))
    kind = F.lit(None).cast("string")
    for value, canonical in profile.event_types.items():
        kind = F.when(folded == value.lower(), F.lit(canonical)).otherwise(kind)
    return kind


def _exact(canonical: str) -> Column:
    """The number as it stands, null where the text is none or has too many digits."""
    return F.when(_text(canonical).rlike(_NUMBER), _text(canonical).try_cast(_EXACT_NUMBER))


def _money(canonical: str) -> Column:
    plain = F.when(_text(canonical).rlike(_PLAIN_MONEY), _text(canonical).try_cast(MONEY))
    return F.coalesce(plain, F.bround(_exact(canonical), 4).try_cast(MONEY))


def _was_rounded(canonical: str) -> Column:
    plain = _text(canonical).rlike(_PLAIN_MONEY)
    return F.coalesce(~plain & (_exact(canonical) != F.col(canonical)), F.lit(False))


def _quantity() -> Column:
    return F.when(_text("quantity").rlike(_QUANTITY), _text("quantity").try_cast("bigint"))


def _reason(code: Column | str, field: str, value: Column, expected: str) -> Column:
    return F.struct(
        (F.lit(code) if isinstance(code, str) else code).alias("code"),
        F.lit(field).alias("field"),
        value.alias("value"),
        F.lit(expected).alias("expected"),
    )


def _refuse(condition: Column, code: str, canonical: str, source: str, expected: str) -> Column:
    """A reason where `condition` holds; a condition that is null doesn't hold."""
    reason = _reason(code, source, _text(canonical), expected)
    return F.when(F.coalesce(condition, F.lit(False)), reason)


def _rules(profile: Profile, latest: datetime) -> list[Column]:
    """Each rule over the typed frame, for the columns that the profile maps."""
    rules = [*_time_rules(profile, latest), *_identity_rules(profile)]
    for column in _AMOUNTS:
        if column in profile.columns:
            rules.append(_money_rule(profile, column))
    if "quantity" in profile.columns:
        source = profile.columns["quantity"]
        rules.append(
            _refuse(
                F.col("quantity").isNull(),
                "not_an_integer",
                "quantity",
                source,
                "an integer of at most 9 digits",
            )
        )
    return rules


def _time_rules(profile: Profile, latest: datetime) -> list[Column]:
    source = profile.columns["event_at"]
    formats = " or ".join(profile.event_at_formats)
    event_at = F.col("event_at")
    # Literals go through text: a Python datetime would be read in the machine's time zone.
    earliest = F.lit(f"{EARLIEST_YEAR}-01-01 00:00:00 UTC").cast("timestamp")
    in_range = (event_at >= earliest) & (event_at <= F.lit(latest.isoformat()).cast("timestamp"))
    allowed = f"from {EARLIEST_YEAR}-01-01 to a day after ingest"
    return [
        _refuse(event_at.isNull(), "unparseable_time", "event_at", source, formats),
        _refuse(~in_range, "time_out_of_range", "event_at", source, allowed),
    ]


def _identity_rules(profile: Profile) -> list[Column]:
    columns = profile.columns
    types = ", ".join(profile.event_types)
    customer, kind = columns["customer_id"], columns["event_type"]
    rules = [
        _refuse(
            _text("customer_id").isNull(), "missing_customer", "customer_id", customer, "an id"
        ),
        _refuse(F.col("event_type").isNull(), "unknown_event_type", "event_type", kind, types),
    ]
    for column in profile.integer_columns:
        wrong = ~_text(column).rlike(_INTEGER)
        if column not in profile.optional_columns:
            wrong = F.coalesce(wrong, F.lit(True))
        rules.append(_refuse(wrong, "not_an_integer", column, columns[column], "an integer"))
    return rules


def _money_rule(profile: Profile, column: str) -> Column:
    source, text = profile.columns[column], _text(column)
    number = "a number from 0, at most 14 digits before the point"
    folded = F.lower(text)
    missing = F.lit(False) if column in profile.optional_columns else text.isNull()
    cases: Sequence[tuple[Column, str]] = (
        (missing, "not_a_number"),
        (folded.rlike(_NOT_FINITE), "not_finite"),
        (~text.rlike(_NUMBER), "not_a_number"),
        (text.try_cast("double") < 0, "negative"),
        (text.isNotNull() & F.col(column).isNull(), "out_of_range"),
    )
    code = F.lit(None).cast("string")
    for condition, name in reversed(cases):
        code = F.when(F.coalesce(condition, F.lit(False)), F.lit(name)).otherwise(code)
    return F.when(code.isNotNull(), _reason(code, source, text, number))


def _defect_reason(width: int) -> Column:
    expected = F.lit(None).cast("string")
    for code, text in _DEFECTS.items():
        expected = F.when(F.col("defect") == code, F.lit(text.format(width=width))).otherwise(
            expected
        )
    return F.struct(
        F.col("defect").alias("code"),
        F.lit("record").alias("field"),
        F.col("raw_record").alias("value"),
        expected.alias("expected"),
    )


def _event_id(profile: Profile) -> Column:
    """Two 64-bit hashes with different beginnings, as 32 hexadecimal digits."""

    def values(column: str) -> list[Column]:
        if column in ("event_at", "event_type"):
            return [F.col(column)]
        if column in _AMOUNTS:
            # What rounding took away still tells two records apart.
            exact = F.when(F.col(_rounded(column)), _text(column).try_cast("double"))
            return [F.coalesce(column, F.lit(-1).cast(MONEY)), F.coalesce(exact, F.lit(0.0))]
        # The hash passes over nulls: without a mark (null, 'a') and ('a', null) would be equal.
        return [F.coalesce(_text(column), F.lit(_NULL_MARK))]

    hashed = [v for c in CANONICAL_COLUMNS if c in profile.columns for v in values(c)]
    hashed.append(F.col("extras"))
    halves = [F.lpad(F.hex(F.xxhash64(F.lit(n), *hashed)), 16, "0") for n in (1, 2)]
    return F.lower(F.concat(*halves))
