-- The lake's tables by their names, for spark-sql started beside the folder `lake`:
--   spark-sql -i conf/views.sql -f FILE
-- In a catalog they have these names already: USE catalog.schema instead.
-- Of the tables with a run_id the views show the published runs, those that `runs` holds; all_…
-- has every row.
CREATE TEMPORARY VIEW events USING delta OPTIONS (path 'lake/events');
CREATE TEMPORARY VIEW rejected_events USING delta OPTIONS (path 'lake/rejected_events');
CREATE TEMPORARY VIEW ingest_files USING delta OPTIONS (path 'lake/ingest_files');
CREATE TEMPORARY VIEW sessions USING delta OPTIONS (path 'lake/sessions');
CREATE TEMPORARY VIEW customers USING delta OPTIONS (path 'lake/customers');
CREATE TEMPORARY VIEW runs USING delta OPTIONS (path 'lake/runs');
CREATE TEMPORARY VIEW all_customer_features USING delta OPTIONS (path 'lake/customer_features');
CREATE TEMPORARY VIEW customer_features AS
  SELECT * FROM all_customer_features WHERE run_id IN (SELECT run_id FROM runs);
CREATE TEMPORARY VIEW all_customer_segments USING delta OPTIONS (path 'lake/customer_segments');
CREATE TEMPORARY VIEW customer_segments AS
  SELECT * FROM all_customer_segments WHERE run_id IN (SELECT run_id FROM runs);
CREATE TEMPORARY VIEW all_segment_profiles USING delta OPTIONS (path 'lake/segment_profiles');
CREATE TEMPORARY VIEW segment_profiles AS
  SELECT * FROM all_segment_profiles WHERE run_id IN (SELECT run_id FROM runs);
CREATE TEMPORARY VIEW all_model_selection USING delta OPTIONS (path 'lake/model_selection');
CREATE TEMPORARY VIEW model_selection AS
  SELECT * FROM all_model_selection WHERE run_id IN (SELECT run_id FROM runs);
CREATE TEMPORARY VIEW all_segment_migrations USING delta OPTIONS (path 'lake/segment_migrations');
CREATE TEMPORARY VIEW segment_migrations AS
  SELECT * FROM all_segment_migrations WHERE run_id IN (SELECT run_id FROM runs);
CREATE TEMPORARY VIEW all_feature_drift USING delta OPTIONS (path 'lake/feature_drift');
CREATE TEMPORARY VIEW feature_drift AS
  SELECT * FROM all_feature_drift WHERE run_id IN (SELECT run_id FROM runs);
CREATE TEMPORARY VIEW all_segment_points USING delta OPTIONS (path 'lake/segment_points');
CREATE TEMPORARY VIEW segment_points AS
  SELECT * FROM all_segment_points WHERE run_id IN (SELECT run_id FROM runs);
CREATE TEMPORARY VIEW all_clv_models USING delta OPTIONS (path 'lake/clv_models');
CREATE TEMPORARY VIEW clv_models AS
  SELECT * FROM all_clv_models WHERE run_id IN (SELECT run_id FROM runs);
CREATE TEMPORARY VIEW all_segment_products USING delta OPTIONS (path 'lake/segment_products');
CREATE TEMPORARY VIEW segment_products AS
  SELECT * FROM all_segment_products WHERE run_id IN (SELECT run_id FROM runs);
CREATE TEMPORARY VIEW all_segment_categories USING delta OPTIONS (path 'lake/segment_categories');
CREATE TEMPORARY VIEW segment_categories AS
  SELECT * FROM all_segment_categories WHERE run_id IN (SELECT run_id FROM runs);
CREATE TEMPORARY VIEW all_segment_seasons USING delta OPTIONS (path 'lake/segment_seasons');
CREATE TEMPORARY VIEW segment_seasons AS
  SELECT * FROM all_segment_seasons WHERE run_id IN (SELECT run_id FROM runs);
CREATE TEMPORARY VIEW all_event_summary USING delta OPTIONS (path 'lake/event_summary');
CREATE TEMPORARY VIEW event_summary AS
  SELECT * FROM all_event_summary WHERE run_id IN (SELECT run_id FROM runs);
