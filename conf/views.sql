-- The lake's tables by their names, for spark-sql started beside the folder `lake`:
--   spark-sql -i conf/views.sql -f FILE
-- In a catalog they have these names already: USE catalog.schema instead.
CREATE TEMPORARY VIEW events USING delta OPTIONS (path 'lake/events');
CREATE TEMPORARY VIEW rejected_events USING delta OPTIONS (path 'lake/rejected_events');
CREATE TEMPORARY VIEW ingest_files USING delta OPTIONS (path 'lake/ingest_files');
CREATE TEMPORARY VIEW sessions USING delta OPTIONS (path 'lake/sessions');
CREATE TEMPORARY VIEW customers USING delta OPTIONS (path 'lake/customers');
CREATE TEMPORARY VIEW customer_features USING delta OPTIONS (path 'lake/customer_features');
CREATE TEMPORARY VIEW customer_segments USING delta OPTIONS (path 'lake/customer_segments');
CREATE TEMPORARY VIEW segment_profiles USING delta OPTIONS (path 'lake/segment_profiles');
CREATE TEMPORARY VIEW model_selection USING delta OPTIONS (path 'lake/model_selection');
CREATE TEMPORARY VIEW segment_migrations USING delta OPTIONS (path 'lake/segment_migrations');
CREATE TEMPORARY VIEW feature_drift USING delta OPTIONS (path 'lake/feature_drift');
CREATE TEMPORARY VIEW segment_points USING delta OPTIONS (path 'lake/segment_points');
CREATE TEMPORARY VIEW clv_models USING delta OPTIONS (path 'lake/clv_models');
CREATE TEMPORARY VIEW runs USING delta OPTIONS (path 'lake/runs');
