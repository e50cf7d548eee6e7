"""The lake's tables, one declaration each, in Arrow; `ddl` writes Spark's text of it."""

import pyarrow as pa

from custseg_spark.core.features import registry
from custseg_spark.engine.lake.columns import (
    BIN,
    CALIBRATION,
    DAY,
    DECILE,
    DOUBLE,
    INT,
    LONG,
    REVENUE,
    TEXT,
    TIME,
    YES_NO,
    by_run,
    each,
    table,
)
from custseg_spark.engine.lake.event_tables import (
    CUSTOMERS,
    EVENTS,
    INGEST_FILES,
    REJECTED_EVENTS,
    SESSIONS,
)
from custseg_spark.engine.lake.insight_tables import (
    EVENT_SUMMARY,
    SEGMENT_CATEGORIES,
    SEGMENT_PRODUCTS,
    SEGMENT_SEASONS,
)
from custseg_spark.engine.lake.stream_tables import CURRENT_SEGMENTS

__all__ = [
    "BY_RUN",
    "CLV_MODELS",
    "CURRENT_SEGMENTS",
    "CUSTOMERS",
    "CUSTOMER_FEATURES",
    "CUSTOMER_SEGMENTS",
    "EVENTS",
    "EVENT_SUMMARY",
    "FEATURE_DRIFT",
    "INGEST_FILES",
    "MODEL_SELECTION",
    "REJECTED_EVENTS",
    "RUNS",
    "SEGMENT_CATEGORIES",
    "SEGMENT_MIGRATIONS",
    "SEGMENT_POINTS",
    "SEGMENT_PRODUCTS",
    "SEGMENT_PROFILES",
    "SEGMENT_SEASONS",
    "SESSIONS",
    "TABLES",
]

CUSTOMER_FEATURES = by_run(
    "customer_features",
    {field.name: field.type for field in registry.arrow_schema()},
    # Customers are in no order that numbers follow: only a list of ids could skip a file.
    statistics=("customer_id",),
    hardly_repeating=("customer_id",),
)

CUSTOMER_SEGMENTS = by_run(
    "customer_segments",
    {
        **each(TEXT, "algorithm customer_id"),
        **each(INT, "cluster segment_id"),
        "segment_name": TEXT,
        "distance": DOUBLE,
        "second_segment_id": INT,
        "margin": DOUBLE,
        "top_features": pa.list_(TEXT),
        "memberships": pa.map_(INT, DOUBLE),
        **each(INT, "rfm_r rfm_f rfm_m"),
        "rfm_group": TEXT,
        "prediction_timestamp": TIME,
        "is_outlier": YES_NO,
        "oddities": pa.list_(pa.struct([("feature", TEXT), ("deviation", DOUBLE)])),
        "previous_segment_id": INT,
        "segment_since": DAY,
        "model_segment_id": INT,
        "p_stay": DOUBLE,
    },
    statistics=("customer_id",),
    hardly_repeating=(
        "customer_id",
        "distance",
        "margin",
        "memberships.key_value.value",
        "p_stay",
    ),
    later=(
        "is_outlier",
        "oddities",
        "previous_segment_id",
        "segment_since",
        "model_segment_id",
        "p_stay",
    ),
)

SEGMENT_PROFILES = by_run(
    "segment_profiles",
    {
        "algorithm": TEXT,
        "segment_id": INT,
        "segment_name": TEXT,
        "cluster": INT,
        "customers": LONG,
        "customer_share": DOUBLE,
        "revenue": REVENUE,
        "revenue_share": DOUBLE,
        "archetype": TEXT,
        "name_score": DOUBLE,
        "runner_up": TEXT,
        "runner_up_score": DOUBLE,
        "evidence": pa.list_(pa.struct([("feature", TEXT), ("z_score", DOUBLE)])),
        "actions": pa.list_(TEXT),
        "status": TEXT,
        "related_segments": pa.list_(INT),
        "born_on": DAY,
        **each(DOUBLE, "overlap jaccard"),
        "stability": TEXT,
        **each(INT, "tree_node tree_parent"),
        "centroid": pa.map_(TEXT, pa.struct([("value", DOUBLE), ("scale", DOUBLE)])),
        "features": pa.map_(
            TEXT, pa.struct([(name, DOUBLE) for name in ("mean", "median", "z_score")])
        ),
        "outlier_distance": DOUBLE,
        **each(DOUBLE, "subset_jaccard noise_jaccard jitter_jaccard"),
        "is_reliable": YES_NO,
        **each(TEXT, "rule rule_sql"),
    },
    later=(
        "outlier_distance",
        "subset_jaccard",
        "noise_jaccard",
        "jitter_jaccard",
        "is_reliable",
    ),
)

MODEL_SELECTION = by_run(
    "model_selection",
    {
        "algorithm": TEXT,
        "k": INT,
        **each(DOUBLE, "silhouette davies_bouldin calinski_harabasz within_cluster_cost"),
        **each(DOUBLE, "between_cluster_cost smallest_share informed_silhouette"),
        "informed_customers": LONG,
        **each(DOUBLE, "stability adjusted_rand_index agreement"),
        "customers": LONG,
        "chosen": YES_NO,
        "why": TEXT,
        "euclidean_silhouette": DOUBLE,
        "euclidean_customers": LONG,
        "rule_leaves": INT,
        **each(DOUBLE, "rule_cost_ratio rule_informed_fidelity rule_fidelity"),
    },
)

SEGMENT_MIGRATIONS = by_run(
    "segment_migrations",
    {
        "algorithm": TEXT,
        "previous_run_date": DAY,
        **each(INT, "from_segment_id to_segment_id"),
        "customers": LONG,
        "revenue": REVENUE,
    },
)

FEATURE_DRIFT = by_run(
    "feature_drift",
    {
        "previous_run_date": DAY,
        **each(TEXT, "kind name"),
        "psi": DOUBLE,
        "verdict": TEXT,
        "bins": pa.list_(BIN),
    },
)

SEGMENT_POINTS = by_run(
    "segment_points",
    {
        **each(TEXT, "algorithm customer_id"),
        "segment_id": INT,
        **each(DOUBLE, "x y x_variance y_variance"),
    },
    hardly_repeating=("customer_id", "x", "y"),
)

CLV_MODELS = by_run(
    "clv_models",
    {
        **each(LONG, "buyers repeat_buyers"),
        "converged": YES_NO,
        "why": TEXT,
        **each(DOUBLE, "r alpha a b log_likelihood p q v spend_log_likelihood"),
        "spend_buyers": LONG,
        "spend_error": DOUBLE,
        "holdout_days": INT,
        "calibration": pa.list_(CALIBRATION),
        "gini": DOUBLE,
        "deciles": pa.list_(DECILE),
        "season": pa.list_(DOUBLE),
        **each(DOUBLE, "holdout_error plain_holdout_error"),
    },
)

RUNS = table(
    "runs",
    {
        **each(DAY, "run_date previous_run_date"),
        **each(TEXT, "run_id model_use model_reason"),
        "fitted_on": DAY,
        "warnings": pa.list_(TEXT),
        "finished_at": TIME,
        **each(TEXT, "config_hash config made_by"),
        "seed": LONG,
        "table_versions": pa.map_(TEXT, LONG),
        # The name of each algorithm's model, and the hash of all its files.
        **dict.fromkeys(("models", "model_hashes"), pa.map_(TEXT, TEXT)),
        "features": pa.list_(TEXT),
        "left_out": pa.map_(TEXT, TEXT),
        "row_counts": pa.map_(TEXT, LONG),
        "stage_seconds": pa.map_(TEXT, DOUBLE),
        # How much better clusters fit the customers than customers without structure.
        "structure_gap": DOUBLE,
    },
    "run_date",
    later=("made_by", "model_hashes", "structure_gap"),
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
    CURRENT_SEGMENTS,
    SEGMENT_PRODUCTS,
    SEGMENT_CATEGORIES,
    SEGMENT_SEASONS,
    EVENT_SUMMARY,
    RUNS,
)

# What a run publishes together with its row of `runs`.
BY_RUN = tuple(each for each in TABLES if each.is_by_run)
