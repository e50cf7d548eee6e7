"""`customer_store_summary`: a customer's purchases by store."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from custseg_spark.engine.lake.ddl import MONEY_SUM
from custseg_spark.outputs.exports.frames.purchases import totals
from custseg_spark.outputs.exports.layout import ReportTable, Run

# A key can't be null; without these rows the stores wouldn't add up to the customer.
NO_STORE = "(none)"

CUSTOMER_STORE_SUMMARY = ReportTable(
    "customer_store_summary",
    f"""customer_id string, store string, num_purchases bigint, total_spend {MONEY_SUM},
    avg_purchase_amount {MONEY_SUM}, first_purchase_date date, last_purchase_date date,
    run_date date""",
    key=("customer_id", "store"),
    indexes=(("store",),),
)


def rows(run: Run) -> DataFrame:
    """Return one row per customer and store with a purchase or return before the run date."""
    return totals(run, F.coalesce("store", F.lit(NO_STORE)), "store")
