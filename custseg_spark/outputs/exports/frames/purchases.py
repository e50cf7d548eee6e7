"""Purchases and returns of a run's customers, and their totals by one more key."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from custseg_spark.outputs.exports.layout import Run


def totals(run: Run, key: Column, name: str) -> DataFrame:
    """One row a customer x `key` (as column `name`) with a purchase or return before the run date.

    `total_spend` is net of returns; `num_purchases` are distinct orders, and an order that has
    two keys counts with both. `avg_purchase_amount` and the dates are null without a purchase.
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
    """What an event's line cost, as in the features."""
    quantity = F.col("quantity").cast("decimal(10,0)")
    return F.col("unit_price") * quantity - F.col("discount")


def order() -> Column:
    """What makes one purchase: the order's id, else the session's, else the UTC day."""
    kind = (
        F.when(F.col("order_id").isNotNull(), "order")
        .when(F.col("session_id").isNotNull(), "session")
        .otherwise("day")
    )
    day = F.col("event_date").cast("string")
    return F.struct(kind, F.coalesce("order_id", "session_id", day))
