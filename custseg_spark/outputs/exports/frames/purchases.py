"""Purchases and returns of a run's customers, and their totals by a further key."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.outputs.exports.layout import Run


def totals(run: Run, key: Column, name: str) -> DataFrame:
    """Return one row per customer and `key` with a purchase or return before the run date.

    The key's column is called `name`. `total_spend` is net of returns. `num_purchases` counts
    distinct orders; an order with two keys counts with both. `avg_purchase_amount` and the dates
    are null without a purchase.
    """
    is_purchase = F.col("event_type") == "purchase"
    sold = run.events.where(F.col("event_type").isin("purchase", "return"))
    customers = run.segments.select("customer_id")
    summed = (
        sold.where(F.col("event_date") < F.lit(run.run_date))
        .join(customers, "customer_id", how="left_semi")
        .groupBy("customer_id", key.alias(name))
        .agg(
            F.count_distinct(F.when(is_purchase, order())).alias("num_purchases"),
            F.sum(F.when(is_purchase, amount()).otherwise(-amount())).alias("total_spend"),
            F.min(F.when(is_purchase, F.col("event_date"))).alias("first_purchase_date"),
            F.max(F.when(is_purchase, F.col("event_date"))).alias("last_purchase_date"),
        )
    )
    mean = F.when(F.col("num_purchases") > 0, F.col("total_spend") / F.col("num_purchases"))
    return summed.withColumns({"avg_purchase_amount": mean, "run_date": F.lit(run.run_date)})


def amount() -> Column:
    """Return the price of an event's line, as in the features."""
    quantity = F.col("quantity").cast("decimal(10,0)")
    return F.col("unit_price") * quantity - F.col("discount")


def order() -> Column:
    """Return the id of a purchase: the order's, else the session's, else the UTC day."""
    kind = (
        F.when(F.col("order_id").isNotNull(), "order")
        .when(F.col("session_id").isNotNull(), "session")
        .otherwise("day")
    )
    day = F.col("event_date").cast("string")
    return F.struct(kind, F.coalesce("order_id", "session_id", day))
