"""Raw text in, typed events or reasons out, in one pass of the rules.

Types are cast only from text that a strict pattern has let through: casts alone take 'now' for a
time and 'Infinity' for a price.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from custseg_spark.config.mappings import MappingFile
from custseg_spark.core.mappings.mapping import EVENT_COLUMNS as CANONICAL_COLUMNS
from custseg_spark.engine.sources.raw import text, text_column
from custseg_spark.engine.sources.times import parsed_time
from custseg_spark.returns import event_type
from custseg_spark.rules import AMOUNTS, NUMBER, defect_reason, is_plain_amount, rules
from custseg_spark.schemas import MONEY

# Clocks of trackers run ahead; more than a day is a wrong clock or a wrong time zone.
LATEST_AFTER_INGEST = timedelta(days=1)

# Eighteen digits before the point and twenty behind it: more than a REAL can print, so that the
# one rounding to four decimals is the only one.
_EXACT_NUMBER = "decimal(38,20)"
# Price times quantity stays within the decimals that sessions add up.
_QUANTITY = r"^[+-]?\d{1,9}\z"
# 17850.0, as an integer with gaps comes out of pandas or a spreadsheet.
_WHOLE_NUMBER = r"^(\d+)\.0+\z"
# No text that has been trimmed is a blank.
_NULL_MARK = " "


def judge(raw: DataFrame, mapping: MappingFile, *, width: int, ingested_at: datetime) -> DataFrame:
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
        *[trimmed(c, mapping).alias(text_column(c)) for c in CANONICAL_COLUMNS],
    ).withColumns(
        {
            "event_at": _event_at(mapping),
            "event_type": event_type(mapping),
            **{c: money(c) for c in (*AMOUNTS, "net_amount")},
            "quantity": _quantity(),
        }
    )
    # A step of its own: computed once, used by the hash and the count.
    typed = typed.withColumns({_rounded(c): was_rounded(c) for c in AMOUNTS})
    halves = {"id_high": _id_half(mapping, 1), "id_low": _id_half(mapping, 2)}
    typed = typed.withColumns(halves)
    return typed.select(
        F.to_date("event_at").alias("event_date"),
        "event_at",
        F.col(text_column("customer_id")).alias("customer_id"),
        "event_type",
        *[F.col(text_column(c)).alias(c) for c in _PLAIN_TEXT],
        _order_id(mapping).alias("order_id"),
        F.coalesce("unit_price", F.lit(0)).cast(MONEY).alias("unit_price"),
        F.coalesce(_unsigned_for_returns("quantity"), F.lit(1)).alias("quantity"),
        F.coalesce(_unsigned_for_returns("discount"), F.lit(0)).cast(MONEY).alias("discount"),
        _event_id().alias("event_id"),
        "id_high",
        "id_low",
        F.lit(mapping.name).alias("source"),
        "source_file",
        "source_row",
        "file_id",
        "raw_record",
        reasons(rules(mapping, latest), width).alias("reasons"),
        (F.col(_rounded("unit_price")) | F.col(_rounded("discount"))).alias("was_rounded"),
    )


_PLAIN_TEXT = (
    "product_id",
    "category_id",
    "category_code",
    "brand",
    "session_id",
    "store",
)


def _rounded(amount: str) -> str:
    return f"rounded_{amount}"


def reasons(applied: Sequence[Column], width: int) -> Column:
    """Why a record is refused: its defect, or what the rules say; null where it passes."""
    passes = F.col("defect").isNull()
    for rule in applied:
        passes = passes & rule.isNull()
    found = F.when(F.col("defect").isNotNull(), F.array(defect_reason(width))).otherwise(
        F.array_compact(F.array(*applied))
    )
    return F.when(~passes, found)


def accepted(judged: DataFrame) -> DataFrame:
    """The records that pass, duplicates among them still."""
    return judged.where(F.col("reasons").isNull())


def rejected(judged: DataFrame, *, ingested_at: datetime) -> DataFrame:
    """The refused records, raw, with their reasons: rows of `rejected_events`."""
    return judged.where(F.col("reasons").isNotNull()).withColumn(
        "ingest_date", F.lit(ingested_at.date())
    )


def beyond_strict(events: DataFrame, source: str) -> DataFrame:
    """The events of a source that its strict cleaning would have refused."""
    nothing = (F.col("quantity") == 0) | (F.col("unit_price") == 0)
    is_refused = (F.col("event_type") == "return") | (F.col("event_type") == "purchase") & nothing
    return events.where((F.col("source") == source) & is_refused)


def with_copies(events: DataFrame, sources: Sequence[str]) -> DataFrame:
    """The events, where equal records of one file are events of their own for these sources.

    The second of them has an id made of the first one's and its number, so that the same file in
    another form, or a second delivery that overlaps with it, adds nothing.
    """
    equal = Window.partitionBy("event_date", "event_id", "file_id").orderBy("source_row")
    number = F.when(F.col("source").isin(*sources), F.row_number().over(equal)).otherwise(1)
    own_id = F.md5(F.concat_ws(" ", "event_id", "copy"))
    is_copy = F.col("copy") > 1
    is_order = F.col("order_id") == F.col("event_id")
    return (
        events.withColumn("copy", number)
        .withColumns(
            {
                "order_id": F.when(is_copy & is_order, own_id).otherwise(F.col("order_id")),
                "event_id": F.when(is_copy, own_id).otherwise(F.col("event_id")),
            }
        )
        .drop("copy")
    )


def spread(events: DataFrame, *, buckets: int) -> DataFrame:
    """Laid out for a table partitioned by `event_date`: `buckets` files a date at most."""
    bucket = F.pmod(F.xxhash64("event_id"), F.lit(buckets))
    return events.withColumn("bucket", bucket).repartition("event_date", "bucket")


def without_duplicates(events: DataFrame, known: DataFrame, *, buckets: int) -> DataFrame:
    """One row an event id: the first by file and row, none that `known` has already.

    Equal events share date and bucket, so that one exchange serves the comparison and the write.
    """
    copies = Window.partitionBy("event_date", "bucket", "event_id").orderBy(
        "source_file", "source_row"
    )
    numbered = spread(events, buckets=buckets).withColumn("copy", F.row_number().over(copies))
    first = numbered.where(F.col("copy") == 1).drop("bucket", "copy")
    keys = ["event_date", "event_id"]
    return first.join(known.select(*keys), keys, how="left_anti")


def trimmed(canonical: str, mapping: MappingFile) -> Column:
    """The text without surrounding blanks; null where nothing is left."""
    kept = F.trim(text(canonical))
    if canonical in mapping.whole_numbers:
        kept = F.regexp_replace(kept, _WHOLE_NUMBER, "$1")
    return F.when(kept != "", kept)


def _event_at(mapping: MappingFile) -> Column:
    return F.coalesce(*[parsed_time(text("event_at"), p) for p in mapping.event_at_formats])


def _exact(canonical: str) -> Column:
    """The number as it stands, null where the text is none or has too many digits."""
    return F.when(text(canonical).rlike(NUMBER), text(canonical).try_cast(_EXACT_NUMBER))


def money(canonical: str) -> Column:
    """The amount that a text is, rounded half-even to four decimals; null where it is none."""
    plain = F.when(is_plain_amount(text(canonical)), text(canonical).try_cast(MONEY))
    return F.coalesce(plain, F.bround(_exact(canonical), 4).try_cast(MONEY))


def was_rounded(canonical: str) -> Column:
    """Whether `money` took digits away from the text of an amount."""
    plain = is_plain_amount(text(canonical))
    return F.coalesce(~plain & (_exact(canonical) != F.col(canonical)), F.lit(False))


def _quantity() -> Column:
    return F.when(text("quantity").rlike(_QUANTITY), text("quantity").try_cast("bigint"))


def _unsigned_for_returns(column: str) -> Column:
    """A return's quantity says how much came back, whatever sign the source gives it; its discount
    how much less was given back."""
    value = F.col(column)
    return F.when(F.col("event_type") == "return", F.abs(value)).otherwise(value)


def _order_id(mapping: MappingFile) -> Column:
    """The order's id; without one a record's own, where the mapping says that each is an order."""
    given = text("order_id")
    return F.coalesce(given, _event_id()) if mapping.record_is_order else given


def _event_id() -> Column:
    """The two hashes as 32 hexadecimal digits."""
    halves = [F.lpad(F.hex(half), 16, "0") for half in ("id_high", "id_low")]
    return F.lower(F.concat(*halves))


def _id_half(mapping: MappingFile, beginning: int) -> Column:
    """A 64-bit hash of all source fields as values; by its beginning one of two."""

    def values(column: str) -> list[Column]:
        if column in ("event_at", "event_type"):
            return [F.col(column)]
        if column in AMOUNTS:
            # What rounding took away still tells two records apart.
            exact = F.when(F.col(_rounded(column)), text(column).try_cast("double"))
            return [F.coalesce(column, F.lit(-1).cast(MONEY)), F.coalesce(exact, F.lit(0.0))]
        if column == "net_amount":
            return [F.coalesce(F.col(column).cast("string"), F.lit(_NULL_MARK))]
        # The hash passes over nulls: without a mark (null, 'a') and ('a', null) would be equal.
        return [F.coalesce(text(column), F.lit(_NULL_MARK))]

    hashed = [v for c in CANONICAL_COLUMNS if c in mapping.columns for v in values(c)]
    return F.xxhash64(F.lit(beginning), *hashed, F.col("extras"))
