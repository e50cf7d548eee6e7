"""Distinct keys of a customer (products, categories, brands, hours, orders, days), counted.

Exact distinct counts by two plain aggregations: Spark's own count(distinct) multiplies the rows,
its collect_set leaves generated code and sorts.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

PRODUCT, CATEGORY, BRAND, HOUR, ORDER, ACTIVE_DAY, PURCHASE_DAY = range(7)


def key_counts(parts: DataFrame) -> DataFrame:
    """One row a customer x kind of key x key: `n`, the events (or for days, parts) with it."""
    items = parts.select("customer_id", F.inline("items"))
    of_items = items.select(
        "customer_id",
        F.inline(
            F.array(
                _key(PRODUCT, F.col("product_key")),
                _key(CATEGORY, F.col("category_key")),
                _key(BRAND, F.col("brand_key")),
                _key(HOUR, F.col("hour").cast("bigint")),
                _key(ORDER, F.col("order_key")),
            )
        ),
    )
    day = F.unix_date("session_date").cast("bigint")
    of_parts = parts.select(
        "customer_id",
        F.inline(
            F.array(
                _key(ACTIVE_DAY, day),
                _key(PURCHASE_DAY, F.when(F.col("purchase_count") > 0, day)),
            )
        ),
    )
    return (
        of_items.unionAll(of_parts)
        .where(F.col("key").isNotNull())
        .groupBy("customer_id", "kind", "key")
        .agg(F.count("*").alias("n"))
    )


def distinct(kind: int) -> Column:
    """How many keys of a kind a customer has."""
    return F.count(F.when(F.col("kind") == kind, True))


def total(kind: int) -> Column:
    """How many events have a key of the kind."""
    return F.coalesce(F.sum(F.when(F.col("kind") == kind, F.col("n"))), F.lit(0))


def largest(kind: int) -> Column:
    """The events of the kind's most frequent key."""
    return F.coalesce(F.max(F.when(F.col("kind") == kind, F.col("n"))), F.lit(0))


def sum_n_log_n(kind: int) -> Column:
    """The sum of n ln n, for the entropy; in decimals, so that no order of adding changes it."""
    n_log_n = F.when(F.col("kind") == kind, _n_log_n(F.col("n")))
    return F.coalesce(F.sum(n_log_n), F.lit(0))


def entropy(events: str, n_log_n: str) -> Column:
    """Shannon entropy in nats of shares n/N from N and the sum of n ln n; 0 without events."""
    n = F.col(events)
    # Both terms rounded alike: a single key gives 0 exactly, and the feature counts as constant.
    nats = (_n_log_n(n) - F.col(n_log_n)).cast("double") / n
    return F.when(n > 0, nats).otherwise(0.0)


def _n_log_n(n: Column) -> Column:
    return (n * F.log(n)).cast("decimal(28,15)")


def _key(kind: int, key: Column) -> Column:
    return F.struct(F.lit(kind).cast("tinyint").alias("kind"), key.alias("key"))
