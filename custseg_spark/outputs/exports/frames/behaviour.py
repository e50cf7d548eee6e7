"""`customer_behavior_metrics`: a customer's behaviour in figures."""

from pyspark.sql import DataFrame

from custseg_spark.engine.lake.ddl import MONEY, MONEY_SUM
from custseg_spark.outputs.exports.layout import ReportTable, Run

CUSTOMER_BEHAVIOR_METRICS = ReportTable(
    "customer_behavior_metrics",
    f"""customer_id string, name string, age int, income {MONEY}, gender string,
    education string, occupation string, zip_code string, clv {MONEY_SUM}, p_alive double,
    expected_purchases_90d double,
    loyalty_score double, num_purchases bigint, avg_purchase_frequency double,
    avg_purchase_amount {MONEY_SUM}, total_spend {MONEY_SUM}, last_purchase_days_ago int,
    spending_score int, rfm_r int, rfm_f int, rfm_m int, event_count bigint, session_count bigint,
    active_days bigint, days_since_first_event int, days_since_last_event int,
    product_count bigint, category_count bigint, view_to_cart_rate double,
    cart_to_purchase_rate double, cart_abandonment_rate double, segment string, run_date date""",
    key=("customer_id",),
)


def rows(run: Run) -> DataFrame:
    """Return one row per customer of the run: attributes (null if missing), metrics, features."""
    return run.metrics
