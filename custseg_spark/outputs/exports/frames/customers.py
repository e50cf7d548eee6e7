"""`customer_segments`: each customer's segment, attributes and the main figures for a campaign."""

from pyspark.sql import DataFrame

from custseg_spark.engine.lake.ddl import MONEY, MONEY_SUM
from custseg_spark.outputs.exports.layout import ReportTable, Run

CUSTOMER_SEGMENTS = ReportTable(
    "customer_segments",
    f"""customer_id string, name string, age int, income {MONEY}, gender string,
    education string, occupation string, zip_code string, clv {MONEY_SUM}, num_purchases bigint,
    avg_purchase_frequency double, avg_purchase_amount {MONEY_SUM}, last_purchase_days_ago int,
    spending_score int, segment string, segment_id int, rfm_group string, run_date date,
    prediction_timestamp timestamp""",
    key=("customer_id",),
    indexes=(("segment_id",),),
)


def rows(run: Run) -> DataFrame:
    """Return one row per customer of the run; missing attributes are null."""
    return run.metrics
