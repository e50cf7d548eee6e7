-- The tables and views of an export to PostgreSQL, as `custseg export` makes them the first time.
-- Written by `python scripts/reference_pages.py`; a test holds it to the code.
--
--   psql --dbname=reports --file=conf/deploy/sql/reporting_schema.sql
--
-- It may run again: what is there stays. A loader then needs SELECT, INSERT and DELETE alone.

CREATE TABLE IF NOT EXISTS "customer_segments" (
    "customer_id" text,
    "name" text,
    "age" int,
    "income" decimal(18,4),
    "gender" text,
    "education" text,
    "occupation" text,
    "zip_code" text,
    "clv" decimal(28,4),
    "num_purchases" bigint,
    "avg_purchase_frequency" double precision,
    "avg_purchase_amount" decimal(28,4),
    "last_purchase_days_ago" int,
    "spending_score" int,
    "segment" text,
    "segment_id" int,
    "rfm_group" text,
    "run_date" date,
    "prediction_timestamp" timestamptz,
    PRIMARY KEY ("customer_id")
);
CREATE INDEX IF NOT EXISTS "customer_segments_segment_id" ON "customer_segments" ("segment_id");
CREATE OR REPLACE VIEW "customer_segments_by_mobile" AS SELECT "customer_id" AS "mobile", "name" AS "name", "age" AS "age", "income" AS "income", "gender" AS "gender", "education" AS "education", "occupation" AS "occupation", "zip_code" AS "zip_code", "clv" AS "clv", "num_purchases" AS "num_purchases", "avg_purchase_frequency" AS "avg_purchase_frequency", "avg_purchase_amount" AS "avg_purchase_amount", "last_purchase_days_ago" AS "last_purchase_days_ago", "spending_score" AS "spending_score", "segment" AS "segment_name", "segment_id" AS "segment", "rfm_group" AS "rfm_group", "run_date" AS "run_date", "prediction_timestamp" AS "prediction_timestamp" FROM "customer_segments";

CREATE TABLE IF NOT EXISTS "segment_metrics" (
    "segment_id" int,
    "segment" text,
    "total_spend" decimal(38,4),
    "num_customers" bigint,
    "num_buyers" bigint,
    "customer_share" double precision,
    "avg_clv" decimal(28,4),
    "avg_purchases" double precision,
    "avg_spending_score" double precision,
    "age" double precision,
    "income" decimal(18,4),
    "run_date" date,
    PRIMARY KEY ("segment_id")
);

CREATE TABLE IF NOT EXISTS "customer_outliers" (
    "customer_id" text,
    "rank" int,
    "segment_id" int,
    "segment" text,
    "distance" double precision,
    "outlier_distance" double precision,
    "feature" text,
    "deviation" double precision,
    "value" double precision,
    "segment_median" double precision,
    "run_date" date,
    PRIMARY KEY ("customer_id", "rank")
);
CREATE INDEX IF NOT EXISTS "customer_outliers_segment_id" ON "customer_outliers" ("segment_id");
CREATE OR REPLACE VIEW "customer_outliers_by_mobile" AS SELECT "customer_id" AS "mobile", "rank" AS "rank", "segment_id" AS "segment", "segment" AS "segment_name", "distance" AS "distance", "outlier_distance" AS "outlier_distance", "feature" AS "feature", "deviation" AS "deviation", "value" AS "value", "segment_median" AS "segment_median", "run_date" AS "run_date" FROM "customer_outliers";

CREATE TABLE IF NOT EXISTS "customer_behavior_metrics" (
    "customer_id" text,
    "name" text,
    "age" int,
    "income" decimal(18,4),
    "gender" text,
    "education" text,
    "occupation" text,
    "zip_code" text,
    "clv" decimal(28,4),
    "p_alive" double precision,
    "expected_purchases_90d" double precision,
    "loyalty_score" double precision,
    "num_purchases" bigint,
    "avg_purchase_frequency" double precision,
    "avg_purchase_amount" decimal(28,4),
    "total_spend" decimal(28,4),
    "last_purchase_days_ago" int,
    "spending_score" int,
    "rfm_r" int,
    "rfm_f" int,
    "rfm_m" int,
    "event_count" bigint,
    "session_count" bigint,
    "active_days" bigint,
    "days_since_first_event" int,
    "days_since_last_event" int,
    "product_count" bigint,
    "category_count" bigint,
    "view_to_cart_rate" double precision,
    "cart_to_purchase_rate" double precision,
    "cart_abandonment_rate" double precision,
    "segment" text,
    "run_date" date,
    PRIMARY KEY ("customer_id")
);
CREATE OR REPLACE VIEW "customer_behavior_metrics_by_mobile" AS SELECT "customer_id" AS "mobile", "name" AS "name", "age" AS "age", "income" AS "income", "gender" AS "gender", "education" AS "education", "occupation" AS "occupation", "zip_code" AS "zip_code", "clv" AS "clv", "p_alive" AS "p_alive", "expected_purchases_90d" AS "expected_purchases_90d", "loyalty_score" AS "loyalty_score", "num_purchases" AS "num_purchases", "avg_purchase_frequency" AS "avg_purchase_frequency", "avg_purchase_amount" AS "avg_purchase_amount", "total_spend" AS "total_spend", "last_purchase_days_ago" AS "last_purchase_days_ago", "spending_score" AS "spending_score", "rfm_r" AS "rfm_r", "rfm_f" AS "rfm_f", "rfm_m" AS "rfm_m", "event_count" AS "event_count", "session_count" AS "session_count", "active_days" AS "active_days", "days_since_first_event" AS "days_since_first_event", "days_since_last_event" AS "days_since_last_event", "product_count" AS "product_count", "category_count" AS "category_count", "view_to_cart_rate" AS "view_to_cart_rate", "cart_to_purchase_rate" AS "cart_to_purchase_rate", "cart_abandonment_rate" AS "cart_abandonment_rate", "segment" AS "segment_name", "run_date" AS "run_date" FROM "customer_behavior_metrics";

CREATE TABLE IF NOT EXISTS "customer_store_summary" (
    "customer_id" text,
    "store" text,
    "num_purchases" bigint,
    "total_spend" decimal(28,4),
    "avg_purchase_amount" decimal(28,4),
    "first_purchase_date" date,
    "last_purchase_date" date,
    "run_date" date,
    PRIMARY KEY ("customer_id", "store")
);
CREATE INDEX IF NOT EXISTS "customer_store_summary_store" ON "customer_store_summary" ("store");
CREATE OR REPLACE VIEW "customer_store_summary_by_mobile" AS SELECT "customer_id" AS "mobile", "store" AS "store", "num_purchases" AS "num_purchases", "total_spend" AS "total_spend", "avg_purchase_amount" AS "avg_purchase_amount", "first_purchase_date" AS "first_purchase_date", "last_purchase_date" AS "last_purchase_date", "run_date" AS "run_date" FROM "customer_store_summary";

CREATE TABLE IF NOT EXISTS "customer_purchase_trends" (
    "customer_id" text,
    "month" date,
    "num_purchases" bigint,
    "total_spend" decimal(28,4),
    "avg_purchase_amount" decimal(28,4),
    "run_date" date,
    PRIMARY KEY ("customer_id", "month")
);
CREATE INDEX IF NOT EXISTS "customer_purchase_trends_month" ON "customer_purchase_trends" ("month");
CREATE OR REPLACE VIEW "customer_purchase_trends_by_mobile" AS SELECT "customer_id" AS "mobile", "month" AS "month", "num_purchases" AS "num_purchases", "total_spend" AS "total_spend", "avg_purchase_amount" AS "avg_purchase_amount", "run_date" AS "run_date" FROM "customer_purchase_trends";

CREATE TABLE IF NOT EXISTS "segment_products" (
    "segment_id" int,
    "segment" text,
    "rank" int,
    "product_id" text,
    "category_code" text,
    "brand" text,
    "customers" bigint,
    "segment_buyers" bigint,
    "support" double precision,
    "all_customers" bigint,
    "all_buyers" bigint,
    "lift" double precision,
    "lift_low" double precision,
    "lift_high" double precision,
    "run_date" date,
    PRIMARY KEY ("segment_id", "rank")
);
CREATE INDEX IF NOT EXISTS "segment_products_product_id" ON "segment_products" ("product_id");

CREATE TABLE IF NOT EXISTS "segment_product_pairs" (
    "segment_id" int,
    "segment" text,
    "product_id" text,
    "partner_rank" int,
    "partner_product_id" text,
    "customers" bigint,
    "support" double precision,
    "lift" double precision,
    "lift_low" double precision,
    "lift_high" double precision,
    "run_date" date,
    PRIMARY KEY ("segment_id", "product_id", "partner_rank")
);

CREATE TABLE IF NOT EXISTS "segment_categories" (
    "segment_id" int,
    "segment" text,
    "kind" text,
    "rank" int,
    "name" text,
    "category_code" text,
    "customers" bigint,
    "segment_buyers" bigint,
    "support" double precision,
    "all_customers" bigint,
    "all_buyers" bigint,
    "lift" double precision,
    "lift_low" double precision,
    "lift_high" double precision,
    "run_date" date,
    PRIMARY KEY ("segment_id", "kind", "rank")
);

CREATE TABLE IF NOT EXISTS "segment_memberships" (
    "customer_id" text,
    "segment_id" int,
    "segment" text,
    "membership" double precision,
    "is_own" boolean,
    "run_date" date,
    PRIMARY KEY ("customer_id", "segment_id")
);
CREATE INDEX IF NOT EXISTS "segment_memberships_segment_id" ON "segment_memberships" ("segment_id");
CREATE OR REPLACE VIEW "segment_memberships_by_mobile" AS SELECT "customer_id" AS "mobile", "segment_id" AS "segment", "segment" AS "segment_name", "membership" AS "membership", "is_own" AS "is_own", "run_date" AS "run_date" FROM "segment_memberships";

CREATE TABLE IF NOT EXISTS "segment_changes" (
    "customer_id" text,
    "change" text,
    "segment_id" int,
    "segment" text,
    "other_segment_id" int,
    "other_segment" text,
    "campaign" text,
    "is_control" boolean,
    "previous_run_date" date,
    "run_date" date,
    "entered_on" date,
    "left_on" date,
    "is_reentry" boolean,
    PRIMARY KEY ("customer_id", "change")
);
CREATE INDEX IF NOT EXISTS "segment_changes_segment_id_change" ON "segment_changes" ("segment_id", "change");
CREATE OR REPLACE VIEW "segment_changes_by_mobile" AS SELECT "customer_id" AS "mobile", "change" AS "change", "segment_id" AS "segment", "segment" AS "segment_name", "other_segment_id" AS "other_segment_id", "other_segment" AS "other_segment", "campaign" AS "campaign", "is_control" AS "is_control", "previous_run_date" AS "previous_run_date", "run_date" AS "run_date", "entered_on" AS "entered_on", "left_on" AS "left_on", "is_reentry" AS "is_reentry" FROM "segment_changes";

CREATE TABLE IF NOT EXISTS "campaign_lift" (
    "segment_id" int,
    "segment" text,
    "change" text,
    "treated" bigint,
    "control" bigint,
    "treated_buyers" bigint,
    "control_buyers" bigint,
    "treated_rate" double precision,
    "control_rate" double precision,
    "rate_difference" double precision,
    "rate_low" double precision,
    "rate_high" double precision,
    "treated_mean_spend" decimal(28,4),
    "control_mean_spend" decimal(28,4),
    "spend_difference" decimal(28,4),
    "spend_low" decimal(28,4),
    "spend_high" decimal(28,4),
    "confidence" double precision,
    "campaign" text,
    "purchases_from" date,
    "purchases_until" date,
    "rate_adjusted" double precision,
    "rate_adjusted_low" double precision,
    "rate_adjusted_high" double precision,
    "rate_variance_left" double precision,
    "spend_adjusted" decimal(28,4),
    "spend_adjusted_low" decimal(28,4),
    "spend_adjusted_high" decimal(28,4),
    "spend_variance_left" double precision,
    "rate_detectable" double precision,
    "spend_detectable" decimal(28,4),
    "look_confidence" double precision,
    "looks" text,
    PRIMARY KEY ("segment_id", "change")
);
