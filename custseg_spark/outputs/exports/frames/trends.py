"""`customer_purchase_trends`: a customer's purchases by month."""

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
    """Return one row per customer and month (its first day) with a purchase or return.

    Only events before the run date count, so its month may be incomplete.
    """
    return totals(run, F.trunc("event_date", "month"), "month")
