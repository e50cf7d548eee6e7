"""`customer_purchase_trends`: what a customer buys, month by month."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.engine.lake.ddl import MONEY_SUM
from custseg_spark.outputs.exports.frames.purchases import totals
from custseg_spark.outputs.exports.layout import ReportTable, Run

CUSTOMER_PURCHASE_TRENDS = ReportTable(
    "customer_purchase_trends",
    f"""customer_id string, month date, num_purchases bigint, total_spend {MONEY_SUM},
    avg_purchase_amount {MONEY_SUM}, run_date date""",
    key=("customer_id", "month"),
    indexes=(("month",),),
)


def rows(run: Run) -> DataFrame:
    """One row a customer x month (its first day) with a purchase or return before the run date.

    The month of the run date is there as far as it had gone.
    """
    return totals(run, F.trunc("event_date", "month"), "month")
