"""One StructType a table, and `conform`: the contract that every write goes through.

Money is decimal(18,4) a value and wider for sums, so that no sum depends on the
order in which Spark adds. Ids are strings whatever the source had.
"""

from dataclasses import dataclass
from functools import cached_property

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

MONEY = "decimal(18,4)"
MONEY_SUM = "decimal(28,4)"
MONEY_SQUARES = "decimal(38,8)"
# Logarithms of prices: rounded, so that they can be added in any order.
LOG_PRICE = "decimal(18,12)"
LOG_PRICE_SUM = "decimal(28,12)"

EVENT_TYPES = ("view", "cart", "purchase", "return")
# What has become of a segment since the run before.
CONTINUED, BORN, SPLIT, MERGED, DIED = "continued", "born", "split", "merged", "died"

_REASON = "struct<code: string, field: string, value: string, expected: string>"
_ITEM = (
    "struct<product_key: bigint, category_key: bigint, brand_key: bigint, hour: tinyint,"
    " order_key: bigint>"
)


def struct_type(ddl: str) -> StructType:
    """The columns of a DDL text; takes a running session."""
    parsed = StructType.fromDDL(ddl)
    assert isinstance(parsed, StructType)  # a DDL of columns is one
    return parsed


@dataclass(frozen=True)
class Table:
    """A Delta table: its columns in Spark's DDL and how it is partitioned.

    `statistics` are the columns whose smallest and largest values each file's entry in the log
    holds, for readers to skip files by; empty: the first 32, as Delta has it.
    """

    name: str
    ddl: str
    partitioned_by: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> StructType:
        """The columns as a StructType; parsing DDL takes a running session, so not at import."""
        return struct_type(self.ddl)


def _table(name: str, ddl: str, *partitioned_by: str, statistics: tuple[str, ...] = ()) -> Table:
    return Table(name, ddl, partitioned_by, statistics)


EVENTS = _table(
    "events",
    f"""event_date date, event_at timestamp, customer_id string, event_type string,
    product_id string, category_id string, category_code string, brand string,
    unit_price {MONEY}, quantity bigint, discount {MONEY}, session_id string, order_id string,
    store string, event_id string, source string, source_file string, source_row bigint,
    file_id string""",
    "event_date",
    # Of nineteen columns, most of them ids without an order, statistics cost and skip nothing.
    statistics=("event_at", "file_id"),
)

REJECTED_EVENTS = _table(
    "rejected_events",
    f"""ingest_date date, source string, source_file string, source_row bigint,
    raw_record string, reasons array<{_REASON}>, file_id string""",
    "ingest_date",
)

INGEST_FILES = _table(
    "ingest_files",
    """file_id string, source string, source_file string, source_table string, sha256 string,
    bytes bigint, physical_records bigint, header bigint, blank bigint, accepted bigint,
    rejected bigint, duplicates bigint, rounded bigint, skipped_because string,
    ingested_at timestamp""",
)

SESSIONS = _table(
    "sessions",
    f"""session_date date, customer_id string, session_kind string, session_id string,
    first_event_at timestamp, last_event_at timestamp,
    event_count bigint, view_count bigint, cart_count bigint, purchase_count bigint,
    return_count bigint, evening_event_count bigint,
    purchase_amount {MONEY_SUM}, return_amount {MONEY_SUM}, discount_amount {MONEY_SUM},
    discounted_amount {MONEY_SUM},
    first_purchase_at timestamp, last_purchase_at timestamp,
    viewed_price_sum {MONEY_SUM}, viewed_price_squares {MONEY_SQUARES},
    max_viewed_price {MONEY}, purchased_price_sum {MONEY_SUM},
    log_price_sum {LOG_PRICE_SUM}, log_price_count bigint,
    items array<{_ITEM}>""",
    "session_date",
    statistics=("first_event_at", "last_event_at"),
)

CUSTOMERS = _table(
    "customers",
    f"""customer_id string, name string, age int, income {MONEY}, gender string,
    education string, occupation string, zip_code string, source string, source_file string,
    source_row bigint, file_id string""",
)

CUSTOMER_SEGMENTS = _table(
    "customer_segments",
    """run_date date, algorithm string, customer_id string, cluster int, segment_id int,
    segment_name string, distance double, second_segment_id int, margin double,
    top_features array<string>, memberships map<int, double>,
    rfm_r int, rfm_f int, rfm_m int, rfm_group string, prediction_timestamp timestamp""",
    "run_date",
    statistics=("customer_id",),
)

SEGMENT_PROFILES = _table(
    "segment_profiles",
    """run_date date, algorithm string, segment_id int, segment_name string, cluster int,
    customers bigint, customer_share double, revenue decimal(38,4), revenue_share double,
    archetype string, name_score double, runner_up string, runner_up_score double,
    evidence array<struct<feature: string, z_score: double>>, actions array<string>,
    status string, related_segments array<int>, born_on date, overlap double,
    jaccard double, stability string, tree_node int, tree_parent int,
    centroid map<string, struct<value: double, scale: double>>,
    features map<string, struct<mean: double, median: double, z_score: double>>""",
    "run_date",
)

MODEL_SELECTION = _table(
    "model_selection",
    """run_date date, algorithm string, k int, silhouette double, davies_bouldin double,
    calinski_harabasz double, within_cluster_cost double, between_cluster_cost double,
    smallest_share double, informed_silhouette double, informed_customers bigint,
    stability double, adjusted_rand_index double, agreement double, customers bigint,
    chosen boolean, why string, euclidean_silhouette double, euclidean_customers bigint""",
    "run_date",
)

SEGMENT_MIGRATIONS = _table(
    "segment_migrations",
    """run_date date, algorithm string, previous_run_date date, from_segment_id int,
    to_segment_id int, customers bigint, revenue decimal(38,4)""",
    "run_date",
)

FEATURE_DRIFT = _table(
    "feature_drift",
    """run_date date, previous_run_date date, kind string, name string, psi double,
    verdict string, bins array<struct<upper: double, previous_share: double, share: double>>""",
    "run_date",
)

SEGMENT_POINTS = _table(
    "segment_points",
    """run_date date, algorithm string, customer_id string, segment_id int, x double, y double,
    x_variance double, y_variance double""",
    "run_date",
)

CLV_MODELS = _table(
    "clv_models",
    """run_date date, buyers bigint, repeat_buyers bigint, converged boolean, why string,
    r double, alpha double, a double, b double, log_likelihood double,
    p double, q double, v double, spend_log_likelihood double, spend_buyers bigint,
    spend_error double, holdout_days int,
    calibration array<struct<purchases: int, customers: bigint, actual: double, expected: double>>,
    gini double,
    deciles array<struct<decile: int, customers: bigint, revenue_share: double,
    clv_share: double>>""",
    "run_date",
)

RUNS = _table(
    "runs",
    """run_date date, previous_run_date date, run_id string, model_use string, model_reason string,
    fitted_on date, warnings array<string>, finished_at timestamp, config_hash string,
    config string, seed bigint, table_versions map<string, bigint>,
    models map<string, string>, features array<string>, left_out map<string, string>,
    row_counts map<string, bigint>, stage_seconds map<string, double>""",
    "run_date",
)


def conform(df: DataFrame, schema: StructType) -> DataFrame:
    """`df` with exactly the columns of `schema`, in order, cast; a missing column is an error."""

    def column(name: str, type_: object) -> Column:
        return F.col(name).cast(type_).alias(name)  # type: ignore[arg-type]

    return df.select([column(f.name, f.dataType) for f in schema.fields])
