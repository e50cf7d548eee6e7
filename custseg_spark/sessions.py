"""Events to sessions: additive parts, one row a customer x session x UTC day.

Everything that a customer's own features need is in the parts, so that any run date and any
window is answered from them; only what compares customers reads events again.
"""

from collections.abc import Collection, Iterable
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from custseg_spark.schemas import EVENT_TYPES, LOG_PRICE

GAP = timedelta(minutes=30)
EVENING_FROM_HOUR = 18
ONE_DAY = timedelta(days=1)

_SOURCE, _ORDER, _GAP = "source", "order", "gap"
_KEYS = ("session_date", "customer_id", "session_kind", "session_id")


def session_parts(
    events: DataFrame, *, earlier: DataFrame | None = None, buckets: int = 1
) -> DataFrame:
    """One row a customer x session x UTC day of `events`.

    A session is the source's; else an order; else it begins after more than 30 minutes without
    an event of the same customer's that has neither id. `earlier` holds the parts of the days
    just before those of `events`: a session that goes on over midnight keeps its id. Laid out
    for a table partitioned by date: `buckets` files a date at most.
    """
    slim = events.select(*_event_columns())
    named = slim.where(F.col("session_kind") != _GAP)
    gapped = _with_gap_ids(slim.where(F.col("session_kind") == _GAP), earlier)
    # One exchange for the grouping and for the write; the bucket is a key so that Spark sees it.
    bucket = F.pmod(F.xxhash64("customer_id"), F.lit(buckets)).alias("bucket")
    spread = named.unionByName(gapped).select("*", bucket).repartition("session_date", "bucket")
    # The date first: what is sorted for the grouping is so for the write.
    return spread.groupBy(*_KEYS, "bucket").agg(*_part_aggregates()).drop("bucket")


def stale_dates(event_counts: DataFrame, part_counts: DataFrame) -> DataFrame:
    """One row a date of events: its events, and `is_current`: whether the parts hold them all.

    Both frames have one row a date: `(event_date, events)` and `(session_date, events)`. Events
    are only ever added, so equal counts mean equal content; what a killed run left undone between
    the two tables is found by its successor without any note.
    """
    held = part_counts.select(
        F.col("session_date").alias("event_date"), F.col("events").alias("held")
    )
    return event_counts.join(held, "event_date", how="left").select(
        "event_date", "events", F.col("events").eqNullSafe(F.col("held")).alias("is_current")
    )


def midnight_bridges(events: DataFrame, parts: DataFrame, stale: Collection[date]) -> DataFrame:
    """The dates on whose last minutes a changed gap session goes on into the next day.

    One row a date, among customers whose gap events on a `stale` date aren't all in `parts` yet:
    a late event may join or rename the session that follows it over midnight.
    """
    gapped = events.select(*_event_columns()).where(F.col("session_kind") == _GAP)
    on_stale_dates = gapped.where(F.col("session_date").isin(*stale))
    held = (
        parts.where((F.col("session_kind") == _GAP) & F.col("session_date").isin(*stale))
        .groupBy("customer_id")
        .agg(F.sum("event_count").alias("held"))
    )
    changed = (
        on_stale_dates.groupBy("customer_id")
        .agg(F.count("*").alias("events"))
        .join(held, "customer_id", how="left")
        .where(~F.col("events").eqNullSafe(F.col("held")))
        .select("customer_id")
    )
    in_time = Window.partitionBy("customer_id").orderBy("event_at")
    following = F.lead("event_at").over(in_time)
    return (
        gapped.where(F.col("session_date") >= min(stale))
        .join(changed, "customer_id", how="left_semi")
        .withColumn("following", following)
        .where(_within_gap(F.col("event_at"), F.col("following")))
        .where(F.to_date("following") > F.col("session_date"))
        .select("session_date")
        .distinct()
    )


def dates_to_rebuild(stale: Iterable[date], bridges: Collection[date]) -> list[date]:
    """The stale dates, and the days into which their gap sessions go on, day after day."""
    dates = set(stale)
    pending = sorted(dates)
    while pending:
        following = pending[0] + ONE_DAY
        if pending.pop(0) in bridges and following not in dates:
            dates.add(following)
            pending.append(following)
    return sorted(dates)


def _event_columns() -> list[Column]:
    """What the parts are made of; ids hashed here, so that the exchange moves little."""
    kind = (
        F.when(F.col("session_id").isNotNull(), _SOURCE)
        .when(F.col("order_id").isNotNull(), _ORDER)
        .otherwise(_GAP)
    )
    session_id = F.coalesce("session_id", "order_id")
    order_key = F.when(
        F.col("event_type") == "purchase",
        F.when(F.col("order_id").isNotNull(), _hash("order_id")),
    )
    return [
        F.col("event_date").alias("session_date"),
        F.col("customer_id"),
        kind.alias("session_kind"),
        session_id.alias("session_id"),
        F.col("event_at"),
        F.col("event_type"),
        _hash("product_id").alias("product_key"),
        _hash("category_id").alias("category_key"),
        _hash("brand").alias("brand_key"),
        order_key.alias("order_key"),
        F.col("unit_price"),
        F.col("discount"),
        comparable_log_price().alias("log_price"),
        (F.col("unit_price") * F.col("quantity").cast("decimal(10,0)") - F.col("discount")).alias(
            "amount"
        ),
    ]


def _hash(column: str) -> Column:
    """64 bits of an id, null for null.

    Distinct values are counted within one customer: with 100,000 products the chance of a
    collision is below one in three billion.
    """
    return F.when(F.col(column).isNotNull(), F.xxhash64(column))


def comparable_log_price() -> Column:
    """An event's ln(unit price), where it can be compared with its category's; else null."""
    is_comparable = F.col("category_id").isNotNull() & (F.col("unit_price") > 0)
    return F.when(is_comparable, F.log(F.col("unit_price").cast("double")).cast(LOG_PRICE))


def _within_gap(earlier: Column, later: Column) -> Column:
    microseconds = F.unix_micros(later) - F.unix_micros(earlier)
    return microseconds <= int(GAP.total_seconds()) * 1_000_000


def _with_gap_ids(gapped: DataFrame, earlier: DataFrame | None) -> DataFrame:
    """Events without an id, with the id of their gap session: its first event's microsecond."""
    events = gapped.withColumn("is_earlier", F.lit(False))
    if earlier is not None:
        ends = earlier.where(F.col("session_kind") == _GAP).select(
            *_KEYS, F.col("last_event_at").alias("event_at"), F.lit(True).alias("is_earlier")
        )
        events = events.unionByName(ends, allowMissingColumns=True)
    in_time = Window.partitionBy("customer_id").orderBy("event_at")
    so_far = in_time.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    goes_on = F.coalesce(
        _within_gap(F.lag("event_at").over(in_time), F.col("event_at")), F.lit(False)
    )
    own_id = F.concat(F.lit("gap-"), F.unix_micros("event_at").cast("string"))
    begins = F.when(F.col("is_earlier"), F.col("session_id")).when(~goes_on, own_id)
    return (
        events.withColumn("begins", begins)
        .withColumn("session_id", F.last("begins", ignorenulls=True).over(so_far))
        .where(~F.col("is_earlier"))
        .drop("begins", "is_earlier")
    )


def _part_aggregates() -> list[Column]:
    kind, price, amount = F.col("event_type"), F.col("unit_price"), F.col("amount")

    def of(type_: str, value: Column) -> Column:
        return F.when(kind == type_, value)

    def money(type_: str, value: Column) -> Column:
        return F.coalesce(F.sum(of(type_, value)), F.lit(0))

    evening = F.hour("event_at") >= EVENING_FROM_HOUR
    order_key = F.when(
        kind == "purchase", F.coalesce("order_key", F.xxhash64("session_kind", "session_id"))
    )
    item = F.struct(
        F.col("product_key"),
        F.col("category_key"),
        F.col("brand_key"),
        F.hour("event_at").cast("tinyint").alias("hour"),
        order_key.alias("order_key"),
    )
    counts = [F.count(F.when(kind == t, True)).alias(f"{t}_count") for t in EVENT_TYPES]
    return [
        F.min("event_at").alias("first_event_at"),
        F.max("event_at").alias("last_event_at"),
        F.count("*").alias("event_count"),
        *counts,
        F.count(F.when(evening, True)).alias("evening_event_count"),
        money("purchase", amount).alias("purchase_amount"),
        money("return", amount).alias("return_amount"),
        money("purchase", F.col("discount")).alias("discount_amount"),
        money("purchase", F.when(F.col("discount") > 0, amount)).alias("discounted_amount"),
        F.min(of("purchase", F.col("event_at"))).alias("first_purchase_at"),
        F.max(of("purchase", F.col("event_at"))).alias("last_purchase_at"),
        money("view", price).alias("viewed_price_sum"),
        # The one sum that absurd prices could overflow: null then, not a failed run.
        F.try_sum(F.when(kind == "view", price * price).otherwise(0)).alias("viewed_price_squares"),
        F.max(of("view", price)).alias("max_viewed_price"),
        money("purchase", price).alias("purchased_price_sum"),
        F.coalesce(F.sum("log_price"), F.lit(0)).alias("log_price_sum"),
        F.count("log_price").alias("log_price_count"),
        # Sorted, because Spark collects in whatever order the rows arrive.
        F.sort_array(F.collect_list(item)).alias("items"),
    ]
