-- The lake's tables by their names, for spark-sql started beside the folder `lake`:
--   spark-sql -i conf/views.sql -f FILE
-- In a catalog they have these names already: USE catalog.schema instead.
-- Of the tables with a run_id the views show the published runs, those that `runs` holds.
CREATE TEMPORARY VIEW events USING delta OPTIONS (path 'lake/events');
CREATE TEMPORARY VIEW rejected_events USING delta OPTIONS (path 'lake/rejected_events');
CREATE TEMPORARY VIEW ingest_files USING delta OPTIONS (path 'lake/ingest_files');
CREATE TEMPORARY VIEW sessions USING delta OPTIONS (path 'lake/sessions');
CREATE TEMPORARY VIEW customers USING delta OPTIONS (path 'lake/customers');
CREATE TEMPORARY VIEW customer_features AS
  SELECT * FROM delta.`lake/customer_features` WHERE run_id IN (SELECT run_id FROM delta.`lake/runs`);
CREATE TEMPORARY VIEW customer_segments AS
  SELECT * FROM delta.`lake/customer_segments` WHERE run_id IN (SELECT run_id FROM delta.`lake/runs`);
CREATE TEMPORARY VIEW segment_profiles AS
  SELECT * FROM delta.`lake/segment_profiles` WHERE run_id IN (SELECT run_id FROM delta.`lake/runs`);
CREATE TEMPORARY VIEW model_selection AS
  SELECT * FROM delta.`lake/model_selection` WHERE run_id IN (SELECT run_id FROM delta.`lake/runs`);
CREATE TEMPORARY VIEW segment_migrations AS
  SELECT * FROM delta.`lake/segment_migrations` WHERE run_id IN (SELECT run_id FROM delta.`lake/runs`);
CREATE TEMPORARY VIEW feature_drift AS
  SELECT * FROM delta.`lake/feature_drift` WHERE run_id IN (SELECT run_id FROM delta.`lake/runs`);
CREATE TEMPORARY VIEW segment_points AS
  SELECT * FROM delta.`lake/segment_points` WHERE run_id IN (SELECT run_id FROM delta.`lake/runs`);
CREATE TEMPORARY VIEW clv_models AS
  SELECT * FROM delta.`lake/clv_models` WHERE run_id IN (SELECT run_id FROM delta.`lake/runs`);
CREATE TEMPORARY VIEW runs USING delta OPTIONS (path 'lake/runs');
