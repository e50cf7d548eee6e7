"""The table `customer_features`: its columns are the features' own."""

from custseg_spark import features
from custseg_spark.engine.lake.columns import Table

# Customers are in no order that numbers follow: only a list of ids could skip a file.
CUSTOMER_FEATURES = Table(
    "customer_features", features.schema_ddl(), ("run_date",), statistics=("customer_id",)
)
