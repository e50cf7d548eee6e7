"""One declaration a table, in Arrow; `ddl` writes Spark's text of it.

Money is decimal(18,4) a value and wider for sums, so that no sum depends on the order of adding.
Ids are strings whatever the source had. Times are microseconds in UTC. Every column may be null.
"""

from dataclasses import dataclass

import pyarrow as pa

from custseg_spark.core.features import registry

MONEY = pa.decimal128(18, 4)
MONEY_SUM = pa.decimal128(28, 4)
MONEY_SQUARES = pa.decimal128(38, 8)
REVENUE = pa.decimal128(38, 4)
# Logarithms of prices: rounded, so that they can be added in any order.
LOG_PRICE = pa.decimal128(18, 12)
LOG_PRICE_SUM = pa.decimal128(28, 12)
TIME = pa.timestamp("us", tz="UTC")

EVENT_TYPES = ("view", "cart", "purchase", "return")
# What has become of a segment since the run before.
CONTINUED, BORN, SPLIT, MERGED, DIED = "continued", "born", "split", "merged", "died"

_DAY, _TEXT, _YES_NO = pa.date32(), pa.string(), pa.bool_()
_LONG, _INT, _BYTE, _DOUBLE = pa.int64(), pa.int32(), pa.int8(), pa.float64()

REASON = pa.struct([(name, _TEXT) for name in ("code", "field", "value", "expected")])
ITEM = pa.struct(
    [
        ("product_key", _LONG),
        ("category_key", _LONG),
        ("brand_key", _LONG),
        ("hour", _BYTE),
        ("order_key", _LONG),
    ]
)


@dataclass(frozen=True)
class Table:
    """A Delta table: its columns and how it is partitioned.

    `statistics` are the columns whose smallest and largest values each file's entry in the log
    holds, for readers to skip files by; empty: none by our own writer, the first 32 by Delta's.
    `hardly_repeating` are columns, by their path in a Parquet file, that a dictionary only makes
    slower to write.
    """

    name: str
    schema: pa.Schema
    partitioned_by: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()
    hardly_repeating: tuple[str, ...] = ()

    @property
    def date_column(self) -> str | None:
        """The partition's column; every partitioned table is so by one date."""
        return self.partitioned_by[0] if self.partitioned_by else None

    @property
    def file_schema(self) -> pa.Schema:
        """The columns of a data file: all but the partition's, which its folder's name holds."""
        return pa.schema([f for f in self.schema if f.name not in self.partitioned_by])


def _columns(columns: dict[str, pa.DataType]) -> pa.Schema:
    return pa.schema(list(columns.items()))


def _all(type_: pa.DataType, names: str) -> dict[str, pa.DataType]:
    """Columns of one type, their names parted by spaces."""
    return dict.fromkeys(names.split(), type_)


EVENTS = Table(
    "events",
    _columns(
        {
            "event_date": _DAY,
            "event_at": TIME,
            **_all(_TEXT, "customer_id event_type product_id category_id category_code brand"),
            "unit_price": MONEY,
            "quantity": _LONG,
            "discount": MONEY,
            **_all(_TEXT, "session_id order_id store event_id source source_file"),
            "source_row": _LONG,
            "file_id": _TEXT,
        }
    ),
    ("event_date",),
    # Of nineteen columns, most of them ids without an order, statistics cost and skip nothing.
    statistics=("event_at", "file_id"),
    hardly_repeating=("event_at", "event_id", "session_id", "order_id", "source_row"),
)

REJECTED_EVENTS = Table(
    "rejected_events",
    _columns(
        {
            "ingest_date": _DAY,
            **_all(_TEXT, "source source_file"),
            "source_row": _LONG,
            "raw_record": _TEXT,
            "reasons": pa.list_(REASON),
            "file_id": _TEXT,
        }
    ),
    ("ingest_date",),
    hardly_repeating=("source_row", "raw_record"),
)

INGEST_FILES = Table(
    "ingest_files",
    _columns(
        {
            **_all(_TEXT, "file_id source source_file source_table sha256"),
            **_all(_LONG, "bytes physical_records header blank accepted rejected duplicates"),
            "rounded": _LONG,
            "skipped_because": _TEXT,
            "ingested_at": TIME,
        }
    ),
)

SESSIONS = Table(
    "sessions",
    _columns(
        {
            "session_date": _DAY,
            **_all(_TEXT, "customer_id session_kind session_id"),
            **_all(TIME, "first_event_at last_event_at"),
            **_all(_LONG, "event_count view_count cart_count purchase_count return_count"),
            "evening_event_count": _LONG,
            **_all(MONEY_SUM, "purchase_amount return_amount discount_amount discounted_amount"),
            **_all(TIME, "first_purchase_at last_purchase_at"),
            "viewed_price_sum": MONEY_SUM,
            "viewed_price_squares": MONEY_SQUARES,
            "max_viewed_price": MONEY,
            "purchased_price_sum": MONEY_SUM,
            "log_price_sum": LOG_PRICE_SUM,
            "log_price_count": _LONG,
            "items": pa.list_(ITEM),
        }
    ),
    ("session_date",),
    statistics=("first_event_at", "last_event_at"),
    hardly_repeating=(
        "customer_id",
        "session_id",
        "first_event_at",
        "last_event_at",
        "first_purchase_at",
        "last_purchase_at",
        "viewed_price_sum",
        "viewed_price_squares",
        "log_price_sum",
        "items.list.element.order_key",
    ),
)

CUSTOMERS = Table(
    "customers",
    _columns(
        {
            **_all(_TEXT, "customer_id name"),
            "age": _INT,
            "income": MONEY,
            **_all(_TEXT, "gender education occupation zip_code source source_file"),
            "source_row": _LONG,
            "file_id": _TEXT,
        }
    ),
    hardly_repeating=("customer_id", "name", "source_row"),
)


CUSTOMER_FEATURES = Table(
    "customer_features",
    pa.schema([("run_date", _DAY), *registry.arrow_schema()]),
    ("run_date",),
    # Customers are in no order that numbers follow: only a list of ids could skip a file.
    statistics=("customer_id",),
    hardly_repeating=("customer_id",),
)

CUSTOMER_SEGMENTS = Table(
    "customer_segments",
    _columns(
        {
            "run_date": _DAY,
            **_all(_TEXT, "algorithm customer_id"),
            **_all(_INT, "cluster segment_id"),
            "segment_name": _TEXT,
            "distance": _DOUBLE,
            "second_segment_id": _INT,
            "margin": _DOUBLE,
            "top_features": pa.list_(_TEXT),
            "memberships": pa.map_(_INT, _DOUBLE),
            **_all(_INT, "rfm_r rfm_f rfm_m"),
            "rfm_group": _TEXT,
            "prediction_timestamp": TIME,
        }
    ),
    ("run_date",),
    statistics=("customer_id",),
    hardly_repeating=("customer_id", "distance", "margin", "memberships.key_value.value"),
)

SEGMENT_PROFILES = Table(
    "segment_profiles",
    _columns(
        {
            "run_date": _DAY,
            "algorithm": _TEXT,
            "segment_id": _INT,
            "segment_name": _TEXT,
            "cluster": _INT,
            "customers": _LONG,
            "customer_share": _DOUBLE,
            "revenue": REVENUE,
            "revenue_share": _DOUBLE,
            "archetype": _TEXT,
            "name_score": _DOUBLE,
            "runner_up": _TEXT,
            "runner_up_score": _DOUBLE,
            "evidence": pa.list_(pa.struct([("feature", _TEXT), ("z_score", _DOUBLE)])),
            "actions": pa.list_(_TEXT),
            "status": _TEXT,
            "related_segments": pa.list_(_INT),
            "born_on": _DAY,
            **_all(_DOUBLE, "overlap jaccard"),
            "stability": _TEXT,
            **_all(_INT, "tree_node tree_parent"),
            "centroid": pa.map_(_TEXT, pa.struct([("value", _DOUBLE), ("scale", _DOUBLE)])),
            "features": pa.map_(
                _TEXT, pa.struct([(name, _DOUBLE) for name in ("mean", "median", "z_score")])
            ),
        }
    ),
    ("run_date",),
)

MODEL_SELECTION = Table(
    "model_selection",
    _columns(
        {
            "run_date": _DAY,
            "algorithm": _TEXT,
            "k": _INT,
            **_all(_DOUBLE, "silhouette davies_bouldin calinski_harabasz within_cluster_cost"),
            **_all(_DOUBLE, "between_cluster_cost smallest_share informed_silhouette"),
            "informed_customers": _LONG,
            **_all(_DOUBLE, "stability adjusted_rand_index agreement"),
            "customers": _LONG,
            "chosen": _YES_NO,
            "why": _TEXT,
            "euclidean_silhouette": _DOUBLE,
            "euclidean_customers": _LONG,
        }
    ),
    ("run_date",),
)

SEGMENT_MIGRATIONS = Table(
    "segment_migrations",
    _columns(
        {
            "run_date": _DAY,
            "algorithm": _TEXT,
            "previous_run_date": _DAY,
            **_all(_INT, "from_segment_id to_segment_id"),
            "customers": _LONG,
            "revenue": REVENUE,
        }
    ),
    ("run_date",),
)

_BIN = pa.struct([(name, _DOUBLE) for name in ("upper", "previous_share", "share")])

FEATURE_DRIFT = Table(
    "feature_drift",
    _columns(
        {
            **_all(_DAY, "run_date previous_run_date"),
            **_all(_TEXT, "kind name"),
            "psi": _DOUBLE,
            "verdict": _TEXT,
            "bins": pa.list_(_BIN),
        }
    ),
    ("run_date",),
)

SEGMENT_POINTS = Table(
    "segment_points",
    _columns(
        {
            "run_date": _DAY,
            **_all(_TEXT, "algorithm customer_id"),
            "segment_id": _INT,
            **_all(_DOUBLE, "x y x_variance y_variance"),
        }
    ),
    ("run_date",),
    hardly_repeating=("customer_id", "x", "y"),
)

_CALIBRATION = pa.struct(
    [("purchases", _INT), ("customers", _LONG), ("actual", _DOUBLE), ("expected", _DOUBLE)]
)
_DECILE = pa.struct(
    [("decile", _INT), ("customers", _LONG), ("revenue_share", _DOUBLE), ("clv_share", _DOUBLE)]
)

CLV_MODELS = Table(
    "clv_models",
    _columns(
        {
            "run_date": _DAY,
            **_all(_LONG, "buyers repeat_buyers"),
            "converged": _YES_NO,
            "why": _TEXT,
            **_all(_DOUBLE, "r alpha a b log_likelihood p q v spend_log_likelihood"),
            "spend_buyers": _LONG,
            "spend_error": _DOUBLE,
            "holdout_days": _INT,
            "calibration": pa.list_(_CALIBRATION),
            "gini": _DOUBLE,
            "deciles": pa.list_(_DECILE),
        }
    ),
    ("run_date",),
)

RUNS = Table(
    "runs",
    _columns(
        {
            **_all(_DAY, "run_date previous_run_date"),
            **_all(_TEXT, "run_id model_use model_reason"),
            "fitted_on": _DAY,
            "warnings": pa.list_(_TEXT),
            "finished_at": TIME,
            **_all(_TEXT, "config_hash config"),
            "seed": _LONG,
            "table_versions": pa.map_(_TEXT, _LONG),
            "models": pa.map_(_TEXT, _TEXT),
            "features": pa.list_(_TEXT),
            "left_out": pa.map_(_TEXT, _TEXT),
            "row_counts": pa.map_(_TEXT, _LONG),
            "stage_seconds": pa.map_(_TEXT, _DOUBLE),
        }
    ),
    ("run_date",),
)

TABLES = (
    EVENTS,
    REJECTED_EVENTS,
    INGEST_FILES,
    SESSIONS,
    CUSTOMERS,
    CUSTOMER_FEATURES,
    CUSTOMER_SEGMENTS,
    SEGMENT_PROFILES,
    MODEL_SELECTION,
    SEGMENT_MIGRATIONS,
    FEATURE_DRIFT,
    SEGMENT_POINTS,
    CLV_MODELS,
    RUNS,
)
