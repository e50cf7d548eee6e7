"""The table that a stream writes: customers' current segments."""

from custseg_spark.engine.lake.columns import DAY, DOUBLE, INT, TEXT, YES_NO, each, table

CURRENT_SEGMENTS = table(
    "current_segments",
    {
        **each(TEXT, "customer_id algorithm segment_name model_run_id"),
        **each(INT, "segment_id previous_segment_id second_segment_id"),
        **each(DAY, "segment_since as_of model_run_date"),
        **each(DOUBLE, "distance margin"),
        "is_held": YES_NO,
    },
    # All rows have the same of these, as the log tells without a look into a file.
    statistics=("as_of", "model_run_id"),
)
