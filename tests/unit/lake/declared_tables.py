"""The tables of version 0.1, column for column: what readers of a lake may rely on."""

# By table: its columns in Spark's DDL, its partitions, and the columns with statistics.
TABLES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "events": (
        "event_date date, event_at timestamp, customer_id string, event_type string, product_id "
        "string, category_id string, category_code string, brand string, unit_price "
        "decimal(18,4), quantity bigint, discount decimal(18,4), session_id string, order_id "
        "string, store string, event_id string, source string, source_file string, source_row "
        "bigint, file_id string",
        ("event_date",),
        ("event_at", "file_id"),
    ),
    "rejected_events": (
        "ingest_date date, source string, source_file string, source_row bigint, raw_record "
        "string, reasons array<struct<code: string, field: string, value: string, expected: "
        "string>>, file_id string",
        ("ingest_date",),
        (),
    ),
    "ingest_files": (
        "file_id string, source string, source_file string, source_table string, sha256 string, "
        "bytes bigint, physical_records bigint, header bigint, blank bigint, accepted bigint, "
        "rejected bigint, ignored bigint, duplicates bigint, rounded bigint, skipped_because "
        "string, ingested_at timestamp",
        (),
        (),
    ),
    "sessions": (
        "session_date date, customer_id string, session_kind string, session_id string, "
        "first_event_at timestamp, last_event_at timestamp, event_count bigint, view_count "
        "bigint, cart_count bigint, purchase_count bigint, return_count bigint, "
        "evening_event_count bigint, purchase_amount decimal(28,4), return_amount decimal(28,4), "
        "discount_amount decimal(28,4), discounted_amount decimal(28,4), first_purchase_at "
        "timestamp, last_purchase_at timestamp, viewed_price_sum decimal(28,4), "
        "viewed_price_squares decimal(38,8), max_viewed_price decimal(18,4), purchased_price_sum "
        "decimal(28,4), log_price_sum decimal(28,12), log_price_count bigint, items "
        "array<struct<product_key: bigint, category_key: bigint, brand_key: bigint, hour: "
        "tinyint, order_key: bigint>>, orders array<struct<order_key: bigint, quantity: "
        "decimal(28,0), amount: decimal(28,4)>>",
        ("session_date",),
        ("first_event_at", "last_event_at"),
    ),
    "customers": (
        "customer_id string, name string, age int, income decimal(18,4), gender string, education "
        "string, occupation string, zip_code string, source string, source_file string, "
        "source_row bigint, file_id string",
        (),
        (),
    ),
    "customer_segments": (
        "run_date date, run_id string, "
        "algorithm string, customer_id string, cluster int, segment_id int, "
        "segment_name string, distance double, second_segment_id int, margin double, top_features "
        "array<string>, memberships map<int, double>, rfm_r int, rfm_f int, rfm_m int, rfm_group "
        "string, prediction_timestamp timestamp, is_outlier boolean, oddities "
        "array<struct<feature: string, deviation: double>>, previous_segment_id int, "
        "segment_since date, model_segment_id int, p_stay double",
        ("run_date", "run_id"),
        ("customer_id",),
    ),
    "segment_profiles": (
        "run_date date, run_id string, "
        "algorithm string, segment_id int, segment_name string, cluster int, "
        "customers bigint, customer_share double, revenue decimal(38,4), revenue_share double, "
        "archetype string, name_score double, runner_up string, runner_up_score double, evidence "
        "array<struct<feature: string, z_score: double>>, actions array<string>, status string, "
        "related_segments array<int>, born_on date, overlap double, jaccard double, stability "
        "string, tree_node int, tree_parent int, centroid map<string, struct<value: double, "
        "scale: double>>, features map<string, struct<mean: double, median: double, z_score: "
        "double>>, outlier_distance double, subset_jaccard double, noise_jaccard double, "
        "jitter_jaccard double, is_reliable boolean, rule string, rule_sql string",
        ("run_date", "run_id"),
        (),
    ),
    "model_selection": (
        "run_date date, run_id string, "
        "algorithm string, k int, silhouette double, davies_bouldin double, "
        "calinski_harabasz double, within_cluster_cost double, between_cluster_cost double, "
        "smallest_share double, informed_silhouette double, informed_customers bigint, stability "
        "double, adjusted_rand_index double, agreement double, customers bigint, chosen boolean, "
        "why string, euclidean_silhouette double, euclidean_customers bigint, rule_leaves "
        "int, rule_cost_ratio double, rule_informed_fidelity double, rule_fidelity double",
        ("run_date", "run_id"),
        (),
    ),
    "segment_migrations": (
        "run_date date, run_id string, "
        "algorithm string, previous_run_date date, from_segment_id int, "
        "to_segment_id int, customers bigint, revenue decimal(38,4)",
        ("run_date", "run_id"),
        (),
    ),
    "feature_drift": (
        "run_date date, run_id string, "
        "previous_run_date date, kind string, name string, psi double, verdict "
        "string, bins array<struct<upper: double, previous_share: double, share: double>>",
        ("run_date", "run_id"),
        (),
    ),
    "segment_points": (
        "run_date date, run_id string, "
        "algorithm string, customer_id string, segment_id int, x double, y double, "
        "x_variance double, y_variance double",
        ("run_date", "run_id"),
        (),
    ),
    "clv_models": (
        "run_date date, run_id string, "
        "buyers bigint, repeat_buyers bigint, converged boolean, why string, r "
        "double, alpha double, a double, b double, log_likelihood double, p double, q double, v "
        "double, spend_log_likelihood double, spend_buyers bigint, spend_error double, "
        "holdout_days int, calibration array<struct<purchases: int, customers: bigint, actual: "
        "double, expected: double>>, gini double, deciles array<struct<decile: int, customers: "
        "bigint, revenue_share: double, clv_share: double>>, season array<double>, holdout_error "
        "double, plain_holdout_error double",
        ("run_date", "run_id"),
        (),
    ),
    "segment_products": (
        "run_date date, run_id string, "
        "algorithm string, segment_id int, rank int, product_id string, category_code string, "
        "brand string, "
        "customers bigint, segment_buyers bigint, all_customers bigint, all_buyers bigint, support "
        "double, lift double, lift_low double, lift_high double, bought_together "
        "array<struct<product_id: string, customers: bigint, support: double, lift: double, "
        "lift_low: double, lift_high: double>>",
        ("run_date", "run_id"),
        (),
    ),
    "segment_categories": (
        "run_date date, run_id string, "
        "algorithm string, segment_id int, kind string, rank int, name string, category_code "
        "string, "
        "customers bigint, segment_buyers bigint, all_customers bigint, all_buyers bigint, support "
        "double, lift double, lift_low double, lift_high double",
        ("run_date", "run_id"),
        (),
    ),
    "segment_seasons": (
        "run_date date, run_id string, "
        "algorithm string, segment_id int, period string, number int, years int, days bigint, "
        "purchases bigint, revenue decimal(38,4), purchase_index double, revenue_index double",
        ("run_date", "run_id"),
        (),
    ),
    "event_summary": (
        "run_date date, run_id string, "
        "kind string, event_type string, name string, label string, lower double, upper double, "
        "count bigint",
        ("run_date", "run_id"),
        (),
    ),
    "current_segments": (
        "customer_id string, algorithm string, segment_name string, model_run_id string, "
        "segment_id int, previous_segment_id int, second_segment_id int, segment_since date, "
        "as_of date, model_run_date date, distance double, margin double, is_held boolean",
        (),
        ("as_of", "model_run_id"),
    ),
    "runs": (
        "run_date date, previous_run_date date, run_id string, model_use string, model_reason "
        "string, fitted_on date, warnings array<string>, finished_at timestamp, config_hash "
        "string, config string, made_by string, seed bigint, table_versions map<string, bigint>, "
        "models map<string, string>, model_hashes map<string, string>, features array<string>, "
        "left_out map<string, string>, row_counts map<string, bigint>, stage_seconds "
        "map<string, double>, structure_gap double",
        ("run_date",),
        (),
    ),
    "customer_features": (
        "run_date date, run_id string, "
        "customer_id string, recency_days int, frequency bigint, monetary "
        "decimal(28,4), average_order_value double, purchase_days bigint, event_count bigint, "
        "view_count bigint, cart_count bigint, purchase_count bigint, session_count bigint, "
        "active_days bigint, days_since_first_event int, days_since_last_event int, "
        "active_span_days double, events_per_session double, session_duration_mean_s double, "
        "bounce_rate double, cart_share double, uncompleted_cart_share double, view_to_cart_rate "
        "double, cart_to_purchase_rate double, view_to_purchase_rate double, "
        "cart_abandonment_rate double, engagement_intensity double, loyalty_score double, "
        "product_count bigint, category_count bigint, brand_count bigint, exploration_ratio "
        "double, top_category_share double, category_entropy double, top_brand_share double, "
        "peak_hour int, hour_entropy double, evening_share double, weekend_share double, "
        "days_between_sessions_mean double, events_30d bigint, purchases_30d bigint, spend_30d "
        "decimal(28,4), events_90d bigint, purchases_90d bigint, spend_90d decimal(28,4), "
        "events_365d bigint, purchases_365d bigint, spend_365d decimal(28,4), avg_viewed_price "
        "double, avg_purchased_price double, price_ratio double, price_stddev double, "
        "price_tolerance double, max_viewed_price decimal(18,4), relative_price double, "
        "discounted_spend_share double, mean_discount_depth double, items_per_order double, "
        "products_per_order double, quantity_per_order double, order_value_stddev double, "
        "single_item_order_share double, price_tier double, "
        "discount_share double, age_years int, declared_income decimal(18,4), education_level "
        "int, is_female int, is_male int, occupation_share double, quarter_1_share double, "
        "quarter_2_share double, quarter_3_share double, quarter_4_share double, "
        "month_regularity double, holiday_share double, rfm_r int, rfm_f int, rfm_m "
        "int, rfm_score int, rfm_group string, expected_purchases_90d double, p_alive double, "
        "clv_12m double",
        ("run_date", "run_id"),
        ("customer_id",),
    ),
}
